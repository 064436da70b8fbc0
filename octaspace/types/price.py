"""A price in the several units in which the API states it (Q5)."""

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
    """What something costs. A unit that the API did not state is None: nothing is converted at a rate.

    Attributes:
        wei: In Wei, from the Wei field, or else from the OCTA field, which is exact.
        usd: In US dollars.
        raw: The fields as the API sent them, in its own units. That an integer such as ``base_usd`` is in
            1/10000 USD is inferred from figures and not documented, so look here when in doubt.
    """

    wei: int | None = None
    usd: Decimal | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def octa(self) -> Decimal | None:
        """In OCTA, exact."""
        return None if self.wei is None else money.wei_to_octa(self.wei)


def read_price(
    fields: Fields,
    *,
    usd: str,
    wei: str | None = None,
    octa: str | None = None,
    usd_unit: Callable[[Any], Decimal | None] = _coerce.ten_thousandths,
) -> Price:
    """Take one price from a payload.

    Args:
        fields: The payload.
        usd: Name of the field in US dollars.
        wei: Name of the field in Wei.
        octa: Name of the field in OCTA.
        usd_unit: How the field in US dollars is read.
    """
    in_wei = fields.wei(wei) if wei else None
    from_octa = fields.read(octa, _coerce.octa_as_wei) if octa else None
    names = [name for name in (wei, octa, usd) if name and fields.value(name) is not None]
    return Price(
        wei=from_octa if in_wei is None else in_wei,
        usd=fields.read(usd, usd_unit),
        raw={name: fields.value(name) for name in names},
    )
