"""What a backend of the store has to do; there are two, SQLite and Redis.

A backend keeps records and knows nothing of what they mean: rules, limits and JSON are in the modules
beside this one, once for both. A record is a dictionary of plain values; a text is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .bounds import DEFAULT_BYTES, Share, StoreBounds

if TYPE_CHECKING:
    from .calls import Bounds, Query
    from .login_attempts import Pace

__all__ = ["Database", "Record", "StoreError", "StoreFullError", "check_room", "open_database"]

Record = dict[str, Any]


class StoreError(RuntimeError):
    """The store does not answer or cannot write; the message is one line for the operator."""


class StoreFullError(StoreError):
    """What must not be lost has no room; nothing was kept. The message is for whoever sent it."""


class BrowserTable(Protocol):
    """What is known of browsers: a text per concern, with one life for all of a browser's."""

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        """Every concern; the browser's time begins again.

        Returns:
            Empty when it was away for `idle` seconds; None when it was forgotten.
        """
        ...

    def save(
        self, browser: str, concern: str, text: str, idle: float, kind: Literal["settings", "drafts"]
    ) -> None:
        """Keep one concern, unless the browser was forgotten; others saved at the same time are left alone.

        Args:
            browser: Whose.
            concern: Its name.
            text: Its value.
            idle: Seconds after which the browser is forgotten.
            kind: Whose share of the bounds it takes. Drafts make room, the oldest first.

        Raises:
            StoreFullError: There is no room for settings.
        """
        ...

    def drop(self, browser: str, concern: str) -> None:
        """Remove one concern."""
        ...

    def forget(self, browser: str, now: float, keep: float, most: int) -> None:
        """Remove everything of a browser: concerns, calls, tokens, jobs. Note that it was forgotten.

        Args:
            browser: Its id.
            now: The time, seconds since 1970.
            keep: Seconds for which the note is kept. What requests and jobs under way still write for the
                browser until then is dropped, and a job of it hears that it is to stop.
            most: Notes that are kept at most, the latest.
        """
        ...


class CallTable(Protocol):
    """Logs of calls, numbered in the order in which they were written."""

    def append(self, browser: str, rows: Sequence[Mapping[str, Any]], bounds: Bounds) -> list[int]:
        """Add rows with the names of `COLUMNS`, a text `detail` and their `size`, drop what is out of bounds.

        Returns:
            Their ids; each is 0 for a browser that was forgotten, whose rows are not added.
        """
        ...

    def latest(
        self, browser: str, query: Query, limit: int, offset: int, *, whole: bool
    ) -> tuple[list[Record], int]:
        """Rows with their `id`, latest first, and how many match in all; `detail` is None unless `whole`."""
        ...

    def find(self, browser: str, number: int) -> Record | None:
        """One row of the browser, whole."""
        ...

    def clear(self, browser: str) -> None:
        """Remove every row of the browser."""
        ...


class TokenTable(Protocol):
    """One-time tokens."""

    def claim(self, browser: str, token: str, owner: str, keep: float) -> bool:
        """Take a token nobody has taken; one of all callers in all processes hears True.

        Raises:
            StoreFullError: There is no room, and it was not taken before.
        """
        ...

    def finish(self, browser: str, token: str, text: str, keep: float, gone: str) -> None:
        """Keep what came of a token that was taken; `gone` takes the place of older ones without room."""
        ...

    def find(self, browser: str, token: str) -> tuple[str | None, str | None]:
        """By which owner it was taken, and what came of it."""
        ...


class WorkerTable(Protocol):
    """The last word of each worker process, per settings."""

    def leave(self, settings: str, worker: str, text: str, keep: float) -> None:
        """Replace what this worker said."""
        ...

    def everyone(self, settings: str) -> dict[str, str]:
        """What each worker said."""
        ...

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        """Forget workers."""
        ...


