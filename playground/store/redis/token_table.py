"""One-time tokens in Redis: a hash per token with owner and result; a set of the tokens of each browser."""

from __future__ import annotations

import secrets
from typing import Any, Final

from ..backend import Record
from .connection import RedisConnection
from .server_time import LUA_TIME, server_time
from .usage import LUA_LIBRARY, quota_args, raise_if_full

__all__ = ["RedisTokenTable"]

#: The client sends a command again when its answer is lost, and the first one may have claimed the token: so
#: each claim has a random mark, and succeeds when the saved mark is its own.
_CLAIM: Final = (
    LUA_LIBRARY
    + LUA_TIME
    + """
local mark, process, text, keep, owner, token, at = unpack(ARGV, 1, 7)
local per_browser, total, results_per_browser, results_total, placeholder = unpack(ARGV, 8)
if redis.call('EXISTS', KEYS[1]) == 0 then
    local full = no_space('claims', owner, ROW, per_browser, total)
    if full then return full end
    redis.call('HSET', KEYS[1], 'mark', mark, 'owner', process, 'renewed', server_time(), 'result', text)
    redis.call('EXPIRE', KEYS[1], keep)
    count('claims', owner .. '|' .. token, ROW, at)
    redis.call('SADD', KEYS[2], token)
    redis.call('EXPIRE', KEYS[2], keep)
    count('results', owner .. '|' .. token, #text, at)
    evict('results', owner, results_per_browser, results_total, placeholder)
end
return redis.call('HGET', KEYS[1], 'mark') == mark
"""
)

_FINISH: Final = (
    LUA_LIBRARY
    + """
local text, keep, owner, token, at, per_browser, total, placeholder = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'result', text)
    redis.call('EXPIRE', KEYS[1], keep)
    count('results', owner .. '|' .. token, #text, at)
    evict('results', owner, per_browser, total, placeholder)
end
"""
)

_RENEW: Final = (
    LUA_TIME
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'renewed', server_time()) end
"""
)


class RedisTokenTable:
    """See `TokenTable`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._claim = connection.client.register_script(_CLAIM)
        self._finish = connection.client.register_script(_FINISH)
        self._renew = connection.client.register_script(_RENEW)

    def claim(self, browser: str, token: str, owner: str, text: str, keep: float, placeholder: str) -> bool:
        quotas = self._connection.quotas
        with self._connection.translate_errors():
            key, mark = self._key(browser, token), secrets.token_hex(8)
            values = [
                mark,
                owner,
                text,
                int(keep),
                browser,
                token,
                self._connection.clock(),
                *quota_args(quotas.claims),
                *quota_args(quotas.results),
                placeholder,
            ]
            answer = self._claim(keys=[key, self._of_browser(browser)], args=values)
        raise_if_full(quotas, "claims", answer)
        return bool(answer)

    def finish(self, browser: str, token: str, text: str, keep: float, placeholder: str) -> None:
        quota = quota_args(self._connection.quotas.results)
        with self._connection.translate_errors():
            values = [text, int(keep), browser, token, self._connection.clock(), *quota, placeholder]
            self._finish(keys=[self._key(browser, token)], args=values)

    def renew(self, browser: str, token: str) -> None:
        with self._connection.translate_errors():
            self._renew(keys=[self._key(browser, token)])

    def find(self, browser: str, token: str) -> Record | None:
        with self._connection.translate_errors() as client, client.pipeline() as pipe:
            pipe.hmget(self._key(browser, token), "owner", "result", "renewed").time()
            (owner, result, renewed), time = pipe.execute()
        if owner is None:
            return None
        return {"owner": owner, "result": result, "age": server_time(time) - float(renewed or 0)}

    def keys_of(self, client: Any, browser: str) -> list[str]:
        """The keys of a browser's tokens."""
        tokens = self._of_browser(browser)
        return [tokens, *(self._key(browser, token) for token in client.smembers(tokens))]

    def _of_browser(self, browser: str) -> str:
        return self._connection.key("tokens", browser)

    def _key(self, browser: str, token: str) -> str:
        return self._connection.key("token", browser, token)
