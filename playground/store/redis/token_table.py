"""One-time tokens in Redis: a hash with who claimed it, and what came of it; a set of those of a browser."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from .quotas import LIBRARY, refuse, shares

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["RedisTokenTable"]

#: The client asks again when an answer is lost, and the first asking may have claimed it: so each claim has
#: a mark, and hears True whenever it is its own that is kept.
_CLAIM: Final = (
    LIBRARY
    + """
local mark, process, keep, owner, token, at, mine, every = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 0 then
    local full = has_no_room('claims', owner, ROW, mine, every)
    if full then return full end
    redis.call('HSET', KEYS[1], 'mark', mark, 'owner', process)
    redis.call('EXPIRE', KEYS[1], keep)
    note('claims', owner .. '|' .. token, ROW, at)
    redis.call('SADD', KEYS[2], token)
    redis.call('EXPIRE', KEYS[2], keep)
end
return redis.call('HGET', KEYS[1], 'mark') == mark
"""
)

_FINISH: Final = (
    LIBRARY
    + """
local text, keep, owner, token, at, mine, every, gone = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'result', text)
    redis.call('EXPIRE', KEYS[1], keep)
    note('results', owner .. '|' .. token, #text, at)
    make_room('results', owner, mine, every, gone)
end
"""
)


class RedisTokenTable:
    """See `TokenTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._claim = database.client.register_script(_CLAIM)
        self._finish = database.client.register_script(_FINISH)

    def claim(self, browser: str, token: str, owner: str, keep: float) -> bool:
        quotas = self._database.quotas
        with self._database.translate_errors():
            key, mark = self._key(browser, token), secrets.token_hex(8)
            values = [mark, owner, int(keep), browser, token, time.time(), *shares(quotas.claims)]
            answer = self._claim(keys=[key, self._of(browser)], args=values)
        refuse(quotas, "claims", answer)
        return bool(answer)

    def finish(self, browser: str, token: str, text: str, keep: float, gone: str) -> None:
        share = shares(self._database.quotas.results)
        with self._database.translate_errors():
            values = [text, int(keep), browser, token, time.time(), *share, gone]
            self._finish(keys=[self._key(browser, token)], args=values)

    def find(self, browser: str, token: str) -> tuple[str | None, str | None]:
        with self._database.translate_errors() as client:
            owner, result = client.hmget(self._key(browser, token), "owner", "result")
        return owner, result

    def keys_of(self, client: Any, browser: str) -> list[str]:
        """The keys of a browser's tokens."""
        of = self._of(browser)
        return [of, *(self._key(browser, token) for token in client.smembers(of))]

    def _of(self, browser: str) -> str:
        return self._database.key("tokens", browser)

    def _key(self, browser: str, token: str) -> str:
        return self._database.key("token", browser, token)
