"""A graphics card, and the formats in which payloads list cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ._fields import Fields
from ._shape import Shape

__all__ = ["Gpu", "read_gpus"]

_MB_PER_GB: Final = 1000

#: A card in the payload.
_Entry = Mapping[str, Any]

#: Q22: names of the lists under `gpu`.
_VENDORS: Final = frozenset({"nvidia", "amd", "intel"})

#: Words in a model's name that identify its vendor.
_VENDOR_OF_WORD: Final = {
    "nvidia": "nvidia", "geforce": "nvidia", "rtx": "nvidia", "gtx": "nvidia", "quadro": "nvidia",
    "tesla": "nvidia",
    "amd": "amd", "radeon": "amd",
    "intel": "intel", "arc": "intel",
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Gpu(Shape):
    """A graphics card. Offers and sessions have only model and memory, and `idx` for AMD cards (Q22).

    Attributes:
        model: Name, such as "NVIDIA GeForce RTX 4090".
        mem_total_mb: Video memory, MB.
        mem_free_mb: Free video memory, MB.
        idx: Number of the card in its node.
        bus_id: PCI address.
        pcie_link_gen: PCIe generation.
        pcie_link_width: PCIe lanes.
        gpu_utilization: Load, percent.
        gpu_temperature: Temperature, °C.
        fan_speed: Fan speed, percent.
        power_limit_watt: Power limit, W.
        power_limit_default_watt: Default power limit, W.
        pstate: Performance state, "P0" to "P15".
        vendor: "nvidia", "amd" or "intel", where the API lists cards by vendor (Q22). It is not guessed from
            the model.
        driver_version: Version of the driver (Q22).
        mem_utilization: Load of the video memory's bus, percent (Q22).
        display_active: Whether a display is in use, as the driver reports it: "Enabled" or "Disabled" (Q22).
        display_mode: Whether a display is connected, as the driver reports it: "Enabled" or "Disabled" (Q22).
        extra: Other fields that the API sent.
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
        """Read an entry of `gpus`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
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
        """Video memory in GB of 1000 MB, so that a card sold as 24 GB (24564 MB) has at least 24."""
        return None if self.mem_total_mb is None else self.mem_total_mb / _MB_PER_GB


def read_gpus(fields: Fields) -> tuple[Gpu, ...]:
    """Return the cards under `gpus` and `gpu`, each card once (Q22).

    Either may be a list of cards, an object with lists of cards by vendor or by model, or one card. `gpus` is
    the list in newer answers. `gpu` is the older field, which can also be the model of the first card. Where
    both are present, they list the same cards, and additional values of a card in `gpu` are included. A card
    that is only in `gpu` is added when it cannot be one of those in `gpus`.
    """
    current, former = fields.value("gpus"), fields.value("gpu")
    cards, complete = _entries(current)
    if complete:
        fields.drop("gpus")
    if former is None or isinstance(former, str):
        fields.drop("gpu")
        if not cards and former:
            cards = [{"model": former}]
    else:
        others, complete = _entries(former)
        cards, lossless = _merged(cards, others)
        if complete and lossless:
            fields.drop("gpu")
    return tuple(map(Gpu.from_api, cards))


def _entries(value: Any) -> tuple[list[_Entry], bool]:
    """Return the readable cards, and whether all are readable."""
    if isinstance(value, (list, tuple)):
        cards: list[_Entry] = [card for card in value if isinstance(card, Mapping)]
        return cards, len(cards) == len(value)
    if not isinstance(value, Mapping):
        return [], value is None
    if isinstance(value.get("model"), str):
        return [value], True
    found: list[_Entry] = []
    complete = True
    for name, listed in value.items():
        if isinstance(listed, (list, tuple)):
            cards, all_read = _entries(listed)
            vendor = name.lower()
            told = {"vendor": vendor} if vendor in _VENDORS else {"model": name}
            found += ({**card, **told} if _lacks(card, told) else card for card in cards)
            complete = complete and all_read
        elif listed is not None:
            complete = False
    return found, complete


def _lacks(card: _Entry, told: _Entry) -> bool:
    return all(card.get(name) is None for name in told)


def _merged(cards: list[_Entry], others: list[_Entry]) -> tuple[list[_Entry], bool]:
    """Return the union of two lists of a node's cards, and whether it contains all values of both."""
    if not cards or not others:
        return cards or others, True
    merged: list[_Entry] = []
    alone: list[_Entry] = []
    rest = list(others)
    lossless = True
    for card in cards:
        for place, other in enumerate(rest):
            if _is_same(card, other):
                del rest[place]
                merged.append({**other, **{name: told for name, told in card.items() if told is not None}})
                lossless = lossless and _agree(card, other, card)
                break
        else:
            alone.append(card)
            merged.append(card)
    for other in rest:
        place = next((place for place, card in enumerate(alone) if _can_be_same(card, other)), -1)
        if place < 0:
            merged.append(other)
        else:
            del alone[place]
            lossless = False
    return merged, lossless


def _is_same(card: _Entry, other: _Entry) -> bool:
    if card.get("bus_id") and other.get("bus_id"):
        return card["bus_id"] == other["bus_id"]  # type: ignore[no-any-return]
    return card.get("model") == other.get("model") and _agree(card, other, ("idx", "mem_total_mb"))


def _agree(card: _Entry, other: _Entry, names: Iterable[str]) -> bool:
    """Whether two entries have equal values under these names, where both have one; "1" equals 1 (Q9)."""
    for name in names:
        one, two = card.get(name), other.get(name)
        if one != two and one is not None and two is not None and str(one) != str(two):
            return False
    return True


def _can_be_same(card: _Entry, other: _Entry) -> bool:
    """Whether two entries can be the same card under different names."""
    if card.get("bus_id") and other.get("bus_id"):
        return False
    one, two = _vendor(card), _vendor(other)
    return one is None or two is None or one == two


def _vendor(card: _Entry) -> str | None:
    vendor, model = card.get("vendor"), card.get("model")
    if isinstance(vendor, str) and vendor:
        return vendor.lower()
    words = model.lower().split() if isinstance(model, str) else []
    return next((_VENDOR_OF_WORD[word] for word in words if word in _VENDOR_OF_WORD), None)
