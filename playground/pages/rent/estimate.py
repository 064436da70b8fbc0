"""Estimated cost of a rental. The API charges in Wei, by elapsed time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from octaspace import wei_to_octa
from octaspace.types import VpnRelay

from ...domain.offers import Offer
from ...sdk.json_access import number

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """Cost per unit.

    Attributes:
        unit: ``hour``, or ``GB`` for a relay.
        usd: US dollars per unit; None if unknown.
        octa: OCTA per unit; None if unknown.
        converted: Whether one of the two was calculated from the other at the market price.
    """

    unit: str
    usd: Decimal | None
    octa: Decimal | None
    converted: bool = False

    @property
    def known(self) -> bool:
        return self.usd is not None or self.octa is not None

    def hours_left(self, wei: int | None) -> Decimal | None:
        """Hours that a balance lasts at this price; for a relay, at one GB per hour."""
        return wei_to_octa(wei) / self.octa if wei is not None and self.octa else None


def estimate(offer: Offer, market_price: Any) -> Estimate:
    """Estimate the cost of an offer.

    Args:
        offer: The offer.
        market_price: US dollars per OCTA, for offers that are priced in one of them only.
    """
    if isinstance(offer, VpnRelay):
        unit, usd, octa = "GB", offer.traffic_price_usd, offer.traffic_price_ether
    else:
        wei = offer.price_wei
        unit, usd, octa = "hour", offer.price_usd, None if wei is None else wei_to_octa(wei)
    price = number(market_price)
    if not price or (usd is None) == (octa is None):
        return Estimate(unit, usd, octa)
    rate = Decimal(str(price))
    if usd is None and octa is not None:
        usd = octa * rate
    elif usd is not None:
        octa = usd / rate
    return Estimate(unit, usd, octa, converted=True)
