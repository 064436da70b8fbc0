"""Hourly cost of running sessions, and how long a balance lasts. Estimates; exact amounts are in Wei."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from ..sdk.json_access import get_path, number

__all__ = ["hours_left", "usd_per_hour"]

_WEI: Final = Decimal(10) ** 18

#: Integers called `…_usd` are ten-thousandths of a dollar.
_USD_PARTS: Final = 10_000


def usd_per_hour(session: Any) -> Decimal | None:
    """Running cost of a session or an offer in US dollars per hour, or None when it is not known.

    Args:
        session: An item of ``GET /sessions`` or of an offer list.
    """
    for path in ("total_price_usd", "prices.total_price_usd"):
        total = number(get_path(session, path))
        if total is not None:
            return Decimal(str(total))
    for path in ("prices.base_usd", "base_usd"):
        base = number(get_path(session, path))
        if base is not None:
            exact = Decimal(str(base))
            return exact / _USD_PARTS if isinstance(base, int) else exact
    return None


def hours_left(wei: int | None, usd: Iterable[Decimal | None], market_price: Any) -> Decimal | None:
    """Hours until the running sessions use up a balance.

    Args:
        wei: The balance.
        usd: Cost per hour of each session in US dollars; unknown ones make the result unknown.
        market_price: US dollars per OCTA.

    Returns:
        Hours, or None when nothing runs or a figure is missing.
    """
    costs = list(usd)
    price = number(market_price)
    if wei is None or price is None or not costs or any(cost is None for cost in costs):
        return None
    burn = sum((cost for cost in costs if cost is not None), Decimal(0))
    return Decimal(wei) / _WEI * Decimal(str(price)) / burn if burn > 0 else None
