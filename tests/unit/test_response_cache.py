"""What the cache keeps, for how long, and how the callers of a flight take turns."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from octaspace import Request, Response
from octaspace.transport.failures import Answer
from octaspace.transport.response_cache import KeptAnswer, ResponseCache, forbids_keeping, key_of
from octaspace.transport.single_flight import Caller, SingleFlight, is_leading, leading
from tests.support.fake_clock import FakeClock
from tests.support.interrupting import Interrupting


def kept(size: int, clock: FakeClock, headers: Mapping[str, str] | None = None) -> KeptAnswer:
    response = Response(status=200, headers=headers or {}, data=None, body=b"x" * size)
    return KeptAnswer(response, Answer(200, response.headers, response.body), clock.now)


@dataclass
class Kept:
    """A cache and its clock."""

    clock: FakeClock
    cache: ResponseCache

    def keep(self, key: Hashable, size: int = 1, headers: Mapping[str, str] | None = None) -> KeptAnswer:
        answer = kept(size, self.clock, headers)
        self.cache.keep(key, answer, self.cache.generation)
        return answer


@pytest.fixture
def make() -> Callable[..., Kept]:
    def made(max_bytes: int = 100, seconds: float = 10) -> Kept:
        clock = FakeClock()
        cache = ResponseCache(max_bytes, clock.clock())
        cache.use(seconds)
        return Kept(clock, cache)

    return made


def bytes_and_entries(cache: ResponseCache) -> tuple[int, int]:
    stats = cache.stats()
    return stats["bytes"], stats["entries"]


def test_a_body_at_the_limit_is_kept_and_a_larger_one_is_not(make: Callable[..., Kept]) -> None:
    it = make(max_bytes=100)
    answer = it.keep("at", 100)
    assert it.cache.find("at") is answer
    it.keep("over", 101)
    assert it.cache.find("over") is None
    assert it.cache.find("at") is answer  # nothing was dropped for one that is not kept
    assert bytes_and_entries(it.cache) == (100, 1)


def test_the_answer_that_was_not_used_for_longest_is_dropped_first(make: Callable[..., Kept]) -> None:
    it = make(max_bytes=100)
    for key in "abcd":
        it.keep(key, 25)
    it.cache.find("a")
    it.keep("e", 26)  # needs the place of two
    assert [key for key in "abcde" if it.cache.find(key)] == ["a", "d", "e"]
    it.keep("e", 50)  # a larger answer for the same key
    assert [key for key in "abcde" if it.cache.find(key)] == ["a", "d", "e"]
    assert bytes_and_entries(it.cache) == (100, 3)


def test_small_answers_are_bounded_by_their_number(make: Callable[..., Kept]) -> None:
    it = make()
    for number in range(1025):
        it.keep(number, 0)
    assert it.cache.find(0) is None
    assert bytes_and_entries(it.cache) == (0, 1024)
    it.keep(5, 0)  # it has its place already
    assert all(it.cache.find(number) for number in range(1, 1025))


def test_an_answer_with_long_header_fields_is_not_kept(make: Callable[..., Kept]) -> None:
    it = make()
    it.keep("short", headers={"X": "y" * 65_535})
    it.keep("long", headers={"X": "y" * 65_536})
    assert it.cache.find("short")
    assert it.cache.find("long") is None


def test_an_answer_is_kept_as_long_as_any_client_may_use_it(make: Callable[..., Kept]) -> None:
    it = make(seconds=10)
    it.cache.use(4)
    it.keep("a")
    it.clock.advance(10)
    assert it.cache.find("a")
    it.clock.advance(1e-6)
    assert it.cache.find("a") is None
    assert bytes_and_entries(it.cache) == (0, 0)
    it.cache.use(20)
    it.keep("b")
    it.clock.advance(20)
    assert it.cache.find("b")


def test_what_was_requested_before_the_cache_was_emptied_is_not_kept(make: Callable[..., Kept]) -> None:
    it = make()
    it.keep("a")
    before = it.cache.generation
    it.cache.clear()
    assert it.cache.find("a") is None
    it.cache.keep("a", kept(1, it.clock), before)
    assert it.cache.find("a") is None
    it.keep("a")
    assert it.cache.find("a")


def test_the_counts_outlive_the_answers(make: Callable[..., Kept]) -> None:
    it = make()
    it.keep("a", 7)
    for result in ("hit", "hit", "miss", "stale", "stale", "stale"):
        it.cache.count(result)  # type: ignore[arg-type]
    assert it.cache.stats() == {"hits": 2, "misses": 1, "stale": 3, "bytes": 7, "entries": 1}
    it.cache.clear()
    assert it.cache.stats() == {"hits": 2, "misses": 1, "stale": 3, "bytes": 0, "entries": 0}


@pytest.mark.parametrize("step", ["keep", "find", "drop", "stats", "clear"])
def test_an_interrupt_at_any_line_of_a_step_leaves_a_cache_that_works(
    step: str, make: Callable[..., Kept]
) -> None:
    steps: dict[str, Callable[[Kept], object]] = {
        "keep": lambda it: it.keep("new", 60),
        "find": lambda it: it.cache.find("b"),
        "drop": lambda it: it.cache.drop("b"),
        "stats": lambda it: it.cache.stats(),
        "clear": lambda it: it.cache.clear(),
    }
    before = sys.gettrace()
    for line in range(1, 1000):
        it = make(max_bytes=100)
        it.keep("old", 20)
        it.clock.advance(8)
        it.keep("b", 40), it.keep("c", 40)
        it.clock.advance(8)  # the first one has expired
        interrupting = Interrupting(line, within=("octaspace.transport.response_cache", "cachetools"))
        sys.settrace(interrupting)
        try:
            steps[step](it)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        if not interrupting.where:
            break
        for number in range(6):
            it.keep(number, 50)
        assert [number for number in range(6) if it.cache.find(number)] == [4, 5], interrupting.where
        assert bytes_and_entries(it.cache) == (100, 2), interrupting.where
        it.clock.advance(10.1)
        assert bytes_and_entries(it.cache) == (0, 0), interrupting.where
    assert line > 3


def test_a_cache_that_is_not_used_is_freed_at_once(make: Callable[..., Kept]) -> None:
    gc.disable()
    try:
        it = make()
        answer = weakref.ref(it.keep("a").headers)
        assert answer() is not None
        it.cache = None  # type: ignore[assignment]
        assert answer() is None
    finally:
        gc.enable()


class Model(RuleBasedStateMachine):
    """The cache returns what was kept last, never what was dropped, and stays within its limits."""

    keys = st.integers(0, 5)
    limit, longest = 50, 10.0

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.cache = ResponseCache(self.limit, self.clock.clock())
        self.cache.use(self.longest)
        self.known: dict[int, KeptAnswer] = {}
        self.before = self.cache.generation
        self.total = 0  # of all that was kept since the cache was empty

    @rule(key=keys, size=st.integers(0, 60))
    def keep(self, key: int, size: int) -> None:
        answer = kept(size, self.clock)
        self.cache.keep(key, answer, self.cache.generation)
        if size <= self.limit:
            self.known[key] = answer
            self.total += size

    @rule(key=keys)
    @precondition(lambda self: self.before != self.cache.generation)
    def keep_late(self, key: int) -> None:
        self.cache.keep(key, kept(1, self.clock), self.before)

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(key=keys)
    def find(self, key: int) -> None:
        found, known = self.cache.find(key), self.known.get(key)
        alive = known is not None and self.clock.now - known.time <= self.longest
        assert found is None or (alive and found is known)
        if alive and self.total <= self.limit:  # nothing had to be dropped for want of space
            assert found is known

    @rule(key=keys)
    def drop(self, key: int) -> None:
        self.cache.drop(key)
        self.known.pop(key, None)

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.known.clear()
        self.total = 0

    @invariant()
    def limits_hold(self) -> None:
        size, entries = bytes_and_entries(self.cache)
        assert size <= self.limit
        assert entries <= len(self.known)


TestModel = Model.TestCase
TestModel.settings = settings(deadline=None, max_examples=60)


def request(path: str = "/apps", **options: Any) -> Request:
    return Request("GET", path, cacheable=True, **options)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (request(params={"a": "1", "b": "2"}), request(params={"b": "2", "a": "1"})),
        (request("/apps?b=2&a=1"), request(params={"a": "1", "b": "2"})),
        (request("/apps?b=2", params={"a": "1"}), request("/apps?a=1", params={"b": "2"})),
        (request("/apps?"), request()),
        (request(expects="json"), request(operation="apps.list")),
        (request(params={"a": "x y"}), request("/apps?a=x+y")),
    ],
)
def test_requests_that_share_an_answer(first: Request, second: Request) -> None:
    assert key_of(first, "sk") == key_of(second, "sk")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (request("/apps"), request("/network")),
        (request(params={"a": "1"}), request(params={"a": "2"})),
        (request(params={"a": "1"}), request(params={"b": "1"})),
        (request(params={"a": "1&b=2"}), request(params={"a": "1", "b": "2"})),
        (request("/apps?a=1&a=2"), request("/apps?a=2&a=1")),
        (request("/apps?a=%FF"), request("/apps?a=%FE")),
        (request("/apps?a"), request("/apps?a=")),
        (request("/apps"), Request("HEAD", "/apps", cacheable=True)),
        (request("/apps"), request("/apps", public=True)),
    ],
)
def test_requests_that_do_not_share_an_answer(first: Request, second: Request) -> None:
    assert key_of(first, "sk") != key_of(second, "sk")


def test_public_requests_share_their_answers_between_keys() -> None:
    assert key_of(request(), "sk-1") != key_of(request(), "sk-2")
    assert key_of(request(), "sk-1") != key_of(request(), None)
    assert key_of(request(public=True), "sk-1") == key_of(request(public=True), "sk-2")


def test_a_query_that_cannot_be_sent_has_no_key() -> None:
    assert key_of(request(params={"a": "\ud800"}), None) is None


@pytest.mark.parametrize(
    ("control", "forbidden"),
    [
        ("no-store", True),
        ("No-Store", True),
        ("max-age=60, NO-STORE", True),
        ("private,no-store,must-revalidate", True),
        (" \tno-store \t", True),
        ("no-store=1", True),
        ('private="set-cookie", no-store', True),
        ('private="unbalanced, no-store', True),
        ("", False),
        ("no-cache", False),
        ("max-age=0, private", False),
        ("x-no-store", False),
        ("no-store-at-all", False),
        ('extension="no-store"', False),
        ('extension="a, no-store, b"', False),
        (r'extension="\", no-store, \""', False),
    ],
)
def test_no_store_is_one_of_a_list_of_directives(control: str, forbidden: bool) -> None:
    response = Response(status=200, headers={"cache-control": control}, data=None)
    assert forbids_keeping(response.headers) is forbidden


def test_an_answer_without_cache_control_may_be_kept() -> None:
    assert forbids_keeping({}) is False


def test_the_first_caller_leads_and_the_next_one_after_it() -> None:
    flights: SingleFlight[str] = SingleFlight()
    first, second, third = callers = [Caller[str]() for _ in range(3)]
    for caller in callers:
        flights.join("key", caller)
    gate = flights.gate(second)
    assert flights.gate(first) is None
    assert gate is not None
    assert gate is flights.gate(third)
    assert not gate.acquire(blocking=False)
    flights.leave(first)
    assert gate.acquire(blocking=False)
    assert flights.gate(second) is None
    assert flights.gate(third) is not None
    flights.end(second, "result")
    flights.leave(second)
    assert flights.gate(third) is None
    assert third.flight is not None
    assert (third.flight.ended, third.flight.result) == (True, "result")
    flights.leave(third)
    assert flights._flights == {}


def test_the_second_failure_is_the_result_for_all() -> None:
    flights: SingleFlight[str] = SingleFlight()
    first, second, third, late = (Caller[str]() for _ in range(4))
    for caller in (first, second, third):
        flights.join("key", caller)
    flights.fail(first, "one")
    flights.leave(first)
    flights.join("key", late)
    assert (second.failures, late.failures) == (0, 1)
    assert flights.gate(second) is None
    assert second.flight is not None
    assert (second.flight.ended, second.flight.failure) == (False, "one")
    flights.fail(second, "two")
    flights.leave(second)
    for caller in (third, late):
        assert flights.gate(caller) is None
        assert caller.flight is not None
        assert caller.flight.result == "two"


def test_a_flight_is_forgotten_when_everyone_has_left() -> None:
    flights: SingleFlight[str] = SingleFlight()
    first, second = Caller[str](), Caller[str]()
    flights.join("key", first), flights.join("key", second)
    flights.leave(first)
    assert list(flights._flights) == ["key"]
    flights.leave(second)
    flights.leave(second)
    assert flights._flights == {}
    flights.leave(Caller())  # one that has not joined


def test_who_comes_after_the_cache_was_emptied_joins_another_flight() -> None:
    flights: SingleFlight[str] = SingleFlight()
    first, second = Caller[str](), Caller[str]()
    flights.join("key", first)
    flights.forget()
    flights.join("key", second)
    assert first.flight is not second.flight
    assert flights.gate(second) is None
    flights.end(first, "old")
    flights.leave(first)
    assert flights._flights == {"key": second.flight}


def test_a_flight_of_the_parent_has_no_leader_in_a_child() -> None:
    flights: SingleFlight[str] = SingleFlight()
    leader, waiting = Caller[str](), Caller[str]()
    flights.join("key", leader), flights.join("key", waiting)
    assert flights.gate(waiting) is not None
    flights.after_fork_in_child()
    assert flights.gate(waiting) is None
    assert waiting.flight is not None
    assert waiting.flight.leader is waiting


def test_waking_does_not_end_a_wait() -> None:
    flights: SingleFlight[str] = SingleFlight()
    leader, waiting = Caller[str](), Caller[str]()
    flights.join("key", leader), flights.join("key", waiting)
    gate = flights.gate(waiting)
    flights.wake()
    assert gate is not None
    assert gate.acquire(blocking=False)
    other = flights.gate(waiting)
    assert other is not None
    assert not other.acquire(blocking=False)


def test_only_the_code_of_the_request_itself_is_leading() -> None:
    flights: SingleFlight[str] = SingleFlight()
    caller = Caller[str]()
    assert not is_leading()
    flights.join("key", caller)
    with leading(caller):
        assert is_leading()
        flights.leave(caller)
        assert not is_leading()  # nobody waits for it any longer
    assert not is_leading()


@pytest.mark.parametrize("part", ["leader", "waiting"])
def test_an_interrupt_at_any_line_leaves_a_flight_that_goes_on(part: str) -> None:
    """The interrupted caller leaves twice, as `CachedRead` does, and the interrupt is in the first."""
    before = sys.gettrace()
    for line in range(1, 1000):
        flights: SingleFlight[str] = SingleFlight()
        interrupted, other = Caller[str](), Caller[str]()
        if part == "waiting":
            flights.join("key", other)
        interrupting = Interrupting(line, within=("octaspace.transport.single_flight",))
        sys.settrace(interrupting)
        try:
            try:
                try:
                    flights.join("key", interrupted)
                    flights.gate(interrupted)
                    if part == "leader":
                        flights.join("key", other)
                        flights.fail(interrupted, "failure")
                finally:
                    flights.leave(interrupted)
            finally:
                flights.leave(interrupted)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        if not interrupting.where:
            break
        if other.flight is None:
            flights.join("key", other)
        assert flights.gate(other) is None, interrupting.where
        flights.end(other, "result")
        flights.leave(other)
        assert flights._flights == {}, interrupting.where
    assert line > 20
