"""One client per distinct settings, with real pools, kept between requests in this worker process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from cachetools import LRUCache
from flask import Flask

from flask_octaspace.client import MaskedClient
from octaspace import Client, Config
from octaspace.key_mask import KeyMask

__all__ = ["Clients"]

#: How many different settings keep their connections at the same time.
_MAX: Final = 32

#: Seconds after which settings nobody uses any more lose theirs.
_IDLE_SECONDS: Final = 900.0


class _Kept:
    """A client, how many are using it right now, and since when nobody is."""

    def __init__(self, client: MaskedClient, now: float) -> None:
        self.client = client
        self.users = 0
        self.retired = False
        self.idle_since = now


class _Evicting(LRUCache[Config, _Kept]):
    """Tells what it throws out, so that connections in use are not closed under somebody's feet."""

    def popitem(self) -> tuple[Config, _Kept]:
        config, kept = super().popitem()
        retire(kept)
        return config, kept


def retire(kept: _Kept) -> None:
    """Close a client that was thrown out, or have its last user do it."""
    kept.retired = True
    if not kept.users:
        kept.client.close()


class Clients:
    """Hands clients out. None of their answers holds their key, nor the operator's.

    Args:
        app: The app.
        monotonic: The clock by which clients grow idle.
        operator_key: The operator's key, which the same endpoints may have seen.
    """

    def __init__(
        self,
        app: Flask,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        operator_key: str | None = None,
    ) -> None:
        self._app, self._monotonic, self._operator_key = app, monotonic, operator_key
        self._lock = threading.Lock()
        self._kept: LRUCache[Config, _Kept] = _Evicting(_MAX)

    @property
    def base_config(self) -> Config:
        """The options a browser starts with."""
        config: Config = self._app.extensions["octaspace"].config
        return config

    @contextmanager
    def lease(self, config: Config) -> Iterator[Client]:
        """The client for these settings; it stays open as long as somebody has it on lease."""
        kept = self._take(config)
        try:
            yield kept.client
        finally:
            with self._lock:
                kept.users -= 1
                kept.idle_since = self._monotonic()
                if kept.retired:
                    retire(kept)

    def mask(self, config: Config) -> KeyMask:
        """Masks what no answer with these settings may show: their key, and the operator's."""
        return KeyMask(config.api_key, self._operator_key)

    def one_off(self, config: Config) -> Client:
        """A client that the caller closes, for trying settings out."""
        return self._made(config)

    def stats(self, config: Config) -> dict[str, Any]:
        """Figures of this worker's client for these settings; see `Client.transport_stats`."""
        with self.lease(config) as client:
            return client.transport_stats()

    def attempts(self, config: Config) -> int:
        """Attempts of this worker's client for these settings; none where there is no client yet."""
        with self._lock:
            if config not in self._kept:
                return 0
        return int(self.stats(config)["requests"])

    def close(self) -> None:
        """Close every client; for the end of a worker."""
        with self._lock:
            everything = list(self._kept.values())
            self._kept.clear()
        for kept in everything:
            kept.client.close()

    def _take(self, config: Config) -> _Kept:
        with self._lock:
            now = self._monotonic()
            self._drop_idle(now)
            kept = self._kept.get(config)
            if kept is None:
                kept = _Kept(self._made(config), now)
                self._kept[config] = kept
            kept.users += 1
            return kept

    def _made(self, config: Config) -> MaskedClient:
        return MaskedClient.for_app(self._app, config).masking(self._operator_key)

    def _drop_idle(self, now: float) -> None:
        """A key that was typed once must not keep connections, and itself, in memory forever."""
        for config, kept in list(self._kept.items()):
            if not kept.users and now - kept.idle_since > _IDLE_SECONDS:
                retire(self._kept.pop(config))
