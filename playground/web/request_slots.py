"""Who may hold a thread of this process, so that some are always left for the others.

Gunicorn has more threads than requests may hold: each kind of request has places of its own, and there is one
thread more. Whatever pages and downloads wait for, static files and ``/healthz`` are answered, and a request
that finds no place is refused at once.

A page waits up to a second for a place, as long as one of those that hold them has just begun: a burst of
quick pages is served, and no page stands in line behind slow ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["BusyError", "Kind", "Place", "Places", "Threads"]

Kind = Literal["page", "download", "file"]

#: Seconds that a request waits for a place which a quick one holds.
_PATIENCE: Final = 1.0

#: For static files; they take moments.
_FILES: Final = 3

#: Seconds after which one that found no place is told to try again.
_TRY_AGAIN: Final[dict[Kind, int]] = {"page": 2, "download": 15, "file": 2}

_WORDS: Final[dict[Kind, str]] = {"page": "pages", "download": "downloads", "file": "files"}


@dataclass(frozen=True)
class Threads:
    """How many threads each kind of request may hold.

    Attributes:
        page: Pages and changes, whatever they wait for.
        download: Files of the API on their way to a browser.
        file: Static files.
    """

    page: int
    download: int
    file: int = _FILES

    @classmethod
    def beside(cls, pages: int) -> Threads:
        """What there is beside so many pages: a third as many downloads, at least one."""
        return cls(pages, max(1, pages // 3))

    @property
    def in_all(self) -> int:
        """What Gunicorn needs: one more, for ``/healthz`` and for refusals."""
        return self.page + self.download + self.file + 1

    def of_one_browser(self, kind: Kind) -> int:
        """How many of them one browser may hold: half, but two pages where there are two."""
        every: int = getattr(self, kind)
        if kind == "file":
            return every  # asked for without looking at who asks
        return min(every, max(2 if kind == "page" else 1, every // 2))


class BusyError(RuntimeError):
    """There is no place; the message says whose limit it is.

    Attributes:
        own: Whether the browser itself holds as many as it may.
        again: Seconds after which it may try again.
    """

    def __init__(self, message: str, *, own: bool, again: int) -> None:
        super().__init__(message)
        self.own, self.again = own, again


class Place:
    """A place that is held by one thread or several, until the last of them has let go of it."""

    def __init__(self, places: Places, kind: Kind, owner: str, since: float) -> None:
        self._places = places
        self.kind: Kind = kind
        self.owner, self.since = owner, since
        self._holders = 1

    def share(self) -> None:
        """Have another thread hold it as well."""
        with self._places.changed:
            self._holders += 1

    def release(self) -> None:
        """Let go of it."""
        with self._places.changed:
            self._holders -= 1
            if self._holders == 0:
                self._places.give_back(self)


class Places:
    """The places of a process. Safe with threads; a forked process has its own.

    Args:
        threads: How many there are.
        monotonic: The clock by which they grow old.
    """

    def __init__(self, threads: Threads, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.threads = threads
        self.changed = threading.Condition(threading.RLock())
        self._monotonic = monotonic
        self._held: list[Place] = []

    def take(self, kind: Kind, owner: str) -> Place:
        """Take a place.

        Args:
            kind: What for.
            owner: Id of the browser, or the address of one that has none yet.

        Raises:
            BusyError: There is none, and a quick request does not hold one either.
        """
        with self.changed:
            end = self._monotonic() + (0.0 if kind == "download" else _PATIENCE)
            while True:
                now = self._monotonic()
                busy, holders = self._full(kind, owner)
                if busy is None:
                    place = Place(self, kind, owner, now)
                    self._held.append(place)
                    return place
                # When the youngest of those before us is no quick one either, waiting is no use.
                until = min(end, max(place.since for place in holders) + _PATIENCE)
                if now >= until:
                    raise busy
                self.changed.wait(until - now)

    def held(self, kind: Kind) -> int:
        """How many places of a kind are held now."""
        with self.changed:
            return sum(place.kind == kind for place in self._held)

    def give_back(self, place: Place) -> None:
        """Called by the place itself."""
        self._held.remove(place)
        self.changed.notify_all()

    def _full(self, kind: Kind, owner: str) -> tuple[BusyError | None, list[Place]]:
        """Why there is no place, and who holds them."""
        of_kind = [place for place in self._held if place.kind == kind]
        own = [place for place in of_kind if place.owner == owner]
        again = _TRY_AGAIN[kind]
        most = self.threads.of_one_browser(kind)
        if len(own) >= most:
            text = f"This browser holds {most} of this server's {_WORDS[kind]} already, as many as it may."
            return BusyError(text, own=True, again=again), own
        if len(of_kind) >= getattr(self.threads, kind):
            text = f"All places for {_WORDS[kind]} of this server are taken."
            return BusyError(text, own=False, again=again), of_kind
        return None, []
