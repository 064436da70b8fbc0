"""The journal: one entry for each request that arrived, written before it is answered."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

#: Characters kept of a body.
MAX_BODY = 8192


@dataclass
class Entry:
    """One request. `key` is a short hash of the API key, which cannot be read from it."""

    id: int
    #: Seconds since 1970.
    time: float
    #: Port of the endpoint, id of the connection, and which request on it this is, from 1.
    endpoint: int
    connection: int
    number: int
    method: str
    path: str
    query: str
    body: str
    key: str | None
    request_id: str
    #: operationId of the specification, None for other paths, and whether that operation changes something.
    operation: str | None = None
    change: bool = False
    #: Whether the operation was carried out; false for rejected, refused and dropped requests.
    carried_out: bool = False
    #: Kind of the fault that was applied, if any, and the seconds that slow faults added.
    fault: str | None = None
    delayed: float = 0.0
    #: Status of the answer; None when no status line was sent.
    status: int | None = None
    #: False while the request is being served.
    done: bool = False


class Journal:
    """The last `size` entries, oldest first."""

    def __init__(self, now: Callable[[], float], size: int = 100_000) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=size)
        self._last = 0

    def record(self, authorization: str | None, body: bytes, **fields: Any) -> Entry:
        """Add a request; fields that are known later are set on the returned entry."""
        key, text = key_digest(authorization), body[:MAX_BODY].decode("utf-8", "replace")
        with self._lock:
            self._last += 1
            entry = Entry(id=self._last, time=self._now(), key=key, body=text, **fields)
            self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries with an id above `after`."""
        with self._lock:
            entries = list(self._entries)
        return [entry for entry in entries if entry.id > after]

    def page(self, after: int = 0, limit: int = 1000) -> dict[str, Any]:
        """The first `limit` entries above `after`; `last`: the newest id; `more`: whether others follow."""
        entries = self.entries(after)
        return {
            "entries": [asdict(entry) for entry in entries[:limit]],
            "last": self._last,
            "more": len(entries) > limit,
        }

    @property
    def last_id(self) -> int:
        """Id of the newest entry; 0 before the first."""
        return self._last

    def clear(self) -> None:
        """Remove every entry; the next id follows the last one."""
        with self._lock:
            self._entries.clear()

    def restart(self) -> None:
        """Remove every entry; the next id is 1."""
        with self._lock:
            self._entries.clear()
            self._last = 0

    def summary(self, after: int = 0) -> dict[str, Any]:
        """Counts by endpoint, status and fault, and the changes that were carried out more than once.

        Only entries with an id above `after` are counted.

        Two changes are equal when method, path, body and key are. To tell calls apart, give each a different
        body, for example by an environment variable.
        """
        entries = self.entries(after)
        changes = Counter(
            (entry.method, entry.path, entry.body, entry.key)
            for entry in entries
            if entry.change and entry.carried_out
        )
        return {
            "requests": len(entries),
            "endpoints": _count(entry.endpoint for entry in entries),
            "statuses": _count(entry.status for entry in entries),
            "faults": _count(entry.fault for entry in entries if entry.fault),
            "changes": sum(changes.values()),
            "repeated": [
                {"method": method, "path": path, "body": body, "times": times}
                for (method, path, body, _), times in changes.items()
                if times > 1
            ],
        }


def key_digest(authorization: str | None) -> str | None:
    """A text with eight hexadecimal digits that identifies a key; None without a key."""
    if authorization is None:
        return None
    return "key-" + hashlib.sha256(authorization.encode("utf-8", "replace")).hexdigest()[:8]


def _count(values: Any) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(map(str, values)).items())}
