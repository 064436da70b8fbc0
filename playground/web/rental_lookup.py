"""Asks the rental ledger, and the API where it does not know, whether a form has rented something."""

from __future__ import annotations

from typing import Final

from octaspace.rentals import Resolution, resolve

from ..app_state import current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser
from ..sdk.recording import record_calls

__all__ = ["look_up_rental"]

_LINE: Final = "client.sessions.list()"


def look_up_rental(browser: Browser, id: str) -> Resolution:
    """What is known of a rental; its calls are written into the request log.

    Args:
        browser: The browser whose form it is.
        id: The id of the entry.

    Raises:
        octaspace.Error: The sessions cannot be listed.
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    with current_app_state().clients.lease(browser.config) as client, record_calls() as calls:
        try:
            return resolve(client.with_options(total_timeout=browser.budget), id, browser.rental_ledger)
        finally:
            if calls:
                CallLog.for_current_page(browser).write(calls, _LINE)
