"""One-time tokens in Redis: a hash with who claimed it, and what came of it; a set of those of a browser."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Tokens"]

#: The client asks again when an answer is lost, and the first asking may have claimed it: so each claim has
#: a mark, and hears True whenever it is its own that is kept.
_CLAIM: Final = """
if redis.call('HSETNX', KEYS[1], 'mark', ARGV[1]) == 1 then
    redis.call('HSET', KEYS[1], 'owner', ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    redis.call('SADD', KEYS[2], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return redis.call('HGET', KEYS[1], 'mark') == ARGV[1]
"""

_FINISH: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'result', ARGV[1])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
end
"""


class Tokens:
    """See `TokenTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._claim = database.client.register_script(_CLAIM)
        self._finish = database.client.register_script(_FINISH)

    def claim(self, browser: str, token: str, owner: str, keep: float) -> bool:
        with self._database.talking():
            keys = [self._key(browser, token), self._of(browser)]
            return bool(self._claim(keys=keys, args=[secrets.token_hex(8), owner, int(keep), token]))

    def finish(self, browser: str, token: str, text: str, keep: float) -> None:
        with self._database.talking():
            self._finish(keys=[self._key(browser, token)], args=[text, int(keep)])

    def find(self, browser: str, token: str) -> tuple[str | None, str | None]:
        with self._database.talking() as client:
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
