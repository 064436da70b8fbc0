"""One call: hooks, attempts, waits, and the final response or error."""

from __future__ import annotations

import logging
import weakref
from typing import Any

from ..config import Config
from ..errors import ConfigurationError, Error, NetworkError
from ..fork import notice_fork
from ..hook_failure import hook_after_sending
from ..key_mask import KeyMask
from ..observer import AttemptFinished, AttemptVerdict, Observer, StatsSource
from ..request import BodySink, Request
from ..response import Response, parse_retry_after
from .attempt_event import attempt_event, request_without_key
from .cached_read import CachedRead
from .clock import SYSTEM_CLOCK, Clock, Deadline
from .closing import ClosingSignal
from .counters import Counters
from .decoding import encode_body
from .endpoints import Endpoints
from .failures import Answer, Failure
from .log_lines import is_wanted, log_line
from .messages import closed_error, deadline_error, log_attempt, network_error, proxy_suffix
from .observation import CallWatch, Observation
from .pool import Pools
from .response_cache import ResponseCache
from .response_error import response_error
from .retry import Outcome, Verdict, backoff, decide
from .trace import POLL_INTERVAL
from .wire import Wire

__all__ = ["Transport"]

_DEFAULT_LOGGER = logging.getLogger("octaspace")
_DEFAULT_LOGGER.addHandler(logging.NullHandler())


