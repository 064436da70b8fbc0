"""A price in each unit that the API sends (Q5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .. import money
from . import _coerce
from ._fields import Fields
from ._shape import Shape

__all__ = ["Price", "read_price"]


@dataclass(frozen=True, slots=True, repr=False)
class Price(Shape):
    """A price. A unit that the API did not send is None: no exchange rate is applied.

    Attributes:
        wei: Price in Wei, from the Wei field or else exactly from the OCTA field.
        usd: Price in US dollars.
        raw: The unchanged fields, in the API's units. That an integer such as ``base_usd`` is in 1/10000 USD
            is inferred from figures and not documented, so check these in case of doubt.
    """

    wei: int | None = None
    usd: Decimal | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def octa(self) -> Decimal | None:
        """The price in OCTA, exact."""
        return None if self.wei is None else money.wei_to_octa(self.wei)


def read_price(
    fields: Fields,
    *,
    usd: str,
    wei: str | None = None,
    octa: str | None = None,
    usd_unit: Callable[[Any], Decimal | None] = _coerce.ten_thousandths,
) -> Price:
    """Read one price from a payload.

    Args:
        fields: The payload.
        usd: Name of the field in US dollars.
        wei: Name of the field in Wei.
        octa: Name of the field in OCTA.
        usd_unit: Converts the field in US dollars.
    """
    in_wei = fields.wei(wei) if wei else None
    from_octa = fields.read(octa, _coerce.octa_as_wei) if octa else None
    names = [name for name in (wei, octa, usd) if name and fields.value(name) is not None]
    return Price(
        wei=from_octa if in_wei is None else in_wei,
        usd=fields.read(usd, usd_unit),
        raw={name: fields.value(name) for name in names},
    )
