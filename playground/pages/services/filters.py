"""Filters of offers in the query: the text of each field, and the arguments for the search of the SDK.

The query is parsed here and not by WTForms: links and bookmarks contain the filters too, and an invalid
field must keep its text while the other fields still filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ...domain.offers import Service

__all__ = ["SORTS", "Filters", "read_filters"]

#: Orders of the SDK's searches, and what a page calls them.
_MACHINE_SORTS: Final = {
    "price": "Lowest price", "reliability": "Highest reliability", "vram": "Most VRAM",
    "download": "Fastest download",
}  # fmt: skip
SORTS: Final[dict[Service, dict[str, str]]] = {
    "mr": _MACHINE_SORTS,
    "vpn": {"price": "Lowest price", "download": "Fastest download"},
    "render": _MACHINE_SORTS,
}

_MACHINE: Final = ("gpu", "min_vram_gb", "country", "max_price_usd", "min_reliability", "sort")
_RELAY: Final = ("country", "residential", "max_price_usd", "sort")

_NUMBERS: Final = frozenset({"min_vram_gb", "max_price_usd", "min_reliability"})
_RESIDENTIAL: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class Filters:
    """Parsed filters.

    Attributes:
        typed: The text of every field.
        arguments: The valid fields, as arguments for the search.
        errors: Errors of the other fields.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def narrow(self) -> bool:
        """Whether a filter is set."""
        return any(name != "sort" for name in self.arguments)


def read_filters(service: Service, args: Mapping[str, str]) -> Filters:
    """Read the filters of a service from a query; an invalid field has an error and is left out."""
    typed = {name: args.get(name, "").strip()[:100] for name in (_RELAY if service == "vpn" else _MACHINE)}
    arguments: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, text in typed.items():
        if not text:
            continue
        try:
            arguments[name] = _value(service, name, text)
        except ValueError as error:
            errors[name] = str(error)
    if arguments.get("sort") == "price":
        del arguments["sort"]  # the default needs no saying
    return Filters(typed, arguments, errors)


def _value(service: Service, name: str, text: str) -> Any:
    if name in _NUMBERS:
        return _number(text)
    if name == "residential":
        if text not in _RESIDENTIAL:
            raise ValueError("Choose one of the options. This filter is not applied.")
        return _RESIDENTIAL[text]
    if name == "sort" and text not in SORTS[service]:
        raise ValueError("Unknown sort order. Sorted by lowest price.")
    return text


def _number(text: str) -> int | float:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number < 10**9:
        raise ValueError("Enter a number, 0 or more. This filter is not applied.")
    return int(number) if number == number.to_integral_value() else float(number)
