"""Tells the hooks and the observers of a client about each call."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, Literal

from ..config import Config
from ..errors import Error
from ..hook_failure import hook_after_sending, hook_failure
from ..key_mask import KeyMask
from ..observer import AttemptFinished, CacheResult, CallFinished, CallStarted, Observer, StatsSource
from ..request import Request
from ..response import Response
from .attempt_event import request_without_key
from .clock import Clock
from .log_lines import log_line

__all__ = ["CallWatch", "Observation"]

_call_ids: Final = count(1)

_Method = Literal["client_created", "call_started", "attempt_finished", "call_finished"]


class Observation:
    """The hooks and the observers of one client.

    Args:
        config: The client's options.
        log: Where an observer that raises is reported.
    """

    def __init__(self, config: Config, log: logging.Logger) -> None:
        self.on_request, self.on_response = config.on_request, config.on_response
        self.observers: tuple[Observer, ...] = config.observers
        #: Whether anything watches; read for every call.
        self.active = bool(
            config.observers or config.on_request is not None or config.on_response is not None
        )
        self._log = log

    def add(self, observer: Observer) -> None:
        """Add an observer that is not in `Config.observers`, in front of those."""
        self.observers = (observer, *self.observers)
        self.active = True

    def created(self, source: StatsSource) -> None:
        """Give the statistics to the observers that want them."""
        for observer in self.observers:
            self.tell(observer, "client_created", source)

    def watch(self, request: Request, *, mask: KeyMask, clock: Clock) -> CallWatch:
        """Watch a call.

        Args:
            request: The request.
            mask: Masks the key in the events.
            clock: The clock of the client.
        """
        return CallWatch(self, request, mask, clock)

    def tell(self, observer: Observer, method: _Method, event: Any) -> None:
        """Call a method of an observer. An exception is logged, the first one of each method only."""
        try:
            if method != "client_created" or hasattr(observer, method):  # only a `StatsObserver` has it
                getattr(observer, method)(event)
        except Exception as error:
            if not _is_first_error(observer, method):
                return
            log_line(
                self._log, logging.ERROR,
                "the observer %s raised %s in %s; the call continues, further errors there are not logged",
                type(observer).__name__, type(error).__name__, method, error=error,
            )  # fmt: skip


#: By id of an observer that has raised: the observer, and the methods that have. The reference is weak where
#: possible, so that the id of one that is gone can be used again.
_failed: Final[dict[int, tuple[object, set[str]]]] = {}


def _is_first_error(observer: Observer, method: str) -> bool:
    """Whether no error of this method of the observer was logged in this process, by whatever client."""
    key = id(observer)
    known = _failed.get(key)
    if known is None:
        try:
            reference: object = weakref.ref(observer, lambda _: _failed.pop(key, None))
        except TypeError:
            reference = observer
        known = _failed.setdefault(key, (reference, set()))
    methods = known[1]
    if method in methods:
        return False
    methods.add(method)
    return True


class CallWatch:
    """One call, as its hooks and observers see it.

    Args:
        observation: The hooks and observers.
        request: The request.
        mask: Masks the key in the events.
        clock: The clock of the client.

    Attributes:
        call_id: Number of the call.
        cache: How the cache answered; None if it was not asked.
    """

    __slots__ = (
        "_attempts", "_clock", "_endpoint", "_failovers", "_mask", "_observation", "_request", "_retries",
        "_shown", "_started", "_told", "cache", "call_id",
    )  # fmt: skip

    def __init__(self, observation: Observation, request: Request, mask: KeyMask, clock: Clock) -> None:
        self.call_id = next(_call_ids)
        self.cache: CacheResult | None = None
        self._observation = observation
        self._request = request
        self._shown = request_without_key(request, mask) if observation.observers else request
        self._mask = mask
        self._clock = clock
        self._started = clock.monotonic()
        self._told: list[Observer] = []
        self._attempts = self._retries = self._failovers = 0
        self._endpoint: str | None = None

    def start(self) -> None:
        """Report the start of the call. What `on_request` raises ends the call."""
        observation, request = self._observation, self._request
        if observation.observers:
            event = CallStarted(self.call_id, self._shown)
            for observer in observation.observers:
                self._told.append(observer)
                observation.tell(observer, "call_started", event)
        if observation.on_request is not None:
            try:
                observation.on_request(
                    {"method": request.method, "path": request.path, "params": dict(request.params)}
                )
            except Error as error:  # observers see it
                self._mask.error(error)
                raise

    def attempted(self, create: Callable[[int, Request], AttemptFinished]) -> None:
        """Report the end of an attempt.

        Args:
            create: Creates the event from the number of the call and the request without the key.
        """
        event = create(self.call_id, self._shown)
        self._attempts += 1
        self._retries += event.verdict == "retry"
        self._failovers += event.verdict == "failover"
        self._endpoint = event.endpoint
        for observer in self._told:
            self._observation.tell(observer, "attempt_finished", event)

    def answered(self, response: Response[Any]) -> None:
        """Call the hook with the final response. What it raises ends the call."""
        if self._observation.on_response is not None:
            with hook_after_sending(response):
                self._observation.on_response(response)

    def finish(
        self, response: Response[Any] | None, error: BaseException | None = None, *, is_masked: bool = False
    ) -> None:
        """Report the end of the call. An interrupt during it is raised after the last observer.

        Args:
            response: The final response, or None.
            error: What the call raises, or None.
            is_masked: Whether the key in the response is already masked, as in that of an error.
        """
        if not self._told:
            return
        if isinstance(error, Error):  # an error of requests, which a hook may raise, has another response
            response, is_masked = error.response, True
        event = CallFinished(
            call_id=self.call_id,
            request=self._shown,
            status=None if response is None else response.status,
            error=error,
            attempts=self._attempts,
            retries=self._retries,
            failovers=self._failovers,
            elapsed=self._clock.monotonic() - self._started,
            endpoint=self._endpoint,
            cache=self.cache,
            _response=None
            if response is None
            else _MaskedResponse(response, None if is_masked else self._mask),
        )
        earlier = None if error is None else hook_failure(error)
        # An interrupt replaces the error: without its mark, a rental that was made would not be stopped.
        with hook_after_sending(response if earlier is None else earlier.response):
            _for_each(
                self._told[::-1], lambda observer: self._observation.tell(observer, "call_finished", event)
            )


class _MaskedResponse:
    """A response whose key is masked when it is first needed: a large one takes a tenth of a second."""

    __slots__ = ("_mask", "_response")

    def __init__(self, response: Response[Any], mask: KeyMask | None) -> None:
        self._response = response
        self._mask = mask

    def __call__(self) -> Response[Any]:
        mask = self._mask
        if mask is not None:
            self._response = mask.response(self._response)
            self._mask = None
        return self._response

    def __reduce__(self) -> tuple[Any, ...]:
        return _MaskedResponse, (self(), None)


def _for_each(observers: Sequence[Observer], tell: Callable[[Observer], None]) -> None:
    """Call each; the first interrupt is raised after the last."""
    for place, observer in enumerate(observers):
        try:
            tell(observer)
        except BaseException:
            _for_each(observers[place + 1 :], tell)
            raise
