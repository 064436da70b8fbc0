"""The ledger of rentals: entries that are written before the request and closed after the stop."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections.abc import Callable
from typing import Final, NoReturn

from .._typing import Self
from ..errors import RentalLedgerError
from ..fork import notice_fork, register_after_fork
from ..secret_values import MaskedUrl
from .backend import LedgerBackend
from .deadlines import checked_seconds
from .heartbeat import Heartbeat
from .ledger_time import LedgerTime
from .ledger_url import DEFAULT_LEASE, DEFAULT_RECONCILE_TIMEOUT, parse_ledger_url
from .owner import RentalOwner
from .rental import Outcome, Rental, ServiceName

__all__ = ["RentalLedger", "open_ledger"]

#: A lease is renewed this often during its length.
_BEATS_PER_LEASE: Final = 3

_ID_BYTES: Final = 16

#: How often a change is tried again when another process changed the entry in between.
_MAX_TRIES: Final = 100


class RentalLedger:
    """A ledger of rentals; `open_ledger` opens one by its URL. Safe with threads, processes and forks.

    Args:
        backend: Where the entries are.
        lease: Seconds that a rental outlives the last sign of life of its owner, which is three times as
            frequent.
        reconcile_timeout: Seconds after which a rental that is not in the API's list was not made.

    Attributes:
        backend: Where the entries are.
        lease: As above.
        reconcile_timeout: As above.
        heartbeat: Renews the leases of this process.
        label: What the owner of new entries is called; None for the process.
    """

    def __init__(
        self,
        backend: LedgerBackend,
        *,
        lease: float = DEFAULT_LEASE,
        reconcile_timeout: float = DEFAULT_RECONCILE_TIMEOUT,
    ) -> None:
        self.backend = backend
        self.lease = lease
        self.reconcile_timeout = reconcile_timeout
        self.heartbeat = Heartbeat(lease / _BEATS_PER_LEASE)
        self.label: str | None = None
        #: The ledger that this one is a copy of: it stays open as long as its copies.
        self._original: RentalLedger | None = None

    def owned_by(self, label: str) -> Self:
        """The same ledger; the owner of what is rented through it has a name.

        Args:
            label: The name, e.g. a user's id.
        """
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.label = label
        other._original = self._original or self
        return other

    def now(self) -> LedgerTime:
        """The time on the ledger's clock.

        Raises:
            RentalLedgerError: The ledger cannot be used.
        """
        return self.backend.now()

    def draft(
        self,
        *,
        account: str,
        service: ServiceName,
        node_id: int,
        name: str | None = None,
        max_duration: float | None = None,
        leased: bool = True,
    ) -> Rental:
        """The entry of a rental that is about to be requested; `HeldRental.begin` writes it.

        Args:
            account: Fingerprint of the key.
            service: The service.
            node_id: The node.
            name: The program's name for it.
            max_duration: Seconds until its deadline; None for none.
            leased: Whether the rental ends with this process; otherwise only the deadline ends it.

        Raises:
            RentalLedgerError: The ledger cannot be used.
        """
        now = self.now()
        return Rental(
            id=secrets.token_hex(_ID_BYTES),
            account=account,
            service=service,
            node_id=node_id,
            owner=RentalOwner.current(self.label),
            created=now,
            renewed=now,
            name=name,
            lease=self.lease if leased else None,
            deadline=None if max_duration is None else now.after(max_duration),
        )

    def change(
        self, id: str, edit: Callable[[Rental], Rental], *, known: Rental | None = None
    ) -> Rental | None:
        """Change an entry atomically.

        Args:
            id: The entry.
            edit: Returns the changed entry, or the same object for no change. It may be called again with a
                newer version.
            known: The version that was last read or written: if it is still stored, nothing is read.

        Returns:
            The entry as it is stored then; None if there is no such entry.

        Raises:
            RentalLedgerError: The ledger cannot be used.
        """
        if known is not None:
            changed = edit(known)
            if changed is not known and self.backend.replace(known, changed):
                return changed
        for _ in range(_MAX_TRIES):
            stored = self.backend.get(id)
            if stored is None:
                return None
            changed = edit(stored)
            if changed is stored or self.backend.replace(stored, changed):
                return changed
        raise RentalLedgerError(f"the entry {id} of the rental ledger changes all the time")

    def close(self, id: str, outcome: Outcome, *, uuid: str | None = None) -> Rental | None:
        """Close an entry; one that is closed stays as it is.

        Args:
            id: The entry.
            outcome: Why it is closed.
            uuid: The session, where it was not recorded.

        Raises:
            RentalLedgerError: The ledger cannot be used.
        """
        now = self.now()

        def edit(rental: Rental) -> Rental:
            if rental.closed is not None:
                return rental
            return rental.changed(closed=now, outcome=outcome, claim=None, uuid=rental.uuid or uuid)

        return self.change(id, edit)

    def extend(self, id: str, seconds: float) -> Rental | None:
        """Set the deadline of an open entry to a time from now.

        Args:
            id: The entry.
            seconds: Seconds from now until the deadline.

        Returns:
            The entry; None if there is none. A closed entry, or one that is being stopped, is not changed.

        Raises:
            ValueError: It is not a number of seconds above 0, at most ten years.
            RentalLedgerError: The ledger cannot be used.
        """
        deadline = self.now().after(checked_seconds(seconds, "seconds"))

        def edit(rental: Rental) -> Rental:
            return rental if rental.state in ("closed", "stopping") else rental.changed(deadline=deadline)

        return self.change(id, edit)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a RentalLedger belongs to its process and can be neither copied nor pickled: pass its URL, "
            "and call octaspace.rentals.open_ledger() with it in the other process"
        )

    def __repr__(self) -> str:
        return f"<RentalLedger {self.backend.location}>"


class _OpenLedgers:
    """The ledgers of this process by their URL: each has one heartbeat."""

    def __init__(self) -> None:
        self.by_url: weakref.WeakValueDictionary[str, RentalLedger] = weakref.WeakValueDictionary()
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        # Reentrant: a signal handler may open a ledger while its thread does.
        self.lock = threading.RLock()


_open = _OpenLedgers()


def open_ledger(url: str) -> RentalLedger:
    """The ledger with this URL: the same object each time, while it is in use. Connects to nothing yet.

    Args:
        url: ``sqlite:///rentals.db`` (relative to the current directory), ``sqlite:////absolute/path``,
            ``redis://host:6379/0`` or ``rediss://…``, with the options ``?lease=90&reconcile_timeout=120``.

    Raises:
        ValueError: The URL cannot be used; the message says what is supported.
        RentalLedgerError: The package redis is not installed.
    """
    url = MaskedUrl(url)  # frames keep their locals
    address = parse_ledger_url(url)
    notice_fork()
    with _open.lock:
        ledger = _open.by_url.get(address.full_url)
        if ledger is None:
            backend: LedgerBackend
            if address.path is not None:
                from .sqlite_backend import SqliteBackend  # few programs need sqlite3

                backend = SqliteBackend(address.path)
            else:
                backend = _redis_backend(address.url)
            made = RentalLedger(backend, lease=address.lease, reconcile_timeout=address.reconcile_timeout)
            ledger = _open.by_url.setdefault(address.full_url, made)
        return ledger


def _redis_backend(url: str) -> LedgerBackend:
    try:
        from .redis_backend import RedisBackend  # the package redis may be missing
    except ImportError:
        raise RentalLedgerError(
            "a ledger in Redis needs the package redis: pip install 'Flask-OctaSpace[redis]'"
        ) from None
    return RedisBackend(url)
