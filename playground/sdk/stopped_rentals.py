"""Closes the entry of a session that a client of the playground has stopped.

It looks at the requests, so it covers every page and job that stops a session. Only entries of the client's
own owner are closed; those of others are closed by their owner, or by the next round of the reaper.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final
from urllib.parse import unquote

from flask import Flask

from flask_octaspace import octaspace_response
from octaspace import Client, Error, RentalLedgerError, Request, Response
from octaspace.key_mask import KeyMask
from octaspace.rentals.account import account_fingerprint
from octaspace.resources.confirmation import check_confirmation

__all__ = ["init_app"]

_log = logging.getLogger("playground")

_STOP: Final = re.compile(r"/services/([^/]+)/stop")


def init_app(app: Flask) -> None:
    """Look at the answers of the app's calls."""
    octaspace_response.connect(_on_response, sender=app)


def _on_response(app: Flask, *, client: Client, request: Request, response: Response[Any], **_: Any) -> None:
    found = _STOP.fullmatch(request.path) if request.method == "POST" and response.ok else None
    if found is None or not _confirms(request, response):
        return
    try:
        ledger = client.rental_ledger
        if ledger is None or ledger.label is None or not ledger.backend.exists():
            return
        account, uuid = account_fingerprint(client.config.api_key), unquote(found[1])
        for rental in ledger.backend.open_rentals():
            # A rental with a lease is closed by the block that holds it.
            mine = rental.owner.label == ledger.label and rental.account == account
            if mine and rental.uuid == uuid and rental.lease is None:
                ledger.close(rental.id, "stopped")
    except RentalLedgerError as error:
        _log.warning("The entry of the stopped session is left to the reaper: %s", error)


def _confirms(request: Request, response: Response[Any]) -> bool:
    """Whether a 2xx says that the session is stopped: HTML, or an error in its JSON, does not."""
    if not (response.data is None or isinstance(response.data, (dict, list))):
        return False
    try:
        check_confirmation(response, request, mask=KeyMask())
    except Error:
        return False
    return True
