"""New prices of a node: parsed, shown old → new, and sent in the figures of the API (Q26).

The fields are parsed here and not by WTForms: the confirmation page shows old and new figures digit by
digit, and the confirmed form sends the same text again. `DecimalField` also accepts ``NaN``, ``1e5``
and ``1_000``, and drops leading zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from octaspace import wei_to_octa

from ...formatting import UNKNOWN
from ...sdk.json_access import get_path, number

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


#: Maximum digits of a figure; a longer one is a typing error.
_MAX_CHARACTERS: Final = 40

#: Number as text, as the API sends it.
_DECIMAL_AS_CAME: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


class PriceError(ValueError):
    """The input is not a price; the message gives the reason."""


@dataclass(frozen=True)
class Price:
    """A price of a node.

    Attributes:
        name: Its name in the SDK.
        title: Its title on pages.
        per: The unit that is paid for.
        in_wei: Whether it is in Wei according to the documentation of the API.
    """

    name: str
    title: str
    per: str
    in_wei: bool = True


PRICES: Final = (
    Price("base", "Base", "per hour"),
    Price("storage", "Storage", "per GB"),
    Price("traffic", "Traffic", "per GB"),
    Price("gpu_hour", "GPU", "per hour", in_wei=False),
    Price("cpu_hour", "CPU", "per hour", in_wei=False),
)

_WHOLE: Final = re.compile(r"[0-9]{1,40}")
_FIGURE: Final = re.compile(r"[0-9]{1,40}|[0-9]{1,13}\.[0-9]{1,40}")


@dataclass(frozen=True)
class Asked:
    """A current price of a node.

    Attributes:
        price: The kind of price.
        figure: The figure of the API, digit by digit; None if unknown.
    """

    price: Price
    figure: str | None

    @property
    def wei(self) -> int | None:
        """The figure as Wei, for an estimate; None if it cannot be Wei."""
        figure = self.figure or ""
        return int(figure) if self.price.in_wei and _WHOLE.fullmatch(figure) else None

    @property
    def text(self) -> str:
        """The figure, or a dash."""
        return UNKNOWN if self.figure is None else self.figure

    @property
    def as_octa(self) -> str:
        """The exact amount in OCTA if the figure is in Wei; empty if it cannot be Wei."""
        return "" if self.wei is None else f"{wei_to_octa(self.wei):f} OCTA"


@dataclass(frozen=True)
class PriceChange:
    """A change of a price.

    Attributes:
        old: The current figure.
        new: The new figure.
    """

    old: Asked
    new: Asked

    @property
    def is_none(self) -> bool:
        """Whether both are the same."""
        old, new = self.old.figure, self.new.figure
        return old == new or (old is not None and new is not None and Decimal(old) == Decimal(new))


def current(entry: Any) -> dict[str, Asked]:
    """Current prices of a node by name, from its entry in ``GET /nodes``."""
    prices = get_path(entry, "prices")
    return {price.name: Asked(price, _figure(get_path(prices, price.name))) for price in PRICES}


def _figure(value: Any) -> str | None:
    """A number, or the text of one, unchanged; a float without its exponent."""
    if isinstance(value, str):
        text = value.strip()
    else:
        text = "" if number(value) is None else f"{Decimal(repr(value)):f}"
    return text if len(text) <= _MAX_CHARACTERS and _DECIMAL_AS_CAME.fullmatch(text) else None


def read_typed(args: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parse new prices from a form: valid ones, and the errors of the others, by name.

    An empty field keeps the price. Nothing is converted: the unit depends on the pricing currency of the
    account, which is unknown here (Q26).
    """
    typed: dict[str, str] = {}
    errors: dict[str, str] = {}
    for price in PRICES:
        text = "".join(args.get(price.name, "").split())
        if not text:
            continue
        try:
            typed[price.name] = _read(text)
        except PriceError as error:
            errors[price.name] = str(error)
    return typed, errors


def _read(text: str) -> str:
    if "," in text:
        raise PriceError("Use a point for decimals, and no separators.")
    plain = text.replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit()):
        raise PriceError("Not a number: only digits and a point, such as 0.5.")
    if len(text) > _MAX_CHARACTERS:
        raise PriceError("Too many digits.")
    if not _FIGURE.fullmatch(text):
        raise PriceError("Too large, or a point without digits on both sides.")
    if not _WHOLE.fullmatch(text) and Decimal(repr(float(text))) != Decimal(text):
        raise PriceError("Too many decimals to be sent exactly.")
    return text


def changes(now: Mapping[str, Asked], typed: Mapping[str, str]) -> list[PriceChange]:
    """The new prices with the current ones."""
    return [
        PriceChange(now[price.name], Asked(price, typed[price.name]))
        for price in PRICES
        if price.name in typed
    ]


def as_sent(values: Mapping[str, str | None]) -> dict[str, int | float]:
    """Arguments for `nodes.update_prices` from the fields of the confirmed form; empty ones are left out.

    Raises:
        PriceError: A value is not a number that the SDK accepts; the form of the page does not send such
        values.
    """
    arguments: dict[str, int | float] = {}
    for price in PRICES:
        text = (values.get(price.name) or "").strip()
        if not text:
            continue
        if not _FIGURE.fullmatch(text):
            raise PriceError(f"{price.title}: not a number.")
        arguments[price.name] = int(text) if _WHOLE.fullmatch(text) else float(text)
    return arguments
