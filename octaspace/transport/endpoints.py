"""Which URL comes next: round-robin over the healthy ones, a cooldown for those that failed."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any, Final

from cachetools import TTLCache

from .clock import Clock
from .fork import register_after_fork

__all__ = ["Endpoints"]

#: Seconds after which a probe counts as lost: a call that was never finished must not close an endpoint.
_LONGEST_PROBE: Final = 600.0


class Endpoints:
    """The addresses of one API and what is known of their health. Safe to share between threads.

    Args:
        urls: The addresses, at least one, no two alike.
        cooldown: Seconds for which an endpoint that failed is left alone.
        clock: The clock that cooldowns are measured with.
    """

    def __init__(self, urls: tuple[str, ...], *, cooldown: float, clock: Clock) -> None:
        self.urls = urls
        self.cooldown = cooldown
        self._clock = clock
        self._start()
        register_after_fork(self)

    def _start(self) -> None:
        # Holds the moment of failure under the URL, and forgets it by itself when the cooldown is over.
        self._failed: TTLCache[str, float] = TTLCache(
            len(self.urls), ttl=self.cooldown, timer=self._clock.monotonic
        )
        self._turn = -1  # the first call goes to the first endpoint
        # Those that failed and have not answered since, each with the moment from which a call has been
        # probing it; None while none is. It outlives the cooldown.
        self._suspects: dict[str, float | None] = {}
        self._lock = threading.Lock()

    def after_fork_in_child(self) -> None:
        """Know nothing: a thread of the parent may have been in the middle of a change."""
        self._start()

    def pick(self, exclude: Collection[str] = ()) -> str | None:
        """The endpoint to use next, or None when every one is excluded.

        Args:
            exclude: Endpoints that were already tried in this pass.

        Healthy ones take turns. One whose cooldown is over is given to a single call, and to no other until
        that one has said how it went: `mark_alive`, `mark_failed` or `leave`. With none of them left, the
        one that failed longest ago is taken, for it is the likeliest to be back.
        """
        if len(self.urls) == 1:  # nothing to choose, so nothing to lock
            return None if self.urls[0] in exclude else self.urls[0]
        with self._lock:
            if not exclude and not self._suspects:
                self._turn += 1
                return self.urls[self._turn % len(self.urls)]
            healthy = [url for url in self.urls if url not in exclude and self._is_open(url)]
            if healthy:
                # Only the first pick of a call moves the turn on: else a call that fails over would
                # take the next call's turn, and the one that fails would get them all.
                self._turn += not exclude
                url = healthy[self._turn % len(healthy)]
                if url in self._suspects:
                    self._suspects[url] = self._clock.monotonic()
                return url
            left = [url for url in self.urls if url not in exclude]
            return min(left, key=lambda url: self._failed.get(url, 0.0), default=None)

    def _is_open(self, url: str) -> bool:
        """Whether calls may go there: it is in no cooldown, and no call is finding out whether it is back."""
        if url in self._failed:
            return False
        probed_since = self._suspects.get(url)
        return probed_since is None or self._clock.monotonic() - probed_since >= _LONGEST_PROBE

    def after(self, last: str) -> str:
        """The endpoint for a retry: another healthy one if there is any, else the best that is left."""
        with self._lock:
            others_healthy = any(url != last and self._is_open(url) for url in self.urls)
            last_healthy = last not in self._failed
        # An endpoint that answers, be it with 503, is a better bet than one in its cooldown.
        exclude = (last,) if others_healthy or not last_healthy else tuple(u for u in self.urls if u != last)
        return self.pick(exclude) or last

    def mark_failed(self, url: str) -> None:
        """Put an endpoint into its cooldown; a further failure begins it again."""
        with self._lock:
            self._suspects[url] = None
            self._failed.pop(url, None)
            self._failed[url] = self._clock.monotonic()

    def mark_alive(self, url: str) -> None:
        """End the cooldown of an endpoint that has just answered."""
        if url in self._suspects:  # looked at without the lock: nearly every call ends here
            with self._lock:
                self._suspects.pop(url, None)
                self._failed.pop(url, None)

    def leave(self, url: str) -> None:
        """End an attempt that says nothing about the endpoint; if it was the probe, another call may be."""
        if url in self._suspects:
            with self._lock:
                if url in self._suspects:
                    self._suspects[url] = None

    def stats(self) -> dict[str, Any]:
        """The `rotator` part of `Client.transport_stats()`."""
        with self._lock:
            now = self._clock.monotonic()
            failed = [(url, self._failed.get(url)) for url in self.urls]
            left = {url: max(0.0, at + self.cooldown - now) for url, at in failed if at is not None}
        return {
            "total": len(self.urls),
            "available": len(self.urls) - len(left),
            "failed": list(left),
            "cooldown_left": left,
        }
