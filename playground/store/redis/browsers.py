"""State of browsers in Redis: a hash per browser, a field per concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Browsers"]


class Browsers:
    """See `BrowserTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def load(self, browser: str, idle: float) -> dict[str, str]:
        key = self._database.key("browser", browser)
        with self._database.talking() as client, client.pipeline() as pipe:
            pipe.hgetall(key).expire(key, int(idle))
            found: dict[str, str] = pipe.execute()[0]
            return found

    def save(self, browser: str, concern: str, text: str, idle: float) -> None:
        key = self._database.key("browser", browser)
        with self._database.talking() as client, client.pipeline() as pipe:
            pipe.hset(key, concern, text).expire(key, int(idle)).execute()

    def drop(self, browser: str, concern: str) -> None:
        with self._database.talking() as client:
            client.hdel(self._database.key("browser", browser), concern)

    def forget(self, browser: str) -> None:
        with self._database.talking() as client:
            client.delete(self._database.key("browser", browser))
