"""A ledger in Redis, for several machines."""

from __future__ import annotations

import re
import weakref
from typing import Any, Final

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ..errors import RentalLedgerError
from ..fork import register_after_fork
from .ledger_time import LedgerTime
from .ledger_url import LedgerUrl
from .redis_errors import describe_redis_error
from .rental import Rental

__all__ = ["RedisBackend"]

#: The braces keep the keys on one node of a cluster.
_PREFIX: Final = "{octaspace:rentals}"
_OPEN: Final = f"{_PREFIX}:open"
_CLOSED: Final = f"{_PREFIX}:closed"
_FORMAT: Final = f"{_PREFIX}:format"

#: Version of what is stored.
_VERSION: Final = 1

#: Limits of a connection and of an answer, in seconds.
_SECONDS: Final = 5.0

#: How often a command is sent again when the connection fails: the server may have closed it while it was
#: idle. A repeated write is recognized by its revision.
_RETRIES: Final = 2

#: Every script begins with it: nothing is written to a ledger of another version.
_CHECK: Final = f"""
local format = redis.call('GET', '{_FORMAT}')
if format and format ~= '{_VERSION}' then return redis.error_reply('FORMAT ' .. format) end
"""

#: Stores an entry if the stored revision is `ARGV[2]` or already `ARGV[3]`; any, if `ARGV[2]` is empty.
_STORE: Final = f"""{_CHECK}
local stored = redis.call('HGET', '{_OPEN}', ARGV[1]) or redis.call('HGET', '{_CLOSED}', ARGV[1])
if ARGV[2] ~= '' then
  if not stored then return 0 end
  local revision = cjson.decode(stored)['revision']
  if revision ~= ARGV[2] and revision ~= ARGV[3] then return 0 end
end
redis.call('SET', '{_FORMAT}', '{_VERSION}')
local here, there = '{_OPEN}', '{_CLOSED}'
if ARGV[5] == '0' then here, there = there, here end
redis.call('HSET', here, ARGV[1], ARGV[4])
redis.call('HDEL', there, ARGV[1])
return 1
"""

_READ: Final = f"""{_CHECK}
if ARGV[2] ~= '' then
  return {{redis.call('HGET', '{_OPEN}', ARGV[2]) or redis.call('HGET', '{_CLOSED}', ARGV[2]) or nil}}
end
return redis.call('HVALS', ARGV[1])
"""

#: With XX it changes nothing, as there is no such key; a server that takes no writes refuses it all the same.
_TRY_TO_WRITE: Final = f"""{_CHECK}
redis.call('SET', '{_PREFIX}:probe', '', 'XX')
return 1
"""

_REMOVE: Final = f"""{_CHECK}
local stored = redis.call('HGET', '{_CLOSED}', ARGV[1])
if stored and cjson.decode(stored)['revision'] == ARGV[2] then redis.call('HDEL', '{_CLOSED}', ARGV[1]) end
return 1
"""


class RedisBackend:
    """Entries in two hashes of a Redis database: open and closed.

    Each change is one script, which Redis carries out as a whole and acknowledges. Whether an acknowledged
    write survives the end of the server depends on its ``appendfsync``; see `docs/rentals.md`.

    Args:
        url: ``redis://`` or ``rediss://``.
    """

    def __init__(self, url: str) -> None:
        self._url = LedgerUrl(url)
        #: The clients of the processes that this one was forked from.
        self._inherited: list[Any] = []
        # Connects at the first use.
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            decode_responses=True,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), _RETRIES),
            # These two are not the defaults of every release of redis-py.
            retry_on_error=[redis.ConnectionError, redis.TimeoutError],
            **({"ssl_check_hostname": True} if url.startswith("rediss:") else {}),
        )
        # redis-py leaves it to chance whether its sockets are closed before they are collected.
        weakref.finalize(self, self._redis.connection_pool.disconnect).atexit = False
        register_after_fork(self)  # last: another thread may fork at any moment

    def after_fork_in_child(self) -> None:
        """Take another client: a thread of the parent may hold the lock of this one's pool."""
        # Neither used nor freed: freeing it would close the pool, which waits for the lock.
        self._redis.auto_close_connection_pool = False
        self._inherited.append(self._redis)
        self._redis = RedisBackend(self._url)._redis

    @property
    def location(self) -> str:
        """The URL without user name and password."""
        return self._url.masked

    def exists(self) -> bool:
        """Whether there is anything to read: always, because the server is there or cannot be reached."""
        return True

    def check_writable(self) -> None:
        """See `LedgerBackend.check_writable`."""
        self._run(self._redis.eval, _TRY_TO_WRITE, 1, _PREFIX)

    def now(self) -> LedgerTime:
        """The server's clock."""
        seconds, microseconds = self._run(self._redis.time)
        now = seconds + microseconds / 1e6
        return LedgerTime("redis", now, now)

    def add(self, rental: Rental) -> None:
        """See `LedgerBackend.add`."""
        self._store("", rental)

    def get(self, id: str) -> Rental | None:
        """See `LedgerBackend.get`."""
        for document in self._run(self._redis.eval, _READ, 1, _PREFIX, "", id):
            return self._rental(document)
        return None

    def replace(self, old: Rental, new: Rental) -> bool:
        """See `LedgerBackend.replace`."""
        return self._store(old.revision, new)

    def open_rentals(self) -> list[Rental]:
        """See `LedgerBackend.open_rentals`."""
        return self._rentals(_OPEN)

    def closed_rentals(self) -> list[Rental]:
        """See `LedgerBackend.closed_rentals`."""
        return self._rentals(_CLOSED)

    def remove(self, rental: Rental) -> None:
        """See `LedgerBackend.remove`."""
        self._run(self._redis.eval, _REMOVE, 1, _PREFIX, rental.id, rental.revision)

    def _store(self, revision: str, new: Rental) -> bool:
        is_open = "0" if new.closed is not None else "1"
        arguments = (new.id, revision, new.revision, new.to_json(), is_open)
        return bool(self._run(self._redis.eval, _STORE, 1, _PREFIX, *arguments) == 1)

    def _rentals(self, key: str) -> list[Rental]:
        found = [
            self._rental(document) for document in self._run(self._redis.eval, _READ, 1, _PREFIX, key, "")
        ]
        return sorted(found, key=lambda rental: (rental.created.wall, rental.id))

    def _rental(self, document: str) -> Rental:
        try:
            return Rental.from_json(document)
        except ValueError as error:
            raise RentalLedgerError(f"the rental ledger {self.location} cannot be read: {error}") from None

    def _run(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (RedisError, OSError) as error:
            found = re.match(r"FORMAT (\S{1,20})", str(error))
            if found:
                raise RentalLedgerError(
                    f"the rental ledger {self.location} was written by a newer version of Flask-OctaSpace "
                    f"(format {found[1]}, this one knows {_VERSION}): update it here"
                ) from None
            # Without the cause: an answer of a server may repeat the password that it was sent.
            raise RentalLedgerError(
                f"the rental ledger {self.location} cannot be used: {describe_redis_error(error)}"
            ) from None
