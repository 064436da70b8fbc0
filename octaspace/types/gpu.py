"""One graphics card, and the ways in which payloads list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from typing import Any, Final

from ._fields import Fields
from ._shape import Shape

__all__ = ["Gpu", "read_gpus"]

_MB_PER_GB: Final = 1000

#: Q22: the lists under `gpu` bear these names.
_VENDORS: Final = frozenset({"nvidia", "amd", "intel"})

#: Words of a model's name that tell its vendor.
_VENDOR_OF_WORD: Final = {
    "nvidia": "nvidia", "geforce": "nvidia", "rtx": "nvidia", "gtx": "nvidia", "quadro": "nvidia",
    "tesla": "nvidia",
    "amd": "amd", "radeon": "amd",
    "intel": "intel", "arc": "intel",
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Gpu(Shape):
    """A graphics card. Offers and sessions tell its model and memory only; of AMD cards `idx` as well (Q22).

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
        vendor: "nvidia", "amd" or "intel", where the API lists cards by vendor (Q22). It is not guessed from
            the model.
        driver_version: Version of the driver (Q22).
        mem_utilization: Load of the video memory's bus, percent (Q22).
        display_active: Whether a display is in use, in the driver's word: "Enabled" or "Disabled" (Q22).
        display_mode: Whether a display is connected, in the driver's word: "Enabled" or "Disabled" (Q22).
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
    vendor: str | None = None
    driver_version: str | None = None
    mem_utilization: float | None = None
    display_active: str | None = None
    display_mode: str | None = None
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
            vendor=fields.text("vendor"),
            driver_version=fields.text("driver_version"),
            mem_utilization=fields.number("mem_utilization"),
            display_active=fields.text("display_active"),
            display_mode=fields.text("display_mode"),
            extra=fields.rest(),
        )

    @property
    def memory_gb(self) -> float | None:
        """Video memory in GB of 1000 MB, so that a card sold with 24 GB (24564 MB) has at least 24."""
        return None if self.mem_total_mb is None else self.mem_total_mb / _MB_PER_GB


def read_gpus(fields: Fields) -> tuple[Gpu, ...]:
    """The cards under `gpus` and `gpu`, each card once (Q22).

    Either may be a list of cards, an object with lists of cards by vendor or by model, one card, or the
    model of the first card. `gpus` is the list in newer answers, `gpu` the older field. Where both are
    there, they list the same cards, and what `gpu` tells of a card more than `gpus` is taken. A card that
    only `gpu` has is added when it cannot be one of those in `gpus`.
    """
    current, former = fields.value("gpus"), fields.value("gpu")
    cards, complete = _read_cards(current)
    if complete:
        fields.drop("gpus")
    if former is None or isinstance(former, str):
        fields.drop("gpu")
        return cards or _read_cards(former)[0]
    others, complete = _read_cards(former)
    merged, lossless = _merged(cards, others)
    if complete and lossless:
        fields.drop("gpu")
    return merged


def _read_cards(value: Any) -> tuple[tuple[Gpu, ...], bool]:
    """The cards that can be read, and whether they are all."""
    if isinstance(value, (list, tuple)):
        cards = tuple(Gpu.from_api(card) for card in value if isinstance(card, Mapping))
        return cards, len(cards) == len(value)
    if value is None or isinstance(value, str):
        return ((Gpu(model=value),) if value else ()), True
    if not isinstance(value, Mapping):
        return (), False
    if isinstance(value.get("model"), str):
        return (Gpu.from_api(value),), True
    found: list[Gpu] = []
    complete = True
    for name, listed in value.items():
        cards, all_read = _read_cards(listed) if isinstance(listed, (list, tuple)) else ((), listed is None)
        found += (_named(card, name) for card in cards)
        complete = complete and all_read
    return tuple(found), complete


def _named(card: Gpu, name: Any) -> Gpu:
    """A card with what the name of its list tells: its vendor or its model."""
    vendor = name.lower() if isinstance(name, str) else ""
    if vendor in _VENDORS:
        return card if card.vendor else replace(card, vendor=vendor)
    return card if card.model else replace(card, model=name)


def _merged(cards: tuple[Gpu, ...], others: tuple[Gpu, ...]) -> tuple[tuple[Gpu, ...], bool]:
    """The union of two lists of the same node's cards, and whether it holds all that both tell."""
    if not cards or not others:
        return cards or others, True
    merged: list[Gpu] = []
    alone: list[Gpu] = []
    rest = list(others)
    lossless = True
    for card in cards:
        place = next((place for place, other in enumerate(rest) if _is_same(card, other)), None)
        if place is None:
            alone.append(card)
            merged.append(card)
        else:
            filled, agree = _filled(card, rest.pop(place))
            merged.append(filled)
            lossless = lossless and agree
    for other in rest:
        place = next((place for place, card in enumerate(alone) if _can_be_same(card, other)), None)
        if place is None:
            merged.append(other)
        else:
            del alone[place]
            lossless = False
    return tuple(merged), lossless


def _is_same(card: Gpu, other: Gpu) -> bool:
    if card.bus_id and other.bus_id:
        return card.bus_id == other.bus_id
    return card.model == other.model and all(
        one is None or two is None or one == two
        for one, two in ((card.idx, other.idx), (card.mem_total_mb, other.mem_total_mb))
    )


def _can_be_same(card: Gpu, other: Gpu) -> bool:
    """Whether two entries can be one card that is called differently."""
    if card.bus_id and other.bus_id:
        return False
    one, two = _vendor(card), _vendor(other)
    return one is None or two is None or one == two


def _vendor(card: Gpu) -> str | None:
    if card.vendor:
        return card.vendor.lower()
    words = (card.model or "").lower().split()
    return next((_VENDOR_OF_WORD[word] for word in words if word in _VENDOR_OF_WORD), None)


def _filled(card: Gpu, other: Gpu) -> tuple[Gpu, bool]:
    """A card with what another entry of it tells beyond it, and whether the two agree in the rest."""
    more: dict[str, Any] = {}
    agree = True
    for name in _NAMES:
        told = getattr(other, name)
        if told is not None:
            known = getattr(card, name)
            if known is None:
                more[name] = told
            elif known != told:
                agree = False
    if other.extra:
        more["extra"] = {**other.extra, **card.extra}
    return (replace(card, **more) if more else card), agree


_NAMES: Final = tuple(each.name for each in fields_of(Gpu) if each.name != "extra")
