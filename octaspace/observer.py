"""Watch the calls of a client: the protocol of an observer, and the events it receives.

    class SlowCalls(octaspace.Observer):
        def call_finished(self, event):
            if event.elapsed > 1:
                print(event.operation, event.elapsed, event.attempts)

    client = octaspace.Client(key, observers=[SlowCalls()])

An observer runs in the thread of the call, which waits for it. What it raises is logged once and does not
fail the call. No event contains the API key: where the API repeats it, it is masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from .errors import TimeoutPhase
from .request import Request
from .response import Response

__all__ = [
    "AttemptFinished",
    "AttemptVerdict",
    "CacheResult",
    "CallFinished",
    "CallStarted",
    "Observer",
    "StatsObserver",
    "StatsSource",
]

#: What follows an attempt: the call succeeded or raises, or there is another attempt: after a wait, at the
#: next endpoint, or on a new connection in place of a reused one that was closed.
AttemptVerdict = Literal["ok", "raise", "retry", "failover", "fresh-socket"]

#: How the cache answered a call.
CacheResult = Literal["hit", "miss", "stale"]


@dataclass(frozen=True, slots=True)
class _Event:
    call_id: int
    request: Request

    @property
    def operation(self) -> str | None:
        """The resource method, as in ``nodes.find``; None for a request that is sent with `Client.send`."""
        return self.request.operation


@dataclass(frozen=True, slots=True)
class CallStarted(_Event):
    """A call begins. Nothing has been sent.

    Attributes:
        call_id: Number of the call, unique in this process; the same in all events of the call.
        request: The request.
    """


@dataclass(frozen=True, slots=True)
class AttemptFinished(_Event):
    """One attempt of a call has ended. An attempt that an interrupt ended has no event.

    Attributes:
        call_id: Number of the call.
        request: The request.
        number: Number of the attempt in the call, from 1.
        endpoint: URL of the endpoint.
        start: Seconds from the start of the call to that of the attempt.
        elapsed: Duration in seconds, with the wait for a connection.
        status: HTTP status; None without a response.
        error: ``"TimeoutError"`` or ``"ConnectionError"`` if there was no response, otherwise None.
        phase: The limit that was reached, or None.
        reason: Why there was no response, or None.
        request_id: The API's id of the request, or None.
        proxy: The proxy, without a password; set only for an attempt without a response.
        verdict: What follows.
        wait: Seconds until the next attempt.
        cooldown: Seconds for which the endpoint is skipped because of this attempt, or None.
        connection: Whether the attempt used a new connection or one that had served another request; None if
            it got none, and under libraries that replace requests' connections.
        connection_wait: Seconds of waiting for a free connection of the pool.
        connections_in_use: Connections of the endpoint in use when the attempt began, its own included; None
            without `keep_alive`.
    """

    number: int
    endpoint: str
    start: float
    elapsed: float
    status: int | None
    error: Literal["ConnectionError", "TimeoutError"] | None
    phase: TimeoutPhase | None
    reason: str | None
    request_id: str | None
    proxy: str | None
    verdict: AttemptVerdict
    wait: float
    cooldown: float | None
    connection: Literal["new", "reused"] | None
    connection_wait: float
    connections_in_use: int | None


@dataclass(frozen=True, slots=True)
class CallFinished(_Event):
    """A call has ended.

    Attributes:
        call_id: Number of the call.
        request: The request.
        status: Status of the final response; None if there was none.
        error: The exception that the call raises: an `octaspace.Error`, what a hook raised, or an interrupt.
        attempts: Number of attempts; 0 if the cache answered.
        retries: Number of waits before another attempt.
        failovers: Number of attempts at another endpoint because one had failed.
        elapsed: Duration in seconds, waits included.
        endpoint: URL of the endpoint of the last attempt; None without one.
        cache: How the cache answered; None for a call that is not cached.
    """

    status: int | None
    error: BaseException | None
    attempts: int
    retries: int
    failovers: int
    elapsed: float
    endpoint: str | None
    cache: CacheResult | None
    _response: Callable[[], Response[Any]] | None = field(default=None, repr=False, compare=False)

    @property
    def response(self) -> Response[Any] | None:
        """The final response, error statuses included, or None. The key is masked when this is first read."""
        return None if self._response is None else self._response()

    @property
    def outcome_unknown(self) -> bool:
        """Whether the request may have taken effect although the call raises."""
        return bool(getattr(self.error, "outcome_unknown", False))


@runtime_checkable
class Observer(Protocol):
    """Watches the calls of the clients that have it in `Config.observers`.

    The call continues when the method returns. What it raises is logged once for each method of an observer,
    at the level ERROR, and does not fail the call. For each `call_started` there is one `call_finished`, in
    the same thread. Calls may be nested: an observer, a hook or a log handler may make one. Several threads
    use an observer at the same time.

    A subclass needs only the methods that it uses.
    """

    def call_started(self, event: CallStarted) -> None:
        """A call begins; nothing has been sent."""
        return  # not an empty body: type checkers take such a method of a protocol for an abstract one

    def attempt_finished(self, event: AttemptFinished) -> None:
        """An attempt has ended, and what follows is decided."""
        return

    def call_finished(self, event: CallFinished) -> None:
        """A call has ended: its result is returned or raised next."""
        return


class StatsSource:
    """The statistics of a client and of the clients derived from it.

    The client owns this object and the object does not keep the client: hold it in a `weakref.WeakSet`.

    Args:
        read: Returns the statistics.
    """

    __slots__ = ("__weakref__", "_read")

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    def transport_stats(self) -> dict[str, Any]:
        """See `octaspace.Client.transport_stats`."""
        return self._read()


@runtime_checkable
class StatsObserver(Observer, Protocol):
    """An observer that also reads the statistics of its clients, e.g. for gauges."""

    def client_created(self, stats: StatsSource) -> None:
        """A client with this observer was created. Derived clients share the source of their original."""
        return
