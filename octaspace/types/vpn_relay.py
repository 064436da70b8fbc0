"""A VPN relay on offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from . import _coerce
from ._fields import Fields
from ._shape import Shape
from .reliability import Reliability

__all__ = ["VpnRelay"]


@dataclass(frozen=True, slots=True, repr=False)
class VpnRelay(Shape):
    """An entry of ``GET /services/vpn``: a relay on offer, not a session of the account (Q12).

    Attributes:
        node_id: Id of the node, an argument of `services.vpn.create`.
        country: Country, by name.
        country_iso: Country, as ISO 3166-1 alpha-2.
        city: City.
        latitude: Degrees north.
        longitude: Degrees east.
        residential: Whether it has a residential address.
        net_down_mbits: Download, Mbit/s (Q4), also from `net_down_mbs` (Q23); None when unknown.
        net_up_mbits: Upload, Mbit/s (Q4), also from `net_up_mbs` (Q23); None when unknown.
        traffic_price_usd: Price of traffic, USD per GB.
        traffic_price_ether: Price of traffic, OCTA per GB.
        traffic_price: Unchanged number; older clients read it as cents of USD per GB.
        total_price_usd: Price in USD; its meaning is not documented.
        reliability: Its reliability; older clients read it as the uptime in percent.
        extra: Other fields that the API sent.
    """

    node_id: int
    country: str | None = None
    country_iso: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    residential: bool | None = None
    net_down_mbits: float | None = None
    net_up_mbits: float | None = None
    traffic_price_usd: Decimal | None = None
    traffic_price_ether: Decimal | None = None
    traffic_price: Decimal | None = None
    total_price_usd: Decimal | None = None
    reliability: Reliability | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> VpnRelay:
        """Read an entry of ``services.vpn.list()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `node_id` is not an integer.
        """
        fields = Fields("VpnRelay", data)
        return cls(
            node_id=fields.require("node_id", _coerce.integer, "an integer"),
            country=fields.text("country"),
            country_iso=fields.text("country_iso"),
            city=fields.text("city"),
            latitude=fields.number("latitude"),
            longitude=fields.number("longitude"),
            residential=fields.flag("residential"),
            net_down_mbits=fields.bandwidth("down"),
            net_up_mbits=fields.bandwidth("up"),
            traffic_price_usd=fields.decimal("traffic_price_usd"),
            traffic_price_ether=fields.decimal("traffic_price_ether"),
            traffic_price=fields.decimal("traffic_price"),
            total_price_usd=fields.decimal("total_price_usd"),
            reliability=fields.shape("reliability", Reliability.from_api),
            extra=fields.rest(),
        )
