"""The location of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._fields import Fields
from ._shape import Shape

__all__ = ["Location"]


@dataclass(frozen=True, slots=True, repr=False)
class Location(Shape):
    """A location; in a node's detail also its network.

    Attributes:
        city: City.
        country: Country, by name.
        latitude: Degrees north.
        longitude: Degrees east.
        isocode: Country, as ISO 3166-1 alpha-2.
        continent: Continent, by name.
        continentcode: Continent, by code.
        hostname: Host name of the address.
        ip: IP address.
        organisation: Organisation to which the address is registered.
        provider: Network provider.
        proxy: Whether the address is a known proxy, and of which kind.
        risk: Risk score of the address lookup.
        type: Type of network.
        devices: Unchanged, as the API sends it.
        extra: Other fields that the API sent.
    """

    city: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    isocode: str | None = None
    continent: str | None = None
    continentcode: str | None = None
    hostname: str | None = None
    ip: str | None = None
    organisation: str | None = None
    provider: str | None = None
    proxy: str | None = None
    risk: float | None = None
    type: str | None = None
    devices: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Location:
        """Read the object under `location`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Location", data)
        return cls(
            city=fields.text("city"),
            country=fields.text("country"),
            latitude=fields.number("latitude"),
            longitude=fields.number("longitude"),
            isocode=fields.text("isocode"),
            continent=fields.text("continent"),
            continentcode=fields.text("continentcode"),
            hostname=fields.text("hostname"),
            ip=fields.text("ip"),
            organisation=fields.text("organisation"),
            provider=fields.text("provider"),
            proxy=fields.text("proxy"),
            risk=fields.number("risk"),
            type=fields.text("type"),
            devices=fields.read("devices", _mapping) or {},
            extra=fields.rest(),
        )


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None
