"""Finds the rental that a form has made before, when the store has forgotten that the form was sent.

A rent form has the id of its entry in the rental ledger, and a machine carries the same id. So the ledger,
and the lists of sessions, show what the store has lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from octaspace import Error, RentalLedgerError, UnexpectedShapeError
from octaspace.rentals import Rental
from octaspace.rentals.matching import match_by_id
from octaspace.types import Session

from ..app_state import current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser
from ..sdk.call import SdkCall
from ..sdk.json_access import listed
from ..sdk.recording import record_calls

__all__ = ["EarlierRentals"]

_SENT: Final = "This form was already sent. Nothing was sent again"
_UNCHECKED: Final = (
    "Nothing was sent: whether this form was sent before is not known, and the sessions could not be listed. "
    "Try again in a moment."
)

#: Active and ended sessions.
_LISTS: Final = (SdkCall("sessions.list"), SdkCall("sessions.list", recent=True))


class EarlierRentals:
    """Looks for the rental of one form.

    Args:
        browser: The browser that has sent the form.
        id: The id of the entry.
    """

    def __init__(self, browser: Browser, id: str) -> None:
        self._browser, self._id = browser, id

    def before_sending(self) -> dict[str, Any] | None:
        """The outcome to show instead of sending the form; None if it was not sent before.

        The ledger is asked. The API is asked as well if the store could lose a claim unnoticed.
        """
        known = self._of_ledger()
        if known is not None:
            return known
        database = current_app_state().database
        if database.generation() or database.durability_warning() is None:
            return None
        uuids = self._uuids()
        if uuids is None:
            return self._outcome(_UNCHECKED, ok=False)
        return self._session(uuids[0]) if uuids else None

    def after_loss(self) -> dict[str, Any] | None:
        """What the form has rented, if the ledger or the API knows it."""
        known = self._of_ledger()
        if known is not None:
            return known
        uuids = self._uuids()
        return self._session(uuids[0]) if uuids else None

    def _of_ledger(self) -> dict[str, Any] | None:
        try:
            rental = current_app_state().rental_ledger.backend.get(self._id)
        except RentalLedgerError:
            return None  # nothing is rented without it: sending the form shows the error
        if rental is None:
            return None
        if rental.uuid is not None:
            return self._session(rental.uuid)
        uuids = self._uuids() if rental.service == "mr" else None
        return self._session(uuids[0]) if uuids else self._entry(rental)

    def _uuids(self) -> list[str] | None:
        """The sessions that carry the id; None if the lists could not be read."""
        found: list[str] = []
        with (
            current_app_state().clients.lease(self._browser.config) as client,
            record_calls() as calls,
        ):
            try:
                for line in _LISTS:
                    answer = line.run(client.with_options(total_timeout=self._browser.budget))
                    uuid = match_by_id(_sessions(answer.data)).get(self._id)
                    found += [] if uuid is None else [uuid]
                complete = True
            except Error:
                complete = False
        CallLog.for_current_page(self._browser).write(calls, str(_LISTS[0]))
        return found if complete else None

    def _session(self, uuid: str) -> dict[str, Any]:
        text = f"{_SENT}: this is the session that it rented."
        return {**self._outcome(text, ok=True), "endpoint": "sessions.show", "values": {"uuid": uuid}}

    def _entry(self, rental: Rental) -> dict[str, Any]:
        if rental.outcome in ("refused", "not made"):
            return self._outcome(f"{_SENT}: the first time, nothing was rented.", ok=False)
        text = f"{_SENT}, and it is not known yet whether it has rented something. Its entry is in this list."
        return {**self._outcome(text, ok=False), "endpoint": "rentals.index", "values": {}}

    def _outcome(self, text: str, *, ok: bool) -> dict[str, Any]:
        return {"ok": ok, "neutral": ok, "text": text, "problem": None}


def _sessions(data: Any) -> Iterator[Session]:
    """The sessions of a list, active or ended; those that cannot be read are left out."""
    for item in listed(data, "Session"):
        with suppress(UnexpectedShapeError):
            yield Session.from_api(item)
