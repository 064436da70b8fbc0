"""One call that the cache may answer.

Fresh answers are returned at once. Otherwise one caller sends the request, and those that ask for the same
meanwhile wait for it. If the API fails, an older answer may be used.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

from ..config import Config
from ..errors import NetworkError, TimeoutError
from ..key_mask import KeyMask
from ..observer import CacheResult
from ..request import BodySink, Request
from ..response import Response
from .clock import Clock, Deadline
from .decoded_answer import decoded_answer
from .failures import Answer
from .log_lines import log_line
from .messages import closed_error, deadline_error
from .response_cache import KeptAnswer, ResponseCache, forbids_keeping, key_of
from .response_error import is_acceptable, response_error
from .single_flight import Caller, Flight, is_leading, leading
from .trace import POLL_INTERVAL

__all__ = ["CachedRead"]

_Received = tuple[Response[Any], Answer]

#: What the request of a flight came to: an answer, good or bad, or an error without an answer.
_Result = KeptAnswer | NetworkError


class CachedRead:
    """A call of a client with a cache. It runs once.

    Args:
        cache: The cache.
        request: The request.
        config: The client's options.
        clock: The client's clock.
        mask: Masks the key.
        started: When the call started.
        deadline: The end of the whole call.
        send: Sends the request.
        closed: Whether the client is closed.

    Attributes:
        result: How the cache answered; None if it was not asked.
    """

    def __init__(
        self,
        cache: ResponseCache,
        request: Request,
        config: Config,
        clock: Clock,
        mask: KeyMask,
        *,
        started: float,
        deadline: Deadline,
        send: Callable[[], _Received],
        closed: Callable[[], bool],
    ) -> None:
        self.result: CacheResult | None = None
        self._cache = cache
        self._request = request
        self._config = config
        self._clock = clock
        self._mask = mask
        self._started = started
        self._deadline = deadline
        self._send = send
        self._closed = closed
        self._key = key_of(request, config.api_key)
        self._kept: KeptAnswer | None = None
        self._reason = ""  # why a stale answer is used

    @staticmethod
    def is_possible(request: Request, config: Config, sink: BodySink | None) -> bool:
        """Whether a call may be answered by the cache.

        Args:
            request: The request.
            config: The client's options.
            sink: Where its body goes.
        """
        return (
            request.cacheable
            and config.cache_ttl > 0
            and sink is None
            and request.body is None
            and request.check is None
        )

    def run(self, log: logging.Logger) -> _Received:
        """Get a response: from the cache, from the request of another call, or by sending the request.

        Args:
            log: Where the use of a stale answer is logged.
        """
        if self._key is None or is_leading():
            return self._send()
        self.result = "miss"
        try:
            received = self._fresh() or self._in_flight()
        finally:
            self._cache.count(self.result)
        response = received[0]
        if response.stale:
            log_line(
                log,
                logging.WARNING,
                "%s; an answer of %.3g s ago is used instead",
                self._reason,
                response.age,
            )
        return received

    def masked(self, response: Response[Any]) -> Response[Any]:
        """The response with the key masked; an answer that is kept is searched for the key once.

        Args:
            response: The response that `run` returned.
        """
        kept = self._kept
        if kept is not None and kept.without_key is self._mask:
            return response
        masked = self._mask.response(response)
        if kept is not None and masked is response:
            kept.without_key = self._mask
        return masked

    def _in_flight(self) -> _Received:
        caller: Caller[_Result] = Caller()
        with leading(caller):  # all the time: a signal handler may make a call at any point
            try:
                try:
                    return self._take_part(caller)
                finally:
                    self._cache.flights.leave(caller)
            finally:  # an interrupt may have prevented the first one
                self._cache.flights.leave(caller)

    def _take_part(self, caller: Caller[_Result]) -> _Received:
        """Wait for another caller's request, and send one if there is none."""
        flights = self._cache.flights
        flight = flights.join(self._key, caller)
        while (gate := flights.gate(caller)) is not None:
            old = self._after_failure(flight, caller)
            if old is not None:
                return old
            if self._closed():
                raise closed_error(self._request)
            wait = self._deadline.clip(POLL_INTERVAL)
            if not wait:
                return self._too_late()
            if gate.acquire(timeout=wait):
                gate.release()
        if flight.ended:
            return self._of_another(flight.result, failed=flight.result is flight.failure)
        # Another flight may have ended after this caller searched the cache.
        return self._fresh() or self._after_failure(flight, caller) or self._ask(caller)

    def _ask(self, caller: Caller[_Result] | None) -> _Received:
        """Send the request.

        Args:
            caller: The leader of a flight; None for a request that no other caller waits for.
        """
        cache, generation = self._cache, self._cache.generation
        try:
            response, answer = self._send()
        except NetworkError as error:
            # That the time of this call is over says nothing about the API.
            if caller is not None and not (isinstance(error, TimeoutError) and error.phase == "total"):
                cache.flights.fail(caller, _copy_of(error))
            old = self._instead_of_error(error)
            if old is None:
                raise
            return old
        kept = KeptAnswer(response, answer, self._clock.monotonic())
        if response.status in (401, 403):  # an answer to this key is not used any more
            cache.drop(self._key)
        if not is_acceptable(response, answer, self._request):
            if caller is not None and answer.option is None:  # otherwise a limit of this client is exceeded
                cache.flights.fail(caller, kept)
            return self._instead_of(response, answer) or (response, answer)
        may_be_kept = not forbids_keeping(kept.headers)
        if may_be_kept:
            cache.keep(self._key, kept, generation)
            self._kept = kept
        else:
            cache.drop(self._key)
        if caller is not None:
            cache.flights.end(caller, kept if may_be_kept else None)
        return response, answer

    def _of_another(self, result: _Result | None, *, failed: bool) -> _Received:
        """What the request of another caller came to, for this one.

        Args:
            result: Its result; None for an answer that must not be shared.
            failed: Whether it failed because of the API.
        """
        if isinstance(result, NetworkError):
            old = self._instead_of_error(result)
            if old is None:
                raise _copy_of(result)
            return old
        received = None if result is None else self._received(result, self._age(result))
        if result is None or received is None:
            return self._ask(None)
        if is_acceptable(*received, self._request):
            self.result, self._kept = "hit", result
            return received
        if not failed:  # this caller expects another body
            return self._ask(None)
        return self._instead_of(*received) or received

    def _after_failure(self, flight: Flight[_Result], caller: Caller[_Result]) -> _Received | None:
        """An older answer, if a request has failed while the caller waited, and one may be used."""
        if flight.failures == caller.failures:
            return None
        caller.failures, failure = flight.failures, flight.failure
        if failure is None:
            return None
        if isinstance(failure, NetworkError):
            return self._instead_of_error(failure)
        received = self._received(failure, self._age(failure))
        return None if received is None else self._instead_of(*received)

    def _too_late(self) -> _Received:
        error = deadline_error(
            self._request, self._deadline.limit, attempts=0,
            detail="waiting for the answer to the same request of another call",
        )  # fmt: skip
        old = self._instead_of_error(error)
        if old is None:
            raise error
        return old

    def _age(self, kept: KeptAnswer) -> float:
        return self._clock.monotonic() - kept.time

    def _fresh(self) -> _Received | None:
        """The kept answer, unless it is older than `cache_ttl`."""
        return self._found(self._config.cache_ttl)

    def _instead_of_error(self, error: NetworkError) -> _Received | None:
        """The kept answer in place of an error, unless it is too old."""
        old = self._found(self._config.cache_ttl + self._config.cache_stale)
        if old is not None:
            self._reason = self._mask.text(str(error))
        return old

    def _instead_of(self, response: Response[Any], answer: Answer) -> _Received | None:
        """The kept answer in place of a response, if the API has failed and has not refused the request."""
        if not (response.ok or response.status == 429 or response.server_error):
            return None
        old = self._found(self._config.cache_ttl + self._config.cache_stale)
        if old is not None:
            self._reason = str(response_error(response, answer, self._request, self._mask))
        return old

    def _found(self, max_age: float) -> _Received | None:
        """The kept answer, if it is not older than that and this caller can use it."""
        kept = self._cache.find(self._key)
        if kept is None:
            return None
        age = self._age(kept)
        if age > max_age:
            return None
        stale = age > self._config.cache_ttl
        received = self._received(kept, age, stale=stale)
        if received is None or not is_acceptable(*received, self._request):
            return None
        self.result, self._kept = "stale" if stale else "hit", kept
        return received

    def _received(self, kept: KeptAnswer, age: float, *, stale: bool = False) -> _Received | None:
        """The answer as if this call had received it; None if a limit of this client is exceeded."""
        config = self._config
        if len(kept.body) > config.max_response_bytes:
            return None
        answer = Answer(kept.status, kept.headers, problem=kept.problem)
        if kept.body:
            answer = decoded_answer(kept.status, kept.headers, kept.body, self._request, config)
            if answer.option is not None:
                return None
        response = Response(
            status=kept.status,
            headers=kept.headers,
            data=answer.data,
            body=kept.body,
            url=kept.url,
            attempts=0,
            elapsed=self._clock.monotonic() - self._started,
            cached=(age, stale),
        )
        return response, answer


def _copy_of(error: NetworkError) -> NetworkError:
    """The same error for another caller, which has made no attempt."""
    other = copy.copy(error)
    other.__cause__ = error.__cause__
    other.attempts = 0
    return other