class Transport:
    """Sends the requests of one client. Safe to share between threads and across `os.fork()`.

    Args:
        config: The client's options.
        clock: Clock and random source.
        parent: The transport whose sockets, endpoint health and counters are shared, or None. If it shares
            those of another one, that one is referenced, so that copies of copies do not form a chain.
    """

    def __init__(
        self, config: Config, *, clock: Clock = SYSTEM_CLOCK, parent: Transport | None = None
    ) -> None:
        self.config = config
        self.clock = clock
        self._root: Transport | None = parent._root or parent if parent is not None else None
        #: Once closed: the message of the error that a call raises.
        self._closed: str | None = None if parent is None else parent._closed
        if parent is None:
            self.endpoints = Endpoints(config.endpoints, cooldown=config.failure_cooldown, clock=clock)
            self.pools = Pools(
                config.endpoints,
                keep_alive=config.keep_alive,
                pool_size=config.pool_size,
                idle_timeout=config.idle_timeout,
                max_connection_age=config.max_connection_age,
                ssl_verify=config.ssl_verify,
                clock=clock,
            )
            self.counters = Counters()
            self.cache = ResponseCache(config.cache_max_bytes, clock)
            self._closing = ClosingSignal()
            self._stats_source = _stats_source(self)
        else:
            self.endpoints, self.pools, self.counters = parent.endpoints, parent.pools, parent.counters
            self.cache = parent.cache
            self._closing, self._stats_source = parent._closing, parent._stats_source
        if config.cache_ttl:
            self.cache.use(config.cache_ttl + config.cache_stale)
        self.wire = Wire(config, self.pools)
        #: Copies also mask the keys of their originals, which were sent to the same server.
        self.mask: KeyMask = (KeyMask() if parent is None else parent.mask).with_key(config.api_key)
        #: Whether answers of successful calls are masked as well, for tools that display or store them.
        self.masks_answers: bool = parent is not None and parent.masks_answers
        self.log = config.logger or _DEFAULT_LOGGER
        level = config.log_level
        self.log_level: int = level if isinstance(level, int) else logging.getLevelName(level.upper())
        self._observation = Observation(config, self.log)
        self._observation.created(self._stats_source)

    def add_observer(self, observer: Observer) -> None:
        """Add an observer that is not one of the options. Copies do not have it.

        Args:
            observer: It is told before the others.
        """
        self._observation.add(observer)

    @property
    def closed(self) -> bool:
        """Whether this transport, or the one whose sockets it shares, is closed."""
        return self._closed is not None or (self._root is not None and self._root._closed is not None)

    def close(self, reason: str = "the client is closed; create a new one") -> None:
        """Close every socket, unless they belong to a parent. Idempotent.

        Args:
            reason: Message of the error that a later call raises.
        """
        notice_fork()
        if self._closed is None:
            self._closed = reason
        if self._root is None:
            self.pools.close()
            self.cache.clear()
        self._closing.notify()
        self.cache.flights.wake()

    def pause(self, seconds: float) -> None:
        """Wait that many seconds, or until the transport is closed."""
        if self.clock.sleep is None:
            self._closing.wait(seconds, lambda: self.closed)
        else:
            self.clock.sleep(seconds)

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.request.RequestSender.send`."""
        notice_fork()
        if self.closed:
            raise ConfigurationError(self._closed or self._root._closed)  # type: ignore[union-attr, arg-type]
        body = encode_body(request.body)
        if not self._observation.active:
            return self._carry(request, body, timeout=timeout, sink=sink, watch=None)
        watch = self._observation.watch(request, mask=self.mask, clock=self.clock)
        try:
            watch.start()
            response = self._carry(request, body, timeout=timeout, sink=sink, watch=watch)
        except BaseException as error:
            watch.finish(None, error)
            raise
        watch.finish(response, is_masked=self.masks_answers)
        return response

    def _carry(
        self,
        request: Request,
        body: bytes | None,
        *,
        timeout: float | None,
        sink: BodySink | None,
        watch: CallWatch | None,
    ) -> Response[Any]:
        delivered = False
        masked: Response[Any] | None = None
        read: CachedRead | None = None
        try:
            started = self.clock.monotonic()
            deadline = Deadline(self.clock, self.config.total_timeout, timeout)
            call = _Call(self, request, body, started=started, deadline=deadline, sink=sink, watch=watch)
            if not self.cache.in_use:
                response, answer = call.run()
            elif not request.is_read:
                response, answer = self._change(call)
            elif CachedRead.is_possible(request, self.config, sink):
                read = CachedRead(
                    self.cache, request, self.config, self.clock, self.mask, started=started,
                    deadline=deadline, send=call.run, closed=lambda: self.closed,
                )  # fmt: skip
                response, answer = self._read(read, watch)
            else:
                response, answer = call.run()
            if watch is not None:
                watch.answered(response)
            error = response_error(response, answer, request, self.mask)
            if error is not None:
                masked = error.response
                raise error
            if request.check is not None:
                request.check(response, request, self.mask)
            if sink is not None:
                response = response.with_data(sink.commit(response.body))
                delivered = True
            if not self.masks_answers:
                return response
            return self.mask.response(response) if read is None else read.masked(response)
        except Error as error:
            self.mask.error(error, masked=masked)
            raise
        finally:
            if sink is not None and not delivered:
                sink.abort()

    def _change(self, call: _Call) -> tuple[Response[Any], Answer]:
        """Send a request that changes something, and empty the cache when it has ended in any way.

        Unless nothing of it was sent: nothing has changed then, and the older answers may still be needed.
        """
        received: tuple[Response[Any], Answer] | None = None
        unsent = False
        try:
            try:
                received = call.run()
                return received
            except NetworkError as error:
                unsent = not error.outcome_unknown
                raise
            finally:
                if not unsent:
                    self.cache.clear()
        except BaseException:
            if not unsent:  # an interrupt may have prevented the first one
                self.cache.clear()
            if received is None:
                raise
            with hook_after_sending(received[0]):  # the answer may name a rental
                raise

    def _read(self, read: CachedRead, watch: CallWatch | None) -> tuple[Response[Any], Answer]:
        try:
            return read.run(self.log)
        finally:
            if watch is not None:
                watch.cache = read.result

    def clear_cache(self) -> None:
        """See `octaspace.Client.clear_cache`."""
        notice_fork()
        self.cache.clear()

    def stats(self) -> dict[str, Any]:
        """See `octaspace.Client.transport_stats`."""
        notice_fork()
        stats: dict[str, Any]
        if self.pools.keep_alive:
            stats = {"mode": "persistent", "pools": self.pools.stats()}
        else:
            stats = {"mode": "standard", "url": self.config.endpoints[0]}
        if len(self.config.endpoints) > 1:
            stats["rotator"] = self.endpoints.stats()
        if self.config.cache_ttl:
            stats["cache"] = self.cache.stats()
        return {**stats, **self.counters.stats()}


class _Call:
    """The attempts of one call."""

    def __init__(
        self,
        transport: Transport,
        request: Request,
        body: bytes | None,
        *,
        started: float,
        deadline: Deadline,
        sink: BodySink | None,
        watch: CallWatch | None,
    ) -> None:
        self._transport = transport
        self._watch = watch
        self._config = transport.config
        self._request = request
        self._body = body
        self._sink = sink
        self._started = started
        self._deadline = deadline
        self._attempts = 0
        self._retries = 0
        self._elapsed = 0.0  # of the last attempt, as is the cooldown that it started
        self._cooldown: float | None = None

    def run(self) -> tuple[Response[Any], Answer]:
        """Make attempts until there is a response to return."""
        transport = self._transport
        endpoints, clock = transport.endpoints, transport.clock
        url = endpoints.pick() or endpoints.urls[0]
        tried = {url}  # in this pass over the endpoints
        deadline = self._deadline
        # A stalled endpoint leaves time for those that were not tried in this pass.
        shared = deadline.limit is not None and len(endpoints.urls) > 1 and bool(self._request.repeatable)
        worth_retrying = False  # whether any failure in this pass may be gone after a wait
        new_connection = False
        while True:
            try:
                if transport.closed:  # by another thread, during the call
                    raise closed_error(self._request)
                self._attempts += 1
                transport.counters.requests()
                began = clock.monotonic()
                result = transport.wire.attempt(
                    url, self._request, self._body, new_connection=new_connection,
                    deadline=deadline.share(len(endpoints.urls) - len(tried)) if shared else deadline,
                    sink=self._sink,
                )  # fmt: skip
            except BaseException:  # an interrupt or a failed sink: another call may probe the endpoint
                endpoints.release_probe(url)
                raise
            self._elapsed = clock.monotonic() - began
            verdict = self._decide(result, url, new_connection=new_connection)
            worth_retrying = worth_retrying or not isinstance(result, Failure) or result.is_transient
            new_connection = verdict is Verdict.NEW_CONNECTION
            if new_connection:
                self._report(result, url, began, "fresh-socket")
                continue
            if verdict is Verdict.NEXT_ENDPOINT:
                next_url = endpoints.pick(exclude=tried)
                if next_url is not None:
                    try:
                        self._report(result, url, began, "failover")
                    except BaseException:  # an interrupt during logging
                        endpoints.release_probe(next_url)
                        raise
                    transport.counters.failovers()
                    tried.add(next_url)
                    url = next_url
                    continue
                verdict = Verdict.WAIT  # the pass has failed
            wait = self._retry_wait(result) if verdict is Verdict.WAIT and worth_retrying else None
            if wait is None:
                return self._finish(result, url, began)
            left = self._deadline.remaining()
            if left is not None and wait >= left:
                self._report(result, url, began, "raise")
                raise self._retry_too_late(wait, result)
            self._report(result, url, began, "retry", wait)
            self._pause(wait)
            url = endpoints.after(url)
            tried, worth_retrying = {url}, False

    def _decide(self, result: Answer | Failure, url: str, *, new_connection: bool) -> Verdict:
        """Update the endpoint's health and return the verdict of the retry policy."""
        endpoints = self._transport.endpoints
        repeatable = bool(self._request.repeatable)
        self._cooldown = None
        if isinstance(result, Answer):
            endpoints.mark_alive(url)
            return decide(Outcome.ANSWERED, result.status, repeatable=repeatable)
        if result.marks_endpoint and len(endpoints.urls) > 1:  # a single endpoint has no cooldown
            endpoints.mark_failed(url)
            self._cooldown = endpoints.cooldown
            log_line(
                self._transport.log, logging.WARNING, "%s failed (%s) and is skipped for %g s",
                url + proxy_suffix(result), self._transport.mask.text(result.phase or result.reason),
                endpoints.cooldown,
            )  # fmt: skip
        else:
            endpoints.release_probe(url)
        if result.phase == "total" or result.misconfigured:
            return Verdict.DONE
        outcome = result.outcome
        if outcome is Outcome.STALE and new_connection:
            outcome = Outcome.LOST  # the connection was not a reused one
        return decide(outcome, None, repeatable=repeatable)

    def _retry_wait(self, result: Answer | Failure) -> float | None:
        """Seconds until the next retry, or None if there is none."""
        config = self._config
        if self._retries >= config.max_retries:
            return None
        asked = result.headers.get("Retry-After") if isinstance(result, Answer) else None
        return backoff(
            self._retries,
            interval=config.retry_interval,
            factor=config.backoff_factor,
            max_interval=config.max_retry_interval,
            retry_after=None if asked is None else parse_retry_after(asked),
            max_retry_after=config.max_retry_after,
            clock=self._transport.clock,
        )

    def _retry_too_late(self, wait: float, result: Answer | Failure) -> Error:
        """The error of a call whose next retry would be after its deadline."""
        error = deadline_error(
            self._request,
            self._deadline.limit,
            attempts=self._attempts,
            detail=f"the next retry would be in {wait:.3g} s, after "
            f"{result.reason if isinstance(result, Failure) else f'status {result.status}'}",
        )
        error.__cause__ = result.cause if isinstance(result, Failure) else None
        return error

    def _pause(self, wait: float) -> None:
        transport, request = self._transport, self._request
        self._retries += 1
        transport.counters.retries()
        log_line(
            transport.log, logging.WARNING, "%s %s: retry %d of %d in %.3g s",
            request.method, request.path, self._retries, self._config.max_retries, wait,
        )  # fmt: skip
        self._sleep(wait)

    def _sleep(self, wait: float) -> None:
        """Wait; with a sink, call its `waiting` periodically."""
        sink = self._sink
        while sink is not None and wait > POLL_INTERVAL:
            sink.waiting()
            self._transport.pause(POLL_INTERVAL)
            wait -= POLL_INTERVAL
        self._transport.pause(wait)

    def _finish(self, result: Answer | Failure, url: str, began: float) -> tuple[Response[Any], Answer]:
        request = self._request
        if isinstance(result, Answer):
            try:
                self._report(result, url, began, "ok" if 200 <= result.status < 300 else "raise")
            except BaseException:  # of an observer, a log handler or a signal: a rental may have been made
                with hook_after_sending(self._response(result, url)):
                    raise
            return self._response(result, url), result
        self._report(result, url, began, "raise")
        if result.phase == "total":
            unknown = result.outcome is not Outcome.UNSENT and not request.repeatable
            raise deadline_error(
                request, self._deadline.limit, attempts=self._attempts, outcome_unknown=unknown
            ) from result.cause
        raise network_error(result, request, self._config, url=url, attempts=self._attempts) from result.cause

    def _response(self, answer: Answer, url: str) -> Response[Any]:
        return Response(
            status=answer.status,
            headers=answer.headers,
            data=answer.data,
            body=answer.body,
            url=url + self._request.path,
            attempts=self._attempts,
            elapsed=self._transport.clock.monotonic() - self._started,
        )

    def _report(
        self, result: Answer | Failure, url: str, began: float, verdict: AttemptVerdict, wait: float = 0.0
    ) -> None:
        """Log the attempt, and tell the observers."""
        transport = self._transport
        is_logged = is_wanted(transport.log, transport.log_level)
        if is_logged or self._watch is not None:
            self._describe(result, url, began, verdict, wait, is_logged=is_logged)

    def _describe(
        self, result: Answer | Failure, url: str, began: float, verdict: AttemptVerdict, wait: float,
        *, is_logged: bool,
    ) -> None:  # fmt: skip
        transport = self._transport

        def create(call_id: int, request: Request) -> AttemptFinished:
            return attempt_event(
                result, call_id=call_id, request=request, mask=transport.mask, number=self._attempts,
                endpoint=url, start=began - self._started, elapsed=self._elapsed, verdict=verdict, wait=wait,
                cooldown=self._cooldown,
            )  # fmt: skip

        if is_logged:
            event = create(0, request_without_key(self._request, transport.mask))
            log_attempt(transport.log, transport.log_level, event)
        if self._watch is not None:
            self._watch.attempted(create)


def _stats_source(transport: Transport) -> StatsSource:
    """The statistics of a transport, without keeping it alive."""
    reference = weakref.ref(transport)

    def read() -> dict[str, Any]:
        transport = reference()
        return {} if transport is None else transport.stats()

    return StatsSource(read)
