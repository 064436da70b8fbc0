"""Limits how many requests of each kind run at the same time, so that no kind takes every thread.

Gunicorn has one thread more than there are slots, and each kind of request has its own slots. Static files
and health checks are therefore answered even when all pages and downloads wait, and a request without a free
slot is refused at once.

A page waits up to one second for a slot if one of the holders has just started: a burst of fast pages is
served, and no page queues behind slow ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from ..settings import RequestKind, ThreadCounts

__all__ = ["NoSlotError", "RequestSlot", "RequestSlots"]

#: Seconds a request waits for a slot that a fast request holds.
_MAX_WAIT: Final = 1.0

#: Seconds after which a refused client may try again.
_RETRY_AFTER: Final[dict[RequestKind, int]] = {"page": 2, "download": 15, "file": 2}

_NOUNS: Final[dict[RequestKind, str]] = {"page": "pages", "download": "downloads", "file": "files"}


class NoSlotError(RuntimeError):
    """No slot is free; the message names the limit that was reached.

    Attributes:
        own_limit: Whether the limit of the browser was reached, as opposed to that of the server.
        retry_after: Seconds after which the client may retry.
    """

    def __init__(self, message: str, *, own_limit: bool, retry_after: int) -> None:
        super().__init__(message)
        self.own_limit, self.retry_after = own_limit, retry_after


class RequestSlot:
    """A slot held by one or more threads; free again when the last of them releases it."""

    def __init__(self, slots: RequestSlots, kind: RequestKind, owner: str, since: float) -> None:
        self._slots = slots
        self.kind: RequestKind = kind
        self.owner, self.since = owner, since
        self._holders = 1

    def share(self) -> None:
        """Add another thread as a holder."""
        with self._slots.changed:
            self._holders += 1

    def release(self) -> None:
        """Release it for the calling thread."""
        with self._slots.changed:
            self._holders -= 1
            if self._holders == 0:
                self._slots.remove(self)


class RequestSlots:
    """The slots of a process. Thread-safe; a forked process has its own.

    Args:
        threads: Number of slots of each kind.
        monotonic: Clock for the age of a slot.
    """

    def __init__(self, threads: ThreadCounts, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.threads = threads
        self.changed = threading.Condition(threading.RLock())
        self._monotonic = monotonic
        self._held: list[RequestSlot] = []

    def acquire(self, kind: RequestKind, owner: str) -> RequestSlot:
        """Take a slot.

        Args:
            kind: Kind of the request.
            owner: Id of the browser, or the address of a client without one.

        Raises:
            NoSlotError: None is free, and none is held by a fast request.
        """
        with self.changed:
            end = self._monotonic() + (0.0 if kind == "download" else _MAX_WAIT)
            while True:
                now = self._monotonic()
                error, holders = self._limit_reached(kind, owner)
                if error is None:
                    slot = RequestSlot(self, kind, owner, now)
                    self._held.append(slot)
                    return slot
                # When even the most recent holder is slow, waiting is pointless.
                until = min(end, max(slot.since for slot in holders) + _MAX_WAIT)
                if now >= until:
                    raise error
                self.changed.wait(until - now)

    def held(self, kind: RequestKind) -> int:
        """Number of slots of a kind that are held now."""
        with self.changed:
            return sum(slot.kind == kind for slot in self._held)

    def remove(self, slot: RequestSlot) -> None:
        """Free a slot; `RequestSlot.release` calls it."""
        self._held.remove(slot)
        self.changed.notify_all()

    def _limit_reached(self, kind: RequestKind, owner: str) -> tuple[NoSlotError | None, list[RequestSlot]]:
        """Why no slot is free, and the slots that are held."""
        of_kind = [slot for slot in self._held if slot.kind == kind]
        own = [slot for slot in of_kind if slot.owner == owner]
        retry_after = _RETRY_AFTER[kind]
        limit = self.threads.per_browser(kind)
        if len(own) >= limit:
            text = f"This browser has {limit} {_NOUNS[kind]} of this server under way, its limit."
            return NoSlotError(text, own_limit=True, retry_after=retry_after), own
        if len(of_kind) >= getattr(self.threads, kind):
            text = f"This server has as many {_NOUNS[kind]} under way as it can."
            return NoSlotError(text, own_limit=False, retry_after=retry_after), of_kind
        return None, []
