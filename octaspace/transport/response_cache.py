"""Keeps answers in memory: which ones, how long, and how many."""

from __future__ import annotations

import math
import re
import threading
import weakref
from collections.abc import Hashable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from cachetools import TLRUCache

from ..errors import NetworkError
from ..fork import register_after_fork
from ..key_mask import KeyMask
from ..observer import CacheResult
from ..request import Request
from ..response import Response
from .clock import Clock
from .failures import Answer
from .single_flight import SingleFlight

__all__ = ["KeptAnswer", "ResponseCache", "forbids_keeping", "key_of"]

#: Maximum number of kept answers: small ones take memory as well.
_MAX_ENTRIES: Final = 1024

#: An answer with longer header fields is not kept.
_MAX_HEADER_CHARACTERS: Final = 65_536

#: A quoted string. It also matches one without an end: a search that begins again at each quote of a hostile
#: header takes minutes, and holds up all threads.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*("?)', re.DOTALL)


class KeptAnswer:
    """An answer without its decoded data: each caller decodes the body again.

    Args:
        response: The response.
        answer: The answer it was created from.
        time: When it arrived, on the clock of the client.

    Attributes:
        expires: When it is dropped; set by the cache.
        without_key: A mask that has found no key in it, or None.
    """

    __slots__ = ("body", "expires", "headers", "problem", "status", "time", "url", "without_key")

    def __init__(self, response: Response[Any], answer: Answer, time: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.body
        self.url = response.url
        self.problem = answer.problem
        self.time = time
        self.expires = time
        self.without_key: KeyMask | None = None


class ResponseCache:
    """The cache of one client and of the clients derived from it. Safe to share between threads.

    Args:
        max_bytes: Maximum size of the kept bodies together.
        clock: The clock that ages are measured with.

    Attributes:
        in_use: Whether any of the clients has a cache; read for every call.
        flights: The requests under way that several callers may wait for. A result is an answer, good or bad,
            an error without an answer, or None for an answer that must not be shared.
    """

    def __init__(self, max_bytes: int, clock: Clock) -> None:
        self.in_use = False
        self.flights: SingleFlight[KeptAnswer | NetworkError] = SingleFlight()
        self._max_bytes = max_bytes
        self._clock = clock
        self._longest = 0.0  # how long an answer is of use to any of the clients
        self._generation = 0
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start without answers: a thread of the parent may have been changing them."""
        # Reentrant: a signal handler may call the SDK while its thread holds it.
        self._lock = threading.RLock()
        self._use: weakref.ref[_Use] | None = None
        self._generation += 1
        self._counts: dict[CacheResult, int] = {"hit": 0, "miss": 0, "stale": 0}
        self._answers = self._no_answers()

    def _no_answers(self) -> TLRUCache[Hashable, KeptAnswer]:
        return TLRUCache(self._max_bytes, _expiry, timer=self._clock.monotonic, getsizeof=_size)

    def use(self, seconds: float) -> None:
        """Keep answers at least that long.

        Args:
            seconds: `cache_ttl` and `cache_stale` of a client, together.
        """
        self._longest = max(self._longest, seconds)
        self.in_use = True

    @property
    def generation(self) -> int:
        """A number that is another one once the cache was emptied."""
        return self._generation

    def find(self, key: Hashable) -> KeptAnswer | None:
        """The answer kept for a key, of any age.

        Args:
            key: See `key_of`.
        """
        try:
            with self._lock:
                use = self._begin()
                return None if use is None else self._answers.get(key)
        except BaseException:
            self._repair()
            raise

    def keep(self, key: Hashable, answer: KeptAnswer, generation: int) -> None:
        """Keep an answer, unless it is too large or the cache was emptied since it was requested.

        Args:
            key: See `key_of`.
            answer: The answer.
            generation: `generation` from before the request was sent.
        """
        if len(answer.body) > self._max_bytes or _length(answer.headers) > _MAX_HEADER_CHARACTERS:
            return
        answer.expires = math.nextafter(answer.time + self._longest, math.inf)
        try:
            with self._lock:
                use = self._begin()
                if use is not None and generation == self._generation:
                    answers = self._answers
                    # First, because the oldest versions of cachetools make room for the old and the new one.
                    answers.pop(key, None)
                    while len(answers) >= _MAX_ENTRIES:
                        answers.popitem()
                    answers[key] = answer
        except BaseException:
            self._repair()
            raise

    def drop(self, key: Hashable) -> None:
        """Drop the answer kept for a key, if there is one.

        Args:
            key: See `key_of`.
        """
        try:
            with self._lock:
                use = self._begin()
                if use is None:
                    self._answers = self._no_answers()
                else:
                    self._answers.pop(key, None)
        except BaseException:
            self._repair()
            raise

    def clear(self) -> None:
        """Drop every answer. One that is under way is not kept, and callers from now on do not get it."""
        with self._lock:
            self._generation += 1
            self._answers = self._no_answers()
        self.flights.forget()

    def count(self, result: CacheResult) -> None:
        """Count a call.

        Args:
            result: How it was answered.
        """
        with self._lock:
            self._counts[result] += 1

    def stats(self) -> dict[str, int]:
        """See `octaspace.Client.transport_stats`."""
        try:
            with self._lock:
                use, counts = self._begin(), self._counts
                answers = self._no_answers() if use is None else self._answers
                return {
                    "hits": counts["hit"], "misses": counts["miss"], "stale": counts["stale"],
                    "bytes": int(answers.currsize), "entries": len(answers),
                }  # fmt: skip
        except BaseException:
            self._repair()
            raise

    def _begin(self) -> _Use | None:
        """Begin to use the answers until the caller drops the result. The caller holds the lock.

        Returns:
            None in a signal handler that has interrupted such a use. The lock, which belongs to the thread,
            does not keep it out, and the answers may be inconsistent.
        """
        if self._use is not None and self._use() is not None:
            return None
        use = _Use()
        self._use = weakref.ref(use)
        return use

    def _repair(self) -> None:
        """Begin again: an interrupt may have left the answers and their sizes inconsistent."""
        self._use = None
        self._answers = self._no_answers()


class _Use:
    """A use of the answers; it ends with the frame of the function, however that is left."""

    __slots__ = ("__weakref__",)


def _expiry(key: Hashable, answer: KeptAnswer, now: float) -> float:
    return answer.expires


def _size(answer: KeptAnswer) -> int:
    return len(answer.body)


def _length(headers: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) for name, value in headers.items())


def key_of(request: Request, api_key: str | None) -> Hashable | None:
    """What two requests have in common if the answer to one is the answer to the other.

    Args:
        request: The request.
        api_key: The key of the client. Public requests are sent without it.

    Returns:
        None if the request cannot be written as a URL.
    """
    path, _, query = request.path.partition("?")
    try:
        parts = [*query.split("&"), *urlencode(request.params).split("&")]
    except (TypeError, ValueError):
        return None
    # Values of the same name stay in their order.
    ordered = sorted(filter(None, parts), key=lambda part: part.partition("=")[0])
    return request.method, path, tuple(ordered), None if request.public else api_key


def forbids_keeping(headers: Mapping[str, str]) -> bool:
    """Whether an answer has `Cache-Control: no-store`.

    Args:
        headers: Its header fields; names are case-insensitive.
    """
    directives = _QUOTED.sub(
        lambda match: "" if match[1] else match[0], headers.get("Cache-Control", "")
    ).split(",")
    return any(directive.partition("=")[0].strip().lower() == "no-store" for directive in directives)
