"""One graphics card, and the two ways in which payloads list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._fields import Fields
from ._shape import Shape

__all__ = ["Gpu", "read_gpus"]

_MB_PER_GB = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Gpu(Shape):
    """A graphics card. Offers and sessions tell its model and memory only.

    Attributes:
        model: Name, such as "NVIDIA GeForce RTX 4090".
        mem_total_mb: Video memory, MB.
        mem_free_mb: Free video memory, MB.
        idx: Number of the card in its node.
        bus_id: PCI address.
        pcie_link_gen: PCIe generation.
        pcie_link_width: PCIe lanes.
        gpu_utilization: Load, percent.
        gpu_temperature: °C.
        fan_speed: Percent.
        power_limit_watt: Power limit, W.
        power_limit_default_watt: Power limit as made, W.
        pstate: Performance state, "P0" to "P15".
        extra: What the API sent beside.
    """

    model: str | None = None
    mem_total_mb: int | None = None
    mem_free_mb: int | None = None
    idx: int | None = None
    bus_id: str | None = None
    pcie_link_gen: int | None = None
    pcie_link_width: int | None = None
    gpu_utilization: float | None = None
    gpu_temperature: float | None = None
    fan_speed: float | None = None
    power_limit_watt: float | None = None
    power_limit_default_watt: float | None = None
    pstate: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Gpu:
        """Read an entry of `gpus`. ValueError when it is not an object."""
        fields = Fields("Gpu", data)
        return cls(
            model=fields.text("model"),
            mem_total_mb=fields.integer("mem_total_mb"),
            mem_free_mb=fields.integer("mem_free_mb"),
            idx=fields.integer("idx"),
            bus_id=fields.text("bus_id"),
            pcie_link_gen=fields.integer("pcie_link_gen"),
            pcie_link_width=fields.integer("pcie_link_width"),
            gpu_utilization=fields.number("gpu_utilization"),
            gpu_temperature=fields.number("gpu_temperature"),
            fan_speed=fields.number("fan_speed"),
            power_limit_watt=fields.number("power_limit_watt"),
            power_limit_default_watt=fields.number("power_limit_default_watt"),
            pstate=fields.text("pstate"),
            extra=fields.rest(),
        )

    @property
    def memory_gb(self) -> float | None:
        """Video memory in GB of 1000 MB, so that a card sold with 24 GB (24564 MB) has at least 24."""
        return None if self.mem_total_mb is None else self.mem_total_mb / _MB_PER_GB


def read_gpus(fields: Fields) -> tuple[Gpu, ...]:
    """The cards under `gpus`; where there is no such list, those under the deprecated `gpu`.

    `gpu` is the first card's model, or maps models to lists of cards. Beside `gpus` it says nothing new.
    """
    cards = fields.shapes("gpus", Gpu.from_api)
    former = fields.read("gpu", _former_gpus) or ()
    return former if fields.value("gpus") is None else cards


def _former_gpus(value: Any) -> tuple[Gpu, ...] | None:
    if isinstance(value, str):
        return (Gpu(model=value),) if value else ()
    if not isinstance(value, Mapping):
        return None
    lists = [cards for cards in value.values() if isinstance(cards, (list, tuple))]
    entries = [card for cards in lists for card in cards]
    readable = len(lists) == len(value) and all(isinstance(card, Mapping) for card in entries)
    return tuple(Gpu.from_api(card) for card in entries) if readable else None
