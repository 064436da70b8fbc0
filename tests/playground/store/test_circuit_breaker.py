"""After a timeout the server is left alone, and then one caller tries."""

from __future__ import annotations

from playground.store.circuit_breaker import CircuitBreaker

from .fakes import FakeClock


def test_after_a_timeout_it_is_left_alone_and_one_caller_tries() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock.monotonic, seconds=2.0)
    assert breaker.allows()
    breaker.timed_out()
    assert not breaker.allows()
    clock.advance(1.9)
    assert not breaker.allows()
    clock.advance(0.2)
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.timed_out()
    clock.advance(2.1)
    assert breaker.allows()
    breaker.answered()
    assert [breaker.allows() for _ in range(3)] == [True] * 3
