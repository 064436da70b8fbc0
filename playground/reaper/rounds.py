"""Rounds of the reaper: `octaspace.rentals.reap` for each API target, each with its own entries."""

from __future__ import annotations

import logging
from typing import Any, Final

from octaspace import Client, Error, Request, Response
from octaspace.key_mask import KeyMask
from octaspace.rentals import Rental, account_fingerprint, reap
from octaspace.rentals.backend import LedgerBackend
from octaspace.rentals.ledger import RentalLedger
from octaspace.rentals.remembered_entries import RememberedEntries
from octaspace.rentals.wrapped_backend import WrappedBackend
from octaspace.request import BodySink

from ..browser.api_target import ApiTarget
from ..browser.rental_owner import belongs_to
from ..store import Database, ReaperRounds, StoreError
from .targets import KnownTargets

__all__ = ["Reaper"]

_log = logging.getLogger("playground.reaper")

#: Limit of a call, in seconds: a target that does not answer must not keep the others waiting for long.
_CALL_SECONDS: Final = 20.0


class Reaper:
    """Looks after the rentals of all known targets.

    Args:
        ledger: The ledger.
        database: The store; the pages read there when the last round was.
        targets: The targets.
    """

    def __init__(self, ledger: RentalLedger, database: Database, targets: KnownTargets) -> None:
        self._ledger, self._database, self._targets = ledger, database, targets
        self._entries = RememberedEntries(ledger.backend, _report_loss)
        self._unknown: set[str] = set()

    def round(self) -> None:
        """Look after each target once. A failure is logged without the key, and the next target follows."""
        try:
            open_rentals = self._entries.open_rentals()
        except Error as error:
            _log.error("The rental ledger cannot be read: %s", error)
            return
        try:
            self._targets.refresh(lambda target: any(_is_of(target, rental) for rental in open_rentals))
        except StoreError as error:
            _log.error("The keys of browsers cannot be read; those of the last round are used: %s", error)
        done = [target for target in self._targets.all() if self._look_after(target)]
        self._warn_of_unknown(open_rentals)
        try:
            ReaperRounds(self._database).note(
                (account_fingerprint(target.key), target.kind) for target in done
            )
        except StoreError as error:
            _log.error("The round cannot be noted: %s", error)

    def end(self) -> None:
        """Log the rentals that only this reaper knows, because it ends."""
        self._entries.end()

    def _look_after(self, target: ApiTarget) -> bool:
        """Reap the entries of a target; whether the round succeeded."""
        view = RentalLedger(
            _EntriesOf(target, self._entries),
            lease=self._ledger.lease,
            reconcile_timeout=self._ledger.reconcile_timeout,
        )
        client = _MaskedClient(target.key, base_urls=list(target.endpoints), total_timeout=_CALL_SECONDS)
        try:
            return reap(client, view).ok
        except Error as error:
            _log.error("A round for %s failed: %s", target.label, error)
        except Exception as error:
            # Its message may contain anything: only the class is logged.
            _log.error("A round for %s failed: %s", target.label, type(error).__name__)
        finally:
            client.close()
        return False

    def _warn_of_unknown(self, open_rentals: list[Rental]) -> None:
        """Log once for each entry with a deadline that no known key can stop."""
        targets = self._targets.all()
        unknown = {
            rental.id
            for rental in open_rentals
            if rental.deadline is not None and not any(_is_of(target, rental) for target in targets)
        }
        if unknown - self._unknown:
            _log.warning(
                "%d open rentals with a deadline belong to accounts whose key is not known here: this reaper "
                "does not stop them", len(unknown),
            )  # fmt: skip
        self._unknown = unknown


def _report_loss(text: str) -> None:
    _log.error("%s", text[0].upper() + text[1:])


class _MaskedClient(Client):
    """A client whose answers do not contain the key: what they name is stored in the ledger, and shown."""

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`."""
        mask = KeyMask(self.config.api_key)
        return mask.response(super().send(request, timeout=timeout, sink=sink))


class _EntriesOf(WrappedBackend):
    """The entries of one target."""

    def __init__(self, target: ApiTarget, backend: LedgerBackend) -> None:
        super().__init__(backend)
        self._target = target

    def open_rentals(self) -> list[Rental]:
        return [one for one in super().open_rentals() if _is_of(self._target, one)]

    def closed_rentals(self) -> list[Rental]:
        return [one for one in super().closed_rentals() if _is_of(self._target, one)]


def _is_of(target: ApiTarget, rental: Rental) -> bool:
    return rental.account == account_fingerprint(target.key) and belongs_to(rental.owner, target)
