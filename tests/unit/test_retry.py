"""The table of the retry policy, line by line."""

from __future__ import annotations

import pytest

from octaspace.request import MAX_SECONDS
from octaspace.transport.retry import RETRY_STATUSES, Outcome, Verdict, backoff, decide
from tests.support.fake_clock import FakeClock


@pytest.mark.parametrize(
    ("outcome", "status", "repeatable", "otherwise"),
    [
        (Outcome.UNSENT, None, Verdict.NEXT_ENDPOINT, Verdict.NEXT_ENDPOINT),
        (Outcome.LOST, None, Verdict.NEXT_ENDPOINT, Verdict.DONE),
        (Outcome.STALE, None, Verdict.NEW_CONNECTION, Verdict.DONE),
        *[
            (Outcome.ANSWERED, status, Verdict.WAIT, Verdict.DONE)
            for status in (408, 429, 500, 502, 503, 504)
        ],
        *[
            (Outcome.ANSWERED, status, Verdict.DONE, Verdict.DONE)
            for status in (200, 204, 302, 400, 401, 404, 501)
        ],
    ],
)
def test_the_table(outcome: Outcome, status: int | None, repeatable: Verdict, otherwise: Verdict) -> None:
    assert decide(outcome, status, repeatable=True) is repeatable
    assert decide(outcome, status, repeatable=False) is otherwise


def test_the_statuses_worth_a_retry() -> None:
    assert {408, 429, 500, 502, 503, 504} == RETRY_STATUSES


def wait(retry: int, clock: FakeClock, retry_after: float | None = None) -> float | None:
    return backoff(
        retry, interval=0.5, factor=2.0, max_interval=30, retry_after=retry_after, max_retry_after=60,
        clock=clock.clock(),
    )  # fmt: skip


def test_waits_grow_with_jitter_between_half_and_one_and_a_half() -> None:
    clock = FakeClock()
    assert [wait(n, clock) for n in range(4)] == [0.5, 1.0, 2.0, 4.0]
    clock.chance = 0.0
    assert wait(1, clock) == 0.5
    clock.chance = 1.0
    assert wait(1, clock) == 1.5


def test_retry_after_is_obeyed_and_one_too_long_is_not_waited_for() -> None:
    clock = FakeClock()
    assert wait(0, clock, 7.0) == 7.0
    assert wait(0, clock, 0.0) == 0.0
    assert wait(0, clock, 60.0) == 60.0
    assert wait(0, clock, 60.1) is None


def capped(
    retry: int, *, interval: float = 1, factor: float = 2.0, most: float = 30, chance: float = 0.5
) -> float | None:
    clock = FakeClock()
    clock.chance = chance
    return backoff(
        retry, interval=interval, factor=factor, max_interval=most, retry_after=None, max_retry_after=60,
        clock=clock.clock(),
    )  # fmt: skip


def test_waits_stop_growing_at_max_retry_interval() -> None:
    assert [capped(n) for n in range(3, 8)] == [8, 16, 30, 30, 30]
    assert [capped(20, chance=chance) for chance in (0.0, 0.5, 1.0)] == [15, 30, 45]
    assert capped(0, interval=5, most=2) == 2
    assert capped(9, most=0) == 0


@pytest.mark.parametrize("retry", [1023, 1024, 5000, 10**9, 2**63])
@pytest.mark.parametrize("factor", [2, 2.0, 10.0, 1e300])
def test_any_number_of_retries_waits_no_longer(retry: int, factor: float) -> None:
    """2.0**5000 is beyond floats, and 2**(10**9) takes minutes to compute."""
    assert capped(retry, factor=factor, most=30) == 30
    assert capped(retry, factor=factor, interval=0) == 0
    assert capped(retry, factor=0.25) == 0
    assert capped(retry, factor=1) == 1


def test_max_retry_interval_does_not_limit_retry_after() -> None:
    """Only `max_retry_after` limits the wait that the API asks for."""
    assert wait(0, FakeClock(), 59.0) == 59.0


def test_no_wait_exceeds_the_maximum_of_sleep() -> None:
    assert capped(1, interval=MAX_SECONDS, factor=1e9, most=MAX_SECONDS, chance=1.0) == MAX_SECONDS
