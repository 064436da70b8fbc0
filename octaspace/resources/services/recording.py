"""Record a creation in the ledger: the entry is durable before the request is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from ...key_mask import KeyMask
from ...rentals.held_rental import HeldRental
from ...rentals.ledger import RentalLedger
from ...rentals.rental import RENTAL_ID_VARIABLE, ServiceName
from ...request import BodySink, Request, RequestSender
from ...response import Response
from .terms import RentalTerms

__all__ = ["RecordingSender"]

_SERVICES: Final = {"/services/mr": "mr", "/services/vpn": "vpn", "/services/render": "render"}


class RecordingSender:
    """Sends like another `RequestSender`, and writes the entry of a creation before it sends it.

    Args:
        sender: Sends the requests.
        ledger: The ledger.
        terms: What is recorded.
        leased: Whether the rental ends with this process.

    Attributes:
        held: The entry, once the creation is about to be sent.
    """

    def __init__(
        self, sender: RequestSender, ledger: RentalLedger, terms: RentalTerms, *, leased: bool
    ) -> None:
        self.held: HeldRental | None = None
        self._sender = sender
        self._ledger = ledger
        self._terms = terms
        self._leased = leased

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `RequestSender.send`.

        Raises:
            RentalLedgerError: The entry cannot be written; nothing was sent.
        """
        service = _SERVICES.get(request.path) if request.method == "POST" else None
        if service is None:
            return self._sender.send(request, timeout=timeout, sink=sink)
        item = request.body[0] if isinstance(request.body, list) else request.body
        if RENTAL_ID_VARIABLE in (item.get("envs") or {}):
            raise ValueError(f"envs must not have {RENTAL_ID_VARIABLE}: the ledger sets it")
        rental = self._ledger.draft(
            account=self._sender.account,
            service=cast(ServiceName, service),
            node_id=item["node_id"],
            name=self._terms.name,
            max_duration=self._terms.max_duration,
            leased=self._leased,
        )
        held = self.held = HeldRental(
            self._ledger, rental, on_lost=self._terms.on_lease_lost, log=self._sender.log
        )
        held.begin()
        if service == "mr":
            item = {**item, "envs": {**item["envs"], RENTAL_ID_VARIABLE: rental.id}}
            request = replace(request, body=[item])
        return self._sender.send(request, timeout=timeout, sink=sink)

    @property
    def overrides(self) -> Mapping[type, dict[str, Any]]:
        """See `RequestSender.overrides`."""
        return self._sender.overrides

    def monotonic(self) -> float:
        """See `RequestSender.monotonic`."""
        return self._sender.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `RequestSender.sleep`."""
        self._sender.sleep(seconds)

    @property
    def closed(self) -> bool:
        """See `RequestSender.closed`."""
        return self._sender.closed

    @property
    def mask(self) -> KeyMask:
        """See `RequestSender.mask`."""
        return self._sender.mask

    @property
    def rental_ledger(self) -> RentalLedger | None:
        """See `RequestSender.rental_ledger`."""
        return self._ledger

    @property
    def account(self) -> str:
        """See `RequestSender.account`."""
        return self._sender.account

    @property
    def log(self) -> logging.Logger:
        """See `RequestSender.log`."""
        return self._sender.log
