"""``GET /network`` as pages show it: chain, market price, nodes, power and GPU prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from octaspace.types import Network

from ..sdk.json_access import number

__all__ = ["GpuModel", "NetworkSummary", "network_summary"]


@dataclass(frozen=True)
class GpuModel:
    """A GPU model on the market.

    Attributes:
        model: Its name.
        price: Average price in USD per hour, or None.
        count: Number of GPUs, or None.
    """

    model: str
    price: float | int | None
    count: int | None


@dataclass(frozen=True)
class NetworkSummary:
    """Figures of the network; each is None when the answer does not have it.

    Attributes:
        figures: Numbers by their dotted path in `octaspace.types.Network`, e.g. ``nodes.online``.
        gpus: Models by price, cheapest first, those without a price last.
        highest: The highest price, for the length of the bars.
        weeks: Frames rendered in each week, by its first day, the latest first.
    """

    figures: Mapping[str, float | int | None]
    gpus: tuple[GpuModel, ...]
    highest: float
    weeks: tuple[tuple[date, int], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the answer has nothing that a page could show."""
        return not (self.gpus or self.weeks or any(value is not None for value in self.figures.values()))

    def share(self, part: str, whole: str) -> float | None:
        """One figure as a share of another, 0 to 1."""
        a, b = self.figures[part], self.figures[whole]
        return None if a is None or not b else min(1.0, max(0.0, a / b))

    def has_any(self, *paths: str) -> bool:
        """Whether the answer has at least one of these figures."""
        return any(self.figures[path] is not None for path in paths)


#: Figures of the documented shape, and those that only the website's shape has (Q21).
_FIGURES: Final = (
    "market_price", "mm_roi", "staked",
    "blockchain.height", "blockchain.blocktime", "blockchain.difficulty", "blockchain.hashrate",
    "blockchain.total_supply", "blockchain.circulating_supply",
    "nodes.online", "nodes.total", "nodes.vpn", "nodes.locations", "nodes.vpn_locations",
    "power.cpus", "power.gpus", "power.disk", "power.mem", "power.total_tflops", "power.utilized_tflops",
    "platform.total_jobs", "platform.users", "platform.users_24h",
    "marketplace.total_sessions", "marketplace.sessions_24h",
    "marketplace.nodes_rented", "marketplace.nodes_idle",
    "render.frames_total", "render.frames_24h",
)  # fmt: skip


def network_summary(data: Any) -> NetworkSummary:
    """Read ``GET /network``, in either of its shapes (Q21)."""
    network = Network.from_api(data)
    gpus = sorted(_gpus(network), key=lambda gpu: (gpu.price is None, gpu.price or 0, gpu.model))
    highest = max((gpu.price for gpu in gpus if gpu.price is not None), default=0)
    weeks = network.render.frames_by_week.items() if network.render else ()
    return NetworkSummary(
        {path: _figure(network, path) for path in _FIGURES},
        tuple(gpus),
        highest,
        tuple(sorted(weeks, reverse=True)),
    )


def _figure(network: Network, path: str) -> float | int | None:
    found: Any = network
    for name in path.split("."):
        found = None if found is None else getattr(found, name)
    return number(found)


def _gpus(network: Network) -> list[GpuModel]:
    market = network.marketplace.gpus if network.marketplace else {}
    return [GpuModel(model, number(figures.avg_price), figures.count) for model, figures in market.items()]
