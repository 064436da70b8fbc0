"""Endpoint selection: round-robin over healthy endpoints, a cooldown for failed ones."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, Final

from ..fork import register_after_fork
from .clock import Clock

__all__ = ["Endpoints"]

#: Seconds after which a probe counts as lost: an unfinished call must not block an endpoint.
_MAX_PROBE_SECONDS: Final = 600.0


class Endpoints:
    """The addresses of one API and their health. Safe to share between threads.

    Args:
        urls: The addresses, at least one, without duplicates.
        cooldown: Seconds for which a failed endpoint is skipped.
        clock: The clock that cooldowns are measured with.
    """

    def __init__(self, urls: tuple[str, ...], *, cooldown: float, clock: Clock) -> None:
        self.urls = urls
        self.cooldown = cooldown
        self._clock = clock
        self._start()
        register_after_fork(self)

    def _start(self) -> None:
        # The time of the last failure by URL. A dict, and no cache that drops entries by itself: it is
        # consistent at each line, also for a signal handler that calls the SDK there.
        self._failed: dict[str, float] = {}
        #: Those that have responded at least once.
        self._answered: set[str] = set()
        self._turn = -1  # the first call goes to the first endpoint
        # Endpoints that have not responded yet, or not since a failure, with the time at which a call began
        # to probe them, or None. Entries outlast the cooldown.
        self._suspects: dict[str, float | None] = dict.fromkeys(self.urls if len(self.urls) > 1 else ())
        # Reentrant: a signal handler may call the SDK while its thread holds it.
        self._lock = threading.RLock()

    def after_fork_in_child(self) -> None:
        """Start with empty state: a thread of the parent may have been changing it."""
        self._start()

    def pick(self, exclude: Collection[str] = ()) -> str | None:
        """The endpoint to use next, or None if all are excluded.

        Args:
            exclude: Endpoints already tried in this pass.

        Healthy endpoints take turns. One that has not responded yet, or whose cooldown is over, is given to a
        single call, the probe, until that call reports `mark_alive`, `mark_failed` or `release_probe`.
        Without a healthy endpoint, see `_least_suspect`.
        """
        if len(self.urls) == 1:  # no choice, so no lock
            return None if self.urls[0] in exclude else self.urls[0]
        with self._lock:
            if not exclude and not self._suspects:
                self._turn += 1
                return self.urls[self._turn % len(self.urls)]
            left = [url for url in self.urls if url not in exclude]
            # Only the first pick of a call advances the turn: otherwise a failover would take the turn of the
            # next call, and all calls would start with the failing endpoint.
            self._turn += not exclude
            healthy = [url for url in left if self._is_open(url)]
            if not healthy:
                return self._least_suspect(left) if left else None
            url = healthy[self._turn % len(healthy)]
            if url in self._suspects:
                self._suspects[url] = self._clock.monotonic()
            return url

    def _least_suspect(self, left: list[str]) -> str:
        """The endpoint to use if none is healthy. The caller holds the lock.

        Args:
            left: The endpoints to choose from; each is in its cooldown or being probed.

        One that has never failed is only waiting for its first answer, so it comes first. Otherwise it is the
        one that failed longest ago, because it is the most likely to have recovered. That call is its probe
        if there is another endpoint for the other calls: one that drops packets must not get all of them
        because the last healthy one has lost a connection.
        """
        never_failed = [url for url in left if url not in self._failed]
        not_probed = [url for url in left if not self._is_probed(url)]
        answered = [url for url in not_probed if url in self._answered]
        if (never_failed and not answered) or not not_probed:
            choice = never_failed or left
            return choice[self._turn % len(choice)]
        # Not `[]`: a signal handler may have ended the cooldown since the last line.
        url = min(not_probed, key=lambda url: self._failed.get(url, 0.0))
        if any(other != url and not self._is_probed(other) for other in self.urls):
            self._suspects[url] = self._clock.monotonic()
        return url

    def _is_open(self, url: str) -> bool:
        """Whether calls may use it: it is not in a cooldown, and no call is probing it."""
        return self._cooldown_left(url) <= 0 and not self._is_probed(url)

    def _is_probed(self, url: str) -> bool:
        """Whether a call is probing it."""
        since = self._suspects.get(url)
        return since is not None and self._clock.monotonic() - since < _MAX_PROBE_SECONDS

    def _cooldown_left(self, url: str) -> float:
        """Seconds until the end of its cooldown; 0 or less if it is in none."""
        at = self._failed.get(url)
        return 0.0 if at is None else at + self.cooldown - self._clock.monotonic()

    def after(self, last: str) -> str:
        """The endpoint for a retry: another one, unless only this one is usable."""
        with self._lock:
            others = any(url != last and (url not in self._failed or self._is_open(url)) for url in self.urls)
            last_healthy = self._cooldown_left(last) <= 0
        # An endpoint that responds, even with 503, is a better choice than one in its cooldown.
        exclude = (last,) if others or not last_healthy else tuple(u for u in self.urls if u != last)
        return self.pick(exclude) or last

    def mark_failed(self, url: str) -> None:
        """Start the cooldown of an endpoint; another failure restarts it."""
        with self._lock:
            self._suspects[url] = None
            self._failed[url] = self._clock.monotonic()

    def mark_alive(self, url: str) -> None:
        """End the cooldown of an endpoint that has responded."""
        if url in self._suspects:  # checked without the lock: nearly every call returns here
            with self._lock:
                self._answered.add(url)
                self._suspects.pop(url, None)
                self._failed.pop(url, None)

    def release_probe(self, url: str) -> None:
        """End an attempt without a result for the endpoint; if it was the probe, another call may probe."""
        if url in self._suspects:
            with self._lock:
                if url in self._suspects:
                    self._suspects[url] = None

    def stats(self) -> dict[str, Any]:
        """The `rotator` part of `Client.transport_stats()`."""
        with self._lock:
            left = {url: seconds for url in self.urls if (seconds := self._cooldown_left(url)) > 0}
        return {
            "total": len(self.urls),
            "available": len(self.urls) - len(left),
            "failed": list(left),
            "cooldown_left": left,
        }
