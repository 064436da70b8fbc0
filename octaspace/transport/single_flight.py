"""One request for all callers that ask for the same at the same time.

A flight is the request for one key and the callers that wait for it. One of them leads: it sends the
request. If the leader leaves without a result, because it was interrupted for example, the next caller leads.

Waiting callers take a plain lock, the gate, with a time limit: an interrupt in the middle of a `Condition`
could leave its lock locked forever.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, Final, Generic, TypeVar

from ..fork import register_after_fork

__all__ = ["Caller", "Flight", "SingleFlight", "is_leading", "leading"]

ResultT = TypeVar("ResultT")

#: How many requests of a flight may fail before all of its callers get the error.
_MAX_FAILURES: Final = 2


class Caller(Generic[ResultT]):
    """One call that takes part in a flight.

    Attributes:
        flight: Its flight; None before `SingleFlight.join` and after `SingleFlight.leave`.
        failures: How many failed requests of the flight it knows of: those before it joined, at first.
    """

    __slots__ = ("failures", "flight")

    def __init__(self) -> None:
        self.flight: Flight[ResultT] | None = None
        self.failures = 0


class Flight(Generic[ResultT]):
    """The callers that wait for the same request. `SingleFlight` changes it.

    Attributes:
        ended: Whether there is a result for all callers.
        result: The result, once ended.
        failure: What the last failed request came to.
        failures: How many requests have failed.
    """

    __slots__ = ("callers", "ended", "failure", "failures", "gate", "key", "leader", "process", "result")

    def __init__(self, key: Hashable, leader: Caller[ResultT], process: object) -> None:
        self.key = key
        self.callers = {leader}
        self.leader: Caller[ResultT] | None = leader
        self.process = process
        self.gate = _closed_gate()
        self.ended = False
        self.result: ResultT | None = None
        self.failure: ResultT | None = None
        self.failures = 0

    def wake(self) -> None:
        """Let the waiting callers look again."""
        closed = _closed_gate()
        gate, self.gate = self.gate, closed
        with suppress(RuntimeError):  # a signal handler that interrupted this has released it
            gate.release()  # the first caller takes it and releases it for the next


def _closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


class SingleFlight(Generic[ResultT]):
    """The flights of one cache. Safe to share between threads and across `os.fork()`.

    A caller must `leave` in a ``finally``. Each step may be repeated, so a caller that is interrupted in it
    leaves again.
    """

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start without flights: their leaders are threads of the parent."""
        # Reentrant: a signal handler may call the SDK while its thread holds it.
        self._lock = threading.RLock()
        self._flights: dict[Hashable, Flight[ResultT]] = {}
        #: Belongs to this process; a flight with another one has no leader here.
        self._process = object()

    def join(self, key: Hashable, caller: Caller[ResultT]) -> Flight[ResultT]:
        """Join the flight for a key. The first caller leads.

        Args:
            key: What is asked for.
            caller: The call.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                caller.flight = flight = Flight(key, caller, self._process)
                self._flights[key] = flight
            else:
                caller.flight = flight
                caller.failures = flight.failures
                flight.callers.add(caller)
            return flight

    def gate(self, caller: Caller[ResultT]) -> threading.Lock | None:
        """What the caller has to wait for; None if the flight has ended or the caller leads now.

        Args:
            caller: A caller that has joined. It takes the gate, within a time limit, releases it and
                asks again.
        """
        flight = caller.flight
        assert flight is not None
        with self._lock:
            if flight.ended or flight.leader is caller:
                return None
            if flight.leader is None or flight.process is not self._process:
                flight.leader = caller
                flight.process = self._process
                return None
            return flight.gate

    def end(self, caller: Caller[ResultT], result: ResultT | None) -> None:
        """Give all callers of the flight a result.

        Args:
            caller: The leader.
            result: The result.
        """
        flight = caller.flight
        assert flight is not None
        with self._lock:
            flight.result = result
            flight.ended = True

    def fail(self, caller: Caller[ResultT], failure: ResultT) -> None:
        """Record that the request has failed. The second failure is the result for all callers.

        Args:
            caller: The leader.
            failure: What the request came to.
        """
        flight = caller.flight
        assert flight is not None
        with self._lock:
            flight.failure = failure
            flight.failures += 1
            if flight.failures >= _MAX_FAILURES:
                flight.result = failure
                flight.ended = True

    def leave(self, caller: Caller[ResultT]) -> None:
        """Leave the flight. If the caller leads and there is no result, the next caller leads. Idempotent.

        Args:
            caller: A caller, joined or not.
        """
        flight = caller.flight
        if flight is None:
            return
        with self._lock:
            flight.callers.discard(caller)
            if flight.leader is caller:
                flight.wake()
                flight.leader = None
            if (flight.ended or not flight.callers) and self._flights.get(flight.key) is flight:
                self._flights.pop(flight.key, None)  # a signal handler may have forgotten it just now
        caller.flight = None

    def forget(self) -> None:
        """Let later callers begin other flights than those under way."""
        with self._lock:
            self._flights = {}

    def wake(self) -> None:
        """Let all waiting callers look whether their client is closed."""
        with self._lock:
            for flight in list(self._flights.values()):
                flight.wake()


class leading:  # noqa: N801  # reads as a statement: `with leading(caller):`
    """Mark that the code of a block runs inside of the call of a caller, which may lead."""

    __slots__ = ("_caller", "_token")

    _token: Token[Caller[Any] | None]

    def __init__(self, caller: Caller[Any]) -> None:
        self._caller = caller

    def __enter__(self) -> None:
        self._token = _leader.set(self._caller)

    def __exit__(self, *exc_info: object) -> None:
        _leader.reset(self._token)


#: The caller that takes part in a flight. A context variable, because a thread that works for it has a copy.
_leader: ContextVar[Caller[Any] | None] = ContextVar("octaspace_leader", default=None)


def is_leading() -> bool:
    """Whether the code runs inside of a call that others wait for, as an observer or a signal handler may.

    It must not wait for a flight: it would wait for itself, or for one that waits for it.
    """
    caller = _leader.get()
    flight = None if caller is None else caller.flight
    return flight is not None and flight.leader is caller
