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
        retry, interval=0.5, factor=2.0, retry_after=retry_after, max_retry_after=60, clock=clock.clock()
    )


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


def test_a_factor_beyond_floats_does_not_overflow() -> None:
    clock = FakeClock().clock()
    assert backoff(5000, interval=1, factor=10.0, retry_after=None, max_retry_after=60, clock=clock) == 60


def test_no_wait_is_longer_than_can_be_slept() -> None:
    clock = FakeClock().clock()
    wait = backoff(1, interval=MAX_SECONDS, factor=1e9, retry_after=None, max_retry_after=60, clock=clock)
    assert wait == MAX_SECONDS
