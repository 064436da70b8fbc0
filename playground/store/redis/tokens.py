"""One-time tokens in Redis."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Tokens"]


class Tokens:
    """See `TokenTable`. The value is ``c`` and who claimed it, then ``r`` and what came of it."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def claim(self, browser: str, token: str, keep: float) -> bool:
        key, mine = self._key(browser, token), f"c{secrets.token_hex(8)}"
        with self._database.talking() as client:
            if client.set(key, mine, nx=True, ex=int(keep)):
                return True
            # The client asks again when an answer is lost; the first asking may have been ours.
            return bool(client.get(key) == mine)

    def finish(self, browser: str, token: str, text: str, keep: float) -> None:
        with self._database.talking() as client:
            client.set(self._key(browser, token), f"r{text}", xx=True, ex=int(keep))

    def find(self, browser: str, token: str) -> tuple[bool, str | None]:
        with self._database.talking() as client:
            value = client.get(self._key(browser, token))
        if value is None:
            return False, None
        return True, value[1:] if value.startswith("r") else None

    def _key(self, browser: str, token: str) -> str:
        return self._database.key("token", browser, token)
