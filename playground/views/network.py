"""The whole network: chain, market price, nodes, power, and what GPUs cost. Works without a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template

from ..lines import Line
from ..panels import Ask, load
from ..reading import dig, number

bp = Blueprint("network", __name__, url_prefix="/playground/network")


@dataclass(frozen=True)
class Gpu:
    """A model on the market.

    Attributes:
        model: Its name.
        price: Average price in USD per hour, or None.
        count: How many there are.
    """

    model: str
    price: float | int | None
    count: int


@dataclass(frozen=True)
class Pulse:
    """What the page shows; each figure is None when the API does not say.

    Attributes:
        figures: Numbers by their dotted path in the answer, e.g. ``nodes.online``.
        gpus: Models by price, cheapest first, those without a price last.
        highest: The highest price, for the length of the bars.
    """

    figures: Mapping[str, float | int | None]
    gpus: tuple[Gpu, ...]
    highest: float

    def share(self, part: str, whole: str) -> float | None:
        """One figure as a share of another, 0 to 1."""
        a, b = self.figures[part], self.figures[whole]
        return None if a is None or not b else min(1.0, max(0.0, a / b))


_FIGURES = (
    "market_price", "mmROI", "staked",
    "blockchain.height", "blockchain.blocktime", "blockchain.difficulty", "blockchain.hashrate",
    "blockchain.total_supply", "blockchain.circulating_supply",
    "nodes.count", "nodes.online", "nodes.total", "nodes.vpn",
    "power.cpus", "power.gpus", "power.disk", "power.mem", "power.total_tflops", "power.utilized_tflops",
    "platform.total_jobs",
)  # fmt: skip


@bp.get("")
def index() -> str:
    return render_template("pages/network.html", **load(network_ask()))


def network_ask() -> Ask:
    """The call of this page, also used by the dashboard."""
    return Ask("network", "Network", Line("network.info"), shape=pulse)


def pulse(data: Any) -> Pulse:
    """Make what the page shows from ``GET /network``."""
    if not isinstance(data, dict):
        raise TypeError("an object was expected")
    gpus = sorted(_gpus(data), key=lambda gpu: (gpu.price is None, gpu.price or 0, gpu.model))
    highest = max((gpu.price for gpu in gpus if gpu.price is not None), default=0)
    return Pulse({path: number(dig(data, path)) for path in _FIGURES}, tuple(gpus), highest)


def _gpus(data: Any) -> list[Gpu]:
    market = dig(data, "marketplace.gpus")
    if not isinstance(market, dict):
        return []
    return [
        Gpu(str(model), number(dig(figures, "avg_price")), int(number(dig(figures, "count")) or 0))
        for model, figures in market.items()
    ]
