"""New prices of a node: typed in OCTA and US dollars, shown old → new, sent in the API's own units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from octaspace import octa_to_wei, wei_to_octa
from octaspace.types import NodePrices

from .formatting import UNKNOWN
from .reading import dig, number

__all__ = [
    "PRICES",
    "Asked",
    "Price",
    "PriceChange",
    "PriceError",
    "as_sent",
    "changes",
    "current",
    "read_typed",
]


class PriceError(ValueError):
    """What was typed is no price; the message says why."""


@dataclass(frozen=True)
class Price:
    """A price a node can ask.

    Attributes:
        name: What the SDK calls it.
        title: What people call it.
        per: What it is paid for.
        in_wei: Whether the API takes it in Wei; else in US dollars.
    """

    name: str
    title: str
    per: str
    in_wei: bool = True

    @property
    def unit(self) -> str:
        return "OCTA" if self.in_wei else "USD"


PRICES: Final = (
    Price("base", "Base", "per hour"),
    Price("storage", "Storage", "per GB"),
    Price("traffic", "Traffic", "per GB"),
    Price("gpu_hour", "GPU", "per hour", in_wei=False),
    Price("cpu_hour", "CPU", "per hour", in_wei=False),
)

#: Beyond it is a slip of the finger.
_MOST: Final = Decimal(10**12)

#: What the page's own form sends.
_WEI: Final = re.compile(r"[0-9]{1,40}")
_USD: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,40})?")


@dataclass(frozen=True)
class Asked:
    """What a node asks for something.

    Attributes:
        price: For what.
        value: OCTA or US dollars, exact; None when it is not known.
    """

    price: Price
    value: Decimal | None

    @property
    def wei(self) -> int | None:
        """In Wei; None for prices in US dollars."""
        return None if self.value is None or not self.price.in_wei else octa_to_wei(self.value)

    @property
    def text(self) -> str:
        """With its unit, exact."""
        return UNKNOWN if self.value is None else f"{self.value:f} {self.price.unit}"

    @property
    def sent(self) -> str:
        """As the confirmed form holds it: Wei, or US dollars."""
        return str(self.wei) if self.price.in_wei else f"{self.value:f}"


@dataclass(frozen=True)
class PriceChange:
    """A price that is to change.

    Attributes:
        old: What is asked now.
        new: What shall be asked.
    """

    old: Asked
    new: Asked

    @property
    def is_none(self) -> bool:
        """Whether both are the same."""
        return self.old.value == self.new.value


def current(entry: Any) -> dict[str, Asked]:
    """What a node asks now, by name, from its entry in ``GET /nodes``."""
    prices = dig(entry, "prices")
    prices = prices if isinstance(prices, dict) else {}
    known = NodePrices.from_api(prices)
    return {price.name: Asked(price, _value(price, prices, known)) for price in PRICES}


def _value(price: Price, prices: Mapping[str, Any], known: NodePrices) -> Decimal | None:
    if price.in_wei:
        wei: int | None = getattr(known, price.name)
        return None if wei is None else wei_to_octa(wei)
    usd = number(prices.get(price.name))
    return None if usd is None else Decimal(str(usd))


def read_typed(args: Mapping[str, str]) -> tuple[dict[str, Decimal], dict[str, str]]:
    """New prices out of a form: those that can be read, and what is wrong with the others, by name.

    An empty field keeps the price.
    """
    typed: dict[str, Decimal] = {}
    errors: dict[str, str] = {}
    for price in PRICES:
        text = "".join(args.get(price.name, "").split())
        if not text:
            continue
        try:
            typed[price.name] = _read(price, text)
        except PriceError as error:
            errors[price.name] = str(error)
    return typed, errors


def _read(price: Price, text: str) -> Decimal:
    if "," in text:
        raise PriceError("Use a point for decimals, and no separators.")
    plain = text.replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit()):
        raise PriceError(f"Not a number of {price.unit}: only digits and a point, such as 1.5.")
    if len(text) > 40:
        raise PriceError("Too many digits.")
    value = Decimal(text)
    if value >= _MOST:
        raise PriceError(f"More than a price can be: below {_MOST:f} {price.unit}.")
    if price.in_wei:
        try:
            octa_to_wei(value)
        except ValueError:
            raise PriceError("At most 18 decimals: one Wei is 0.000000000000000001 OCTA.") from None
    return value


def changes(now: Mapping[str, Asked], typed: Mapping[str, Decimal]) -> list[PriceChange]:
    """The prices that were typed, with what they are now."""
    return [
        PriceChange(now[price.name], Asked(price, typed[price.name]))
        for price in PRICES
        if price.name in typed
    ]


def as_sent(values: Mapping[str, str | None]) -> dict[str, int | float]:
    """Arguments for `nodes.update_prices` from the fields of the confirmed form; empty ones are left out.

    Raises:
        PriceError: A value is no number of the API's unit; the form of the page makes none such.
    """
    arguments: dict[str, int | float] = {}
    for price in PRICES:
        text = (values.get(price.name) or "").strip()
        if not text:
            continue
        if not (_WEI if price.in_wei else _USD).fullmatch(text):
            raise PriceError(f"{price.title}: not a number of {'Wei' if price.in_wei else 'USD'}.")
        arguments[price.name] = int(text) if price.in_wei else float(text)
    return arguments
