"""The text about a form whose outcome was not stored: its worker process ended, or the storage failed.

A form that rents has recorded the id of the rental: the rental ledger and the list of sessions tell whether
it was made. Of other changes it is only known that they may have been carried out.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from flask import current_app

from octaspace import Error, RentalLedgerError
from octaspace.rentals import Resolution

from ..browser.state import current_browser
from ..formatting import duration
from ..sdk.error_card import describe
from .navigation import title_of
from .rental_lookup import look_up_rental

__all__ = ["SESSIONS", "outcome_of_lost"]

_LOST: Final = "The outcome of this form was not stored: its worker process ended, or the storage failed."

_CHECK: Final = "Check before you send it again."

#: Where a rental can be looked for.
SESSIONS: Final = {"endpoint": "sessions.index", "values": {}, "label": "Sessions"}

_log: Final = logging.getLogger(__name__)


def outcome_of_lost(about: dict[str, Any], stale: str, *, forgetful: bool) -> tuple[dict[str, Any], bool]:
    """The outcome of a form whose worker has ended.

    Args:
        about: What the form recorded before it acted: ``to``, where its outcome is shown, and ``rental_id``,
            the id of the ledger's entry; empty if it rents nothing.
        stale: Why nothing can be looked up: the form was made for another API target. Empty if it was not.
        forgetful: Whether the store was restarted or replaced since, and may have lost its last second: then
            so may the ledger, and that it has no entry proves nothing.

    Returns:
        The outcome, as of `form_actions.once`, with ``look``: where to check; and whether it is final. With
        ``pending``, it will be known later.
    """
    endpoint, values = about.get("to") or ("sessions.index", {})
    place: dict[str, Any] = {"endpoint": endpoint, "values": values}
    if not about.get("rental_id"):
        look = {**place, "label": title_of(endpoint)}
        text = f"{_LOST} The change may have been carried out. {_CHECK}"
        return _outcome(text, place, look=look), True
    if stale:
        text = f"{_LOST} It may have been rented, for another API or key than this browser uses. {_CHECK}"
        return _outcome(text, place, look=SESSIONS), False
    try:
        found = look_up_rental(current_browser(), str(about["rental_id"]))
    except RentalLedgerError as error:
        return _unknown(f"the rental ledger cannot be read: {error}", place, wait=None), False
    except Error as error:
        _log.warning("It could not be found out whether a rental was made: %s", error)
        return _unknown(f"the sessions cannot be listed: {describe(error).message}", place, wait=None), False
    if found.state == "unknown":
        return _unknown(found.reason, place, found.wait), False
    if found.uuid is not None:
        return _rented(found, found.uuid), True
    if forgetful:
        return _unknown(f"{found.reason}, but the storage may have lost what it knew", place, None), False
    text = f"It was not rented: {found.reason}. Nothing is charged, and it is safe to send it again."
    return _outcome(f"{_LOST} {text}", place, look={**place, "label": title_of(endpoint)}), True


def _rented(found: Resolution, uuid: str) -> dict[str, Any]:
    text = f"{_LOST} It was rented: {found.reason}."
    text += " It has ended since." if found.ended else " It is charged until it is stopped."
    place: dict[str, Any] = {"endpoint": "sessions.show", "values": {"uuid": uuid}}
    if "sessions.show" not in current_app.view_functions:
        place = {"endpoint": "sessions.index", "values": {}}
    return {**_outcome(text, place, look={**place, "label": f"Session {uuid}"}), "ok": True}


def _unknown(reason: str, place: dict[str, Any], wait: float | None) -> dict[str, Any]:
    text = f"{_LOST} It is not known whether it was rented: {reason}."
    if wait is not None:
        text += f" It will be known in {duration(wait)} at the latest."
    return {**_outcome(f"{text} {_CHECK}", place, look=SESSIONS), "pending": wait is not None}


def _outcome(text: str, place: dict[str, Any], *, look: dict[str, Any]) -> dict[str, Any]:
    return {"ok": False, "text": text, "problem": None, "look": look, **place}
