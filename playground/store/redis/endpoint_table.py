"""Texts of endpoints in Redis: a hash per browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..backend import StoreError
from .connection import MAX_ATTEMPTS, RedisConnection
from .usage import LUA_LIBRARY, quota_args

__all__ = ["RedisEndpointTable"]

#: Replaces a text if it is still the one that was read. Returns 0 when it is not.
_REPLACE: Final = (
    LUA_LIBRARY
    + """
local texts, forgotten = unpack(KEYS)
local owner, endpoint, old, text, keep, at, per_browser, total = unpack(ARGV)
if redis.call('ZSCORE', forgotten, owner) then return 1 end
if (redis.call('HGET', texts, endpoint) or '') ~= old then return 0 end
redis.call('HSET', texts, endpoint, text)
redis.call('EXPIRE', texts, keep)
count('endpoints', owner .. '|' .. endpoint, #endpoint + #text + ROW, at)
evict('endpoints', owner, per_browser, total)
return 1
"""
)


class RedisEndpointTable:
    """See `EndpointTable`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._replace = connection.client.register_script(_REPLACE)

    def update(self, browser: str, endpoint: str, change: Callable[[str | None], str], keep: float) -> None:
        key = self._connection.key("endpoints", browser)
        limits = [int(keep), self._connection.clock(), *quota_args(self._connection.quotas.endpoints)]
        with self._connection.translate_errors() as client:
            for _ in range(MAX_ATTEMPTS):
                old = client.hget(key, endpoint)
                replaced = self._replace(
                    keys=[key, self._connection.forgotten],
                    args=[browser, endpoint, old or "", change(old), *limits],
                )
                if replaced:
                    return
        raise StoreError("Redis: too many others write at the same time")

    def find(self, browser: str, endpoints: Sequence[str]) -> dict[str, str]:
        if not endpoints:
            return {}
        with self._connection.translate_errors() as client:
            found = client.hmget(self._connection.key("endpoints", browser), list(endpoints))
        return {url: text for url, text in zip(endpoints, found, strict=True) if text is not None}
