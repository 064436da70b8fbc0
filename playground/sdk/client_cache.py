"""Cache of clients, one per distinct configuration, with connection pools that last between requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cachetools import LRUCache
from flask import Flask

from octaspace import Client, Config
from octaspace.key_mask import KeyMask

from .read_only import GuardedClient

__all__ = ["ClientCache", "activity_of"]

#: Maximum number of cached clients.
_MAX: Final = 32

#: Seconds after which an unused client is closed.
_IDLE_SECONDS: Final = 900.0


def activity_of(stats: Mapping[str, Any]) -> int:
    """A number that grows with each attempt of a client, and with each answer from its cache.

    Args:
        stats: See `octaspace.Client.transport_stats`.
    """
    cache = stats.get("cache") or {}
    return int(stats["requests"] + cache.get("hits", 0) + cache.get("stale", 0))


class _Entry:
    """A client, a copy of it that asks the API for everything, and the number of their current users."""

    def __init__(self, client: GuardedClient, now: float) -> None:
        self.client = client
        self.asking = client.with_options(cache_ttl=0)
        self.users = 0
        self.retired = False
        self.idle_since = now


class _EntryCache(LRUCache[Config, _Entry]):
    """Retires what it evicts, so that connections in use are not closed."""

    def popitem(self) -> tuple[Config, _Entry]:
        config, entry = super().popitem()
        _retire(entry)
        return config, entry


def _retire(entry: _Entry) -> None:
    """Close an evicted client, or have its last user close it."""
    entry.retired = True
    if not entry.users:
        entry.client.close()


class ClientCache:
    """Leases clients. Their answers contain neither their own key nor the operator's.

    A leased client sends a request for each call, whatever `cache_ttl` of the configuration is: only who asks
    for it gets answers from the client's cache. Changes empty that cache in any case.

    Args:
        app: The app.
        monotonic: Clock for the idle time.
        operator_key: The operator's key, which an endpoint may have received and may repeat.
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
        self._entry: LRUCache[Config, _Entry] = _EntryCache(_MAX)

    @property
    def base_config(self) -> Config:
        """The options of a new browser."""
        config: Config = self._app.extensions["octaspace"].config
        return config

    @contextmanager
    def lease(self, config: Config, *, use_cache: bool = False) -> Iterator[Client]:
        """Lease the client for a configuration; it stays open while it is leased.

        Args:
            config: The configuration.
            use_cache: Whether its answers may come from its cache.
        """
        entry = self._take(config)
        try:
            yield entry.client if use_cache else entry.asking
        finally:
            with self._lock:
                entry.users -= 1
                entry.idle_since = self._monotonic()
                if entry.retired:
                    _retire(entry)

    def mask(self, config: Config) -> KeyMask:
        """A mask for the keys that no answer may show: the configuration's and the operator's."""
        return KeyMask(config.api_key, self._operator_key)

    def one_off(self, config: Config) -> Client:
        """A client outside this cache, for testing a configuration; it sends a request for each call.

        The caller closes it.
        """
        return self._create(config.replace(cache_ttl=0))

    def stats(self, config: Config) -> dict[str, Any]:
        """Statistics of this worker's client for a configuration; see `Client.transport_stats`."""
        with self.lease(config, use_cache=True) as client:  # its statistics include those of its cache
            return client.transport_stats()

    def activity(self, config: Config) -> int:
        """The `activity_of` this worker's client for a configuration; 0 without a client."""
        with self._lock:
            if config not in self._entry:
                return 0
        return activity_of(self.stats(config))

    def close(self) -> None:
        """Close every client. Called when a worker ends."""
        with self._lock:
            entries = list(self._entry.values())
            self._entry.clear()
        for entry in entries:
            entry.client.close()

    def _take(self, config: Config) -> _Entry:
        with self._lock:
            now = self._monotonic()
            self._drop_idle(now)
            entry = self._entry.get(config)
            if entry is None:
                entry = _Entry(self._create(config), now)
                self._entry[config] = entry
            entry.users += 1
            return entry

    def _create(self, config: Config) -> GuardedClient:
        return GuardedClient.for_app(self._app, config).masking(self._operator_key)

    def _drop_idle(self, now: float) -> None:
        """Close idle clients, so that keys typed once do not stay in memory forever."""
        for config, entry in list(self._entry.items()):
            if not entry.users and now - entry.idle_since > _IDLE_SECONDS:
                _retire(self._entry.pop(config))
