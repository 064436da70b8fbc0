"""Finds the rental that a form has made before, when the store has forgotten that the form was sent.

A rent form has the id of its entry in the rental ledger, and a machine carries the same id. So the ledger,
and the lists of sessions, show what the store has lost.
"""

from __future__ import annotations

from typing import Any, Final

from octaspace import Error, RentalLedgerError

from ..app_state import current_app_state
from ..browser.state import Browser
from ..sdk.error_card import describe
from .rental_lookup import look_up_rental

__all__ = ["EarlierRental"]

_SENT: Final = "This form was already sent. Nothing was sent again"
_UNCHECKED: Final = (
    "Nothing was sent: whether this form was sent before is not known, and the sessions could not be listed. "
    "Try again in a moment."
)


class EarlierRental:
    """Looks for the rental of one form.

    Args:
        browser: The browser that has sent the form.
        id: The id of the entry.
    """

    def __init__(self, browser: Browser, id: str) -> None:
        self._browser, self._id = browser, id

    def before_sending(self) -> dict[str, Any] | None:
        """The outcome to show instead of sending the form; None if it was not sent before.

        The ledger is asked. The API is asked as well if the store could lose a claim unnoticed. Without the
        ledger nothing is sent, even if it could be written a moment later: it was not asked.
        """
        database = current_app_state().database
        try:
            recorded = self._is_recorded()
            if recorded or not database.notices_restarts():
                return self._find(recorded, _UNCHECKED)
        except RentalLedgerError as error:
            return {**_outcome("", ok=False), "problem": describe(error).as_json()}
        return None

    def after_loss(self) -> dict[str, Any] | None:
        """What the form has rented, if the ledger or the API knows it."""
        try:
            return self._find(self._is_recorded(), None)
        except RentalLedgerError:
            return None

    def _is_recorded(self) -> bool:
        ledger = self._browser.rental_ledger
        return ledger.backend.exists() and ledger.backend.get(self._id) is not None

    def _find(self, recorded: bool, unchecked: str | None) -> dict[str, Any] | None:
        try:
            found = look_up_rental(self._browser, self._id)
        except RentalLedgerError:
            raise
        except Error as error:
            if recorded:
                return _uncertain(f"the sessions cannot be listed: {describe(error).message}")
            return None if unchecked is None else _outcome(unchecked, ok=False)
        if found.uuid is not None:
            text = f"{_SENT}: this is the session that it rented."
            return {**_outcome(text, ok=True), "endpoint": "sessions.show", "values": {"uuid": found.uuid}}
        if not recorded:
            return None
        if found.state == "not rented":
            return _outcome(f"{_SENT}: the first time, nothing was rented.", ok=False)
        return _uncertain(found.reason)


def _uncertain(reason: str) -> dict[str, Any]:
    text = f"{_SENT}, and it is not known yet whether it has rented something: {reason}. "
    text += "Its entry is in this list."
    return {**_outcome(text, ok=False), "endpoint": "rentals.index", "values": {}}


def _outcome(text: str, *, ok: bool) -> dict[str, Any]:
    return {"ok": ok, "neutral": ok, "text": text, "problem": None}