class JobTable(Protocol):
    """Jobs, and the items each has collected."""

    def begin(
        self, job: Record, since: float, admit: Callable[[list[Record], int], None], keep: int, seconds: float
    ) -> None:
        """Write a job down unless `admit` raises; nobody else can write one of its kind meanwhile.

        For a browser that was forgotten nothing is written.

        Args:
            job: The job's fields.
            since: A time, for the second argument of `admit`.
            admit: Called with all jobs of the kind that have not ended, and with how many the browser has
                begun since that time.
            keep: How many jobs of the kind the browser keeps.
            seconds: For how long.
        """
        ...

    def find(self, browser: str, id: str) -> Record | None:
        """A job of the browser."""
        ...

    def latest(self, browser: str, kind: str, count: int) -> list[Record]:
        """The browser's last jobs of a kind, latest first."""
        ...

    def items(self, browser: str, id: str) -> list[str]:
        """What a job of the browser has collected, in order."""
        ...

    def cancel(self, browser: str, id: str) -> None:
        """Mark a job of the browser that has not ended."""
        ...

    def write(
        self, id: str, state: str, items: Sequence[str], first: int, at: float, *, ended: bool
    ) -> bool | None:
        """Replace a job's state and add items, the first of them with that number.

        Returns:
            Whether it is marked as cancelled; None when it was forgotten.
        """
        ...


class TryTable(Protocol):
    """Lines of those who try to log in, one per address."""

    def take(self, address: str, now: float, pace: Pace, longest: float) -> float:
        """Take a place in a line, in one step for all processes.

        Args:
            address: Whose line.
            now: The time, seconds since 1970.
            pace: How fast the line moves, and how many are remembered.
            longest: Seconds beyond which no place is taken.

        Returns:
            Seconds until it is this try's turn; more than `longest` when it has no place.
        """
        ...

    def clear(self, address: str) -> None:
        """Forget an address's line."""
        ...


class Database(Protocol):
    """A backend. Every method of it and of its tables raises `StoreError` when it cannot do its work."""

    @property
    def bounds(self) -> StoreBounds: ...
    @property
    def browsers(self) -> BrowserTable: ...
    @property
    def calls(self) -> CallTable: ...
    @property
    def tokens(self) -> TokenTable: ...
    @property
    def workers(self) -> WorkerTable: ...
    @property
    def jobs(self) -> JobTable: ...
    @property
    def tries(self) -> TryTable: ...

    def check(self) -> None:
        """Try it out, for the start of the app."""
        ...

    def close(self) -> None:
        """Close this process's connections; a later use opens new ones."""
        ...


def check_room(bounds: StoreBounds, kind: str, more: int, own: int, every: int) -> None:
    """Refuse what has no room.

    Args:
        bounds: The shares.
        kind: ``"settings"`` or ``"claims"``.
        more: Bytes that are to be added; with none or fewer there is always room.
        own: What the browser has.
        every: What all browsers have.

    Raises:
        StoreFullError: There is none.
    """
    share: Share = getattr(bounds, kind)
    if more <= 0:
        return
    what = "saved settings" if kind == "settings" else "forms that were sent within seven days"
    if own + more > share.mine:
        raise StoreFullError(
            f"This browser has as many {what} as it may ({share.mine >> 10} kB). "
            "Forgetting this browser in Settings makes room."
        )
    if every + more > share.all:
        raise StoreFullError(
            f"All browsers together have as many {what} as they may ({share.all >> 10} kB). "
            "Whoever runs the server can raise PLAYGROUND_STORE_BYTES."
        )


def open_database(folder: Path, redis_url: str | None = None, store_bytes: int = DEFAULT_BYTES) -> Database:
    """The store; nothing is opened before its first use.

    Args:
        folder: Folder of the SQLite file.
        redis_url: A Redis to use instead.
        store_bytes: How much is kept in all; see `StoreBounds`.

    Raises:
        StoreError: The address of Redis cannot be used, or its client is not installed.
    """
    if redis_url is None:
        from .sqlite import SqliteDatabase

        return SqliteDatabase(folder / "playground.sqlite3", StoreBounds.of(store_bytes))
    # Only then: the package redis is optional.
    try:
        from .redis import RedisDatabase
    except ImportError:
        raise StoreError("Redis needs the package redis: pip install redis") from None
    return RedisDatabase(redis_url, StoreBounds.of(store_bytes))
