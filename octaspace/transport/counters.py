"""Counters of requests, retries and failovers."""

from __future__ import annotations

import threading

from ..fork import register_after_fork

__all__ = ["Counters"]


class Counters:
    """The counters of a client and its derived clients."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        # Reentrant, as all locks here: a signal handler may call the SDK while its thread holds one.
        self._lock = threading.RLock()
        self._requests = self._retries = self._failovers = 0

    def requests(self) -> None:
        with self._lock:
            self._requests += 1

    def retries(self) -> None:
        with self._lock:
            self._retries += 1

    def failovers(self) -> None:
        with self._lock:
            self._failovers += 1

    def stats(self) -> dict[str, int]:
        with self._lock:
            return {"requests": self._requests, "retries": self._retries, "failovers": self._failovers}
