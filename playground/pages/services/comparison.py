"""Up to four offers side by side: one row a figure, the best one marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from octaspace.types import VpnRelay

from ...domain.offers import ShownOffer
from ...formatting import amount, bytes_text, known, octa, usd

__all__ = ["MAX", "Row", "compare"]

#: Offers that are compared at most.
MAX: Final = 4


@dataclass(frozen=True)
class Row:
    """A figure of each offer.

    Attributes:
        label: What it is.
        cells: What each offer has, in their order.
        best: Numbers of the best ones; empty where none is better than another.
        verdict: What the best is: ``lowest`` or ``highest``.
    """

    label: str
    cells: tuple[str, ...]
    best: frozenset[int] = frozenset()
    verdict: str = ""


def compare(offers: Sequence[ShownOffer]) -> list[Row]:
    """Set offers of one service side by side."""
    if not offers:
        return []
    return _relays(offers) if isinstance(offers[0].offer, VpnRelay) else _machines(offers)


def _relays(offers: Sequence[ShownOffer]) -> list[Row]:
    return [
        _figure(offers, "Price per GB", lambda it: it.price, lambda price: usd(price, 4), lowest=True),
        _figure(
            offers,
            "OCTA per GB",
            lambda it: it.offer.traffic_price_ether,
            lambda value: amount(value, 4),
            lowest=True,
        ),
        _words(offers, "Location", lambda it: it.place),
        _words(
            offers, "Type", lambda it: {True: "residential", False: "data center"}.get(it.offer.residential)
        ),
        _figure(offers, "Download", lambda it: it.offer.net_down_mbits, _mbits),
        _figure(offers, "Upload", lambda it: it.offer.net_up_mbits, _mbits),
    ]


def _machines(offers: Sequence[ShownOffer]) -> list[Row]:
    return [
        _figure(offers, "Price per hour", lambda it: it.price, lambda price: usd(price, 3), lowest=True),
        _figure(offers, "Price per day", lambda it: it.price and it.price * 24, usd, lowest=True),
        _figure(offers, "OCTA per hour", lambda it: it.offer.price_wei, octa, lowest=True),
        _words(offers, "GPUs", lambda it: it.gpus),
        _figure(offers, "VRAM per GPU", lambda it: it.offer.vram_gb, _gb),
        _figure(offers, "Total VRAM", lambda it: it.offer.total_vram_gb, _gb),
        _figure(offers, "Score", lambda it: it.score, amount),
        _words(offers, "CUDA", lambda it: it.offer.cuda_version),
        _words(offers, "CPU", lambda it: it.offer.cpu_model_name),
        _figure(offers, "Cores", lambda it: it.offer.cpu_cores, amount),
        _figure(offers, "Memory", lambda it: it.offer.total_memory, bytes_text),
        _words(offers, "Memory type", lambda it: it.offer.memory_type),
        _figure(offers, "Disk speed", lambda it: it.offer.disk_speed_mbs, _megabytes),
        _figure(offers, "Free disk", lambda it: it.offer.free_disk, bytes_text),
        _figure(offers, "Reliability", lambda it: it.reliability, lambda percent: f"{amount(percent, 2)} %"),
        _figure(offers, "Download", lambda it: it.offer.net_down_mbits, _mbits),
        _figure(offers, "Upload", lambda it: it.offer.net_up_mbits, _mbits),
        _words(offers, "Location", lambda it: it.place),
        _words(offers, "Operating system", lambda it: it.offer.os_version),
        _words(offers, "Features", lambda it: ", ".join(it.offer.features)),
    ]


def _words(offers: Sequence[ShownOffer], label: str, read: Callable[[Any], str | None]) -> Row:
    return Row(label, tuple(str(known(read(offer)))[:200] for offer in offers))


def _figure(
    offers: Sequence[ShownOffer],
    label: str,
    read: Callable[[Any], Any],
    show: Callable[[Any], str],
    *,
    lowest: bool = False,
) -> Row:
    values = [read(offer) for offer in offers]
    known_values = [value for value in values if value is not None]
    best: frozenset[int] = frozenset()
    if len(set(known_values)) > 1:
        wanted = min(known_values) if lowest else max(known_values)
        best = frozenset(place for place, value in enumerate(values) if value == wanted)
    cells = tuple("—" if value is None else show(value) for value in values)
    return Row(label, cells, best, "lowest" if lowest else "highest")


def _gb(value: float) -> str:
    return f"{amount(value, 1)} GB"


def _megabytes(value: float) -> str:
    return f"{amount(value, 0)} MB/s"


def _mbits(value: float) -> str:
    return f"{amount(value, 0)} Mbit/s"
