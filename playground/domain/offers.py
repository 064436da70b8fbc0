"""Machines, render nodes and VPN relays on offer, as pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import Any, Final, Literal, NamedTuple

from octaspace import UnexpectedShapeError
from octaspace.types import MachineOffer, NodeOffer, RenderOffer, VpnRelay

from ..sdk.json_access import listed

__all__ = [
    "SERVICES", "Axis", "Dot", "Offer", "Scatter", "Service", "ShownOffer", "axes_of", "read_offers",
    "scatter", "summary",
]  # fmt: skip

Service = Literal["mr", "vpn", "render"]
Offer = NodeOffer | VpnRelay

#: The kinds of services, and their names on pages.
SERVICES: Final[dict[Service, str]] = {"mr": "Machines", "vpn": "VPN relays", "render": "Render nodes"}

_TYPES: Final[dict[str, type[MachineOffer] | type[RenderOffer] | type[VpnRelay]]] = {
    "mr": MachineOffer,
    "vpn": VpnRelay,
    "render": RenderOffer,
}

#: Percent of uptime from which a dot is green, and from which it is orange.
_GOOD: Final = 98.0
_FAIR: Final = 94.0


@dataclass(frozen=True)
class ShownOffer:
    """An offer with the values that pages show.

    Attributes:
        offer: The offer as the SDK reads it.
    """

    offer: Offer

    @property
    def node_id(self) -> int:
        return self.offer.node_id

    @property
    def place(self) -> str:
        return ", ".join(part for part in (self.offer.city, self.offer.country) if part)

    @cached_property
    def place_short(self) -> str:
        """City and country code; the country's name when there is no code."""
        return ", ".join(
            part for part in (self.offer.city, self.offer.country_iso or self.offer.country) if part
        )

    @cached_property
    def price(self) -> Decimal | None:
        """Price in USD: per hour, for a relay per GB."""
        return self.offer.traffic_price_usd if isinstance(self.offer, VpnRelay) else self.offer.price_usd

    @property
    def gpus(self) -> str:
        """Its GPUs as text: ``2 × NVIDIA GeForce RTX 4090``."""
        return self._cards()

    @cached_property
    def gpus_short(self) -> str:
        """The same without the manufacturer: ``2 × RTX 4090``."""
        return self._cards("NVIDIA GeForce ", "NVIDIA ")

    def _cards(self, *beginnings: str) -> str:
        if isinstance(self.offer, VpnRelay) or not self.offer.gpus:
            return "no GPU"
        counted: dict[str, int] = {}
        for card in self.offer.gpus:
            name = card.model or "unknown"
            for beginning in beginnings:
                name = name.removeprefix(beginning)
            counted[name] = counted.get(name, 0) + 1
        return ", ".join(f"{count} × {name}" for name, count in counted.items())

    @cached_property
    def vram_gb(self) -> float | None:
        """Video memory of its largest GPU, GB."""
        return None if isinstance(self.offer, VpnRelay) else self.offer.vram_gb

    @property
    def score(self) -> float | None:
        """The benchmark score of its kind: AI for machines, Blender for render nodes."""
        if isinstance(self.offer, VpnRelay):
            return None
        return self.offer.blender_score if isinstance(self.offer, RenderOffer) else self.offer.ai_score

    @property
    def reliability(self) -> float | None:
        return None if isinstance(self.offer, VpnRelay) else self.offer.reliability_percent

    @property
    def what(self) -> str:
        """A short description."""
        if isinstance(self.offer, VpnRelay):
            kind = "residential relay" if self.offer.residential else "data center relay"
            return f"{kind}, {self.place}" if self.place else kind
        return f"{self.gpus}, {self.place}" if self.place else self.gpus

    @property
    def what_short(self) -> str:
        """The description in a chart: only the GPUs, or the place of a relay."""
        return self.place_short if isinstance(self.offer, VpnRelay) else self.gpus_short


def read_offers(service: Service, data: Any) -> tuple[ShownOffer, ...]:
    """Read an offer list; entries that are not offers are left out.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    found = []
    for entry in listed(data, _TYPES[service].__name__):
        if isinstance(entry, Mapping):
            try:
                found.append(ShownOffer(_TYPES[service].from_api(entry)))
            except UnexpectedShapeError:
                continue
    return tuple(found)


def summary(offers: Iterable[ShownOffer]) -> tuple[Decimal, Decimal, Decimal] | None:
    """Lowest, median and highest price; None when no price is known."""
    prices = sorted(offer.price for offer in offers if offer.price is not None)
    return (prices[0], median(prices), prices[-1]) if prices else None


@dataclass(frozen=True)
class Axis:
    """An x axis for prices.

    Attributes:
        title: Its name.
        unit: Its unit; empty when it has none.
    """

    title: str
    unit: str = ""


_AXES: Final[dict[Service, dict[str, Axis]]] = {
    "mr": {"vram": Axis("VRAM per GPU", "GB"), "score": Axis("AI score")},
    "render": {"vram": Axis("VRAM per GPU", "GB"), "score": Axis("Blender score")},
    "vpn": {"download": Axis("download speed", "Mbit/s")},
}


def axes_of(service: Service) -> dict[str, Axis]:
    """The x axes for prices of a service; the first is the default."""
    return _AXES[service]


class Dot(NamedTuple):
    """An offer in the chart.

    Attributes:
        x: Value on the x axis.
        y: Price in USD.
        name: Description of the offer for screen readers.
        href: Link to its row in the table.
        state: Reliability: ``good``, ``warn`` or ``bad``; empty when it is unknown.
    """

    x: float
    y: float
    name: str
    href: str
    state: str


@dataclass(frozen=True)
class Scatter:
    """Prices in a scatter chart.

    Attributes:
        axis: The x axis.
        dots: The offers that can be drawn.
        left_out: Number of offers whose price or x value is unknown.
    """

    axis: Axis
    dots: Sequence[Dot]
    left_out: int

    @property
    def x_max(self) -> float:
        return max((dot.x for dot in self.dots), default=0)

    @property
    def y_max(self) -> float:
        return max((dot.y for dot in self.dots), default=0)


def scatter(offers: Sequence[ShownOffer], axis: Axis, against: str, per: str) -> Scatter:
    """Make a scatter chart of prices.

    Args:
        offers: The offers.
        axis: The x axis.
        against: Key of the axis in `axes_of`.
        per: Unit of the price: ``hour`` or ``GB``.
    """
    dots = []
    for shown in offers:
        x = _figure(shown, against)
        if x is None or shown.price is None:
            continue
        figure = f"{x:g} {axis.unit}".strip()
        reliable = "" if shown.reliability is None else f", {shown.reliability:g} % reliability"
        name = (
            f"Node {shown.node_id}: ${shown.price:.3f} per {per}, {figure}{reliable}, {shown.what_short[:60]}"
        )
        dots.append(Dot(x, float(shown.price), name, f"#offer-{shown.node_id}", _state(shown)))
    return Scatter(axis, dots, len(offers) - len(dots))


def _figure(shown: ShownOffer, against: str) -> float | None:
    if isinstance(shown.offer, VpnRelay):
        return shown.offer.net_down_mbits
    return shown.vram_gb if against == "vram" else shown.score


def _state(shown: ShownOffer) -> str:
    percent = shown.reliability
    if percent is None:
        return ""
    return "good" if percent >= _GOOD else "warn" if percent >= _FAIR else "bad"
