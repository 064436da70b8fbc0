from __future__ import annotations

import threading
from collections import Counter

import pytest

from octaspace.transport.endpoints import Endpoints
from tests.support.fake_clock import FakeClock

A, B, C = "http://a", "http://b", "http://c"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def endpoints(clock: FakeClock, *urls: str, cooldown: float = 30) -> Endpoints:
    return Endpoints(urls or (A, B, C), cooldown=cooldown, clock=clock.clock())


def answered(rotation: Endpoints) -> str | None:
    """The endpoint of a call that has its answer."""
    url = rotation.pick()
    assert url is not None
    rotation.mark_alive(url)
    return url


def test_healthy_endpoints_take_turns(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    assert Counter(rotation.pick() for _ in range(300)) == {A: 100, B: 100, C: 100}


def test_the_first_call_goes_to_the_first_one(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    assert [answered(rotation) for _ in range(4)] == [A, B, C, A]


def test_turns_stay_even_while_one_endpoint_fails(clock: FakeClock) -> None:
    rotation = endpoints(clock, cooldown=0)
    served: Counter[str | None] = Counter()
    for _ in range(300):
        url = rotation.pick()
        if url == A:
            rotation.mark_failed(A)
            url = rotation.pick(exclude={A})
        assert url is not None
        rotation.mark_alive(url)
        served[url] += 1
    assert served == {B: 150, C: 150}


def test_turns_stay_even_under_threads(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    seen: Counter[str | None] = Counter()
    lock = threading.Lock()

    def work() -> None:
        mine = Counter(rotation.pick() for _ in range(300))
        with lock:
            seen.update(mine)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen.values()) == {800}


def test_a_failed_endpoint_is_skipped_until_its_cooldown_ends(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    rotation.mark_failed(B)
    assert {rotation.pick() for _ in range(20)} == {A, C}
    assert rotation.stats() == {"total": 3, "available": 2, "failed": [B], "cooldown_left": {B: 30.0}}
    clock.advance(12.5)
    assert rotation.stats()["cooldown_left"] == {B: 17.5}
    clock.advance(18)
    assert rotation.stats() == {"total": 3, "available": 3, "failed": [], "cooldown_left": {}}
    assert {rotation.pick() for _ in range(20)} == {A, B, C}


def test_load_of_a_failed_endpoint_is_shared_evenly(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    rotation.mark_failed(A)
    assert Counter(rotation.pick() for _ in range(200)) == {B: 100, C: 100}


def test_with_all_in_cooldown_the_oldest_failure_is_tried(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    for url in (B, A, C):
        rotation.mark_failed(url)
        clock.advance(1)
    assert rotation.pick() == B
    rotation.release_probe(B)
    assert rotation.pick(exclude={B}) == A
    rotation.mark_failed(B)  # a further failure begins its cooldown again
    rotation.mark_failed(A)
    assert rotation.pick() == C


def test_with_all_in_cooldown_one_call_tries_the_oldest_failure_and_the_others_the_next(
    clock: FakeClock,
) -> None:
    rotation = endpoints(clock, A, B)
    rotation.mark_failed(A)
    clock.advance(1)
    rotation.mark_failed(B)
    assert [rotation.pick() for _ in range(24)] == [A] + [B] * 23
    rotation.mark_alive(B)
    assert {rotation.pick() for _ in range(24)} == {B}
    rotation.mark_failed(B)  # while A is still being tried
    assert {rotation.pick() for _ in range(24)} == {B}


def test_a_call_that_has_no_other_endpoint_left_uses_one_that_is_being_tried(clock: FakeClock) -> None:
    rotation = endpoints(clock, A, B)
    rotation.mark_failed(A)
    clock.advance(30)
    assert Counter(rotation.pick() for _ in range(24)) == {A: 1, B: 23}
    assert rotation.pick(exclude={B}) == A


def test_an_endpoint_without_an_answer_gets_one_call_while_another_answers(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    assert Counter(rotation.pick() for _ in range(24)) == {A: 8, B: 8, C: 8}  # nobody knows yet
    rotation.mark_alive(B)
    assert {rotation.pick() for _ in range(24)} == {B}
    rotation.mark_alive(C)
    assert Counter(rotation.pick() for _ in range(24)) == {B: 12, C: 12}
    rotation.release_probe(A)
    assert Counter(rotation.pick() for _ in range(24))[A] == 1


def test_before_any_answer_the_one_that_has_failed_comes_last(clock: FakeClock) -> None:
    rotation = endpoints(clock, A, B)
    assert [rotation.pick(), rotation.pick()] == [A, B]
    rotation.mark_failed(A)
    assert {rotation.pick() for _ in range(24)} == {B}


def test_one_lost_connection_does_not_send_all_calls_to_an_endpoint_that_has_never_answered(
    clock: FakeClock,
) -> None:
    rotation = endpoints(clock, A, B)
    assert [rotation.pick(), rotation.pick()] == [A, B]  # B drops packets: its first call waits
    rotation.mark_alive(A)
    rotation.mark_failed(A)
    assert {rotation.pick() for _ in range(24)} == {A}


def test_an_answer_ends_the_cooldown(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    rotation.mark_failed(A)
    rotation.mark_alive(A)
    assert rotation.stats()["available"] == 3


def test_a_pass_tries_each_once(clock: FakeClock) -> None:
    rotation = endpoints(clock)
    tried: set[str] = set()
    while (url := rotation.pick(exclude=tried)) is not None:
        rotation.mark_failed(url)
        tried.add(url)
    assert tried == {A, B, C}
    assert endpoints(clock, A).pick(exclude={A}) is None


def test_a_retry_goes_to_the_next_healthy_one(clock: FakeClock) -> None:
    rotation = endpoints(clock, A, B)
    assert {rotation.after(A) for _ in range(5)} == {B}
    rotation.mark_failed(B)
    assert rotation.after(A) == A  # it answers, and B does not
    clock.advance(1)
    rotation.mark_failed(A)
    assert rotation.after(A) == B  # both are down; B has been for longer
    assert endpoints(clock, A).after(A) == A


def test_without_a_cooldown_no_endpoint_is_skipped(clock: FakeClock) -> None:
    rotation = endpoints(clock, cooldown=0)
    rotation.mark_failed(A)
    assert rotation.stats()["available"] == 3
