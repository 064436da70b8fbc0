"""The cells of the tables of offers.

There may be many hundreds of rows. They are computed here, once for each row, because the expressions of a
template take several times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from octaspace.types import VpnRelay

from ...domain.offers import ShownOffer
from ...formatting import UNKNOWN, amount, bytes_text, octa, sort_key, truncated, usd

__all__ = ["MachineCells", "RelayCells", "offer_cells"]


class MachineCells(NamedTuple):
    """The texts of the row of a machine or a render node, in the order of the template.

    The sort key of a number is the number itself, or empty if it is unknown.

    Attributes:
        node: Id of the node.
        is_compared: Whether it is selected for the comparison.
        href: Address of the form that rents it.
        gpus: Its GPUs.
        vram_key: Video memory of its largest GPU in GB.
        vram: The same as text.
        cores_key: Number of cores.
        cores: The same as text.
        memory_key: Memory in bytes.
        memory: The same as text.
        disk_key: Free disk space in bytes.
        disk: The same as text.
        place: City and country, as a tooltip.
        place_short: City and country code.
        down_key: Download, Mbit/s.
        down: The same as text.
        score_key: Benchmark score.
        score: The same as text.
        reliability_key: Reliability in percent.
        reliability: The same as text.
        price_key: Price per hour in US dollars.
        price: The same as text.
        price_title: The same in OCTA, as a tooltip; empty if it is unknown.
    """

    node: int
    is_compared: bool
    href: str
    gpus: str
    vram_key: float | str
    vram: str
    cores_key: int | str
    cores: str
    memory_key: int | str
    memory: str
    disk_key: int | str
    disk: str
    place: str
    place_short: str
    down_key: float | str
    down: str
    score_key: float | str
    score: str
    reliability_key: float | str
    reliability: str
    price_key: Decimal | str
    price: str
    price_title: str


class RelayCells(NamedTuple):
    """The texts of the row of a VPN relay; see `MachineCells`.

    Attributes:
        node: Id of the node.
        is_compared: Whether it is selected for the comparison.
        href: Address of the form that rents it.
        place: City and country, as a tooltip.
        place_short: City and country code.
        kind: Whether its address is that of a home or of a data center.
        down_key: Download, Mbit/s.
        down: The same as text.
        up_key: Upload, Mbit/s.
        up: The same as text.
        price_key: US dollars per GB.
        price: The same as text.
        octa_key: OCTA per GB.
        octa: The same as text.
    """

    node: int
    is_compared: bool
    href: str
    place: str
    place_short: str
    kind: str
    down_key: float | str
    down: str
    up_key: float | str
    up: str
    price_key: Decimal | str
    price: str
    octa_key: Decimal | str
    octa: str


def offer_cells(
    offers: Iterable[ShownOffer], rent_of: Callable[[int], str], compared: Collection[int]
) -> Iterator[MachineCells | RelayCells]:
    """The cells of each offer.

    Args:
        offers: Offers of one service.
        rent_of: Returns the address of the form that rents a node.
        compared: Ids of the nodes that are selected for the comparison.
    """
    for it in offers:
        cells = _relay if isinstance(it.offer, VpnRelay) else _machine
        yield cells(it, rent_of(it.node_id), it.node_id in compared)


def _machine(it: ShownOffer, href: str, is_compared: bool) -> MachineCells:
    offer, price, score, reliability = it.offer, it.price, it.score, it.reliability
    assert not isinstance(offer, VpnRelay)
    vram, down = it.vram_gb, offer.net_down_mbits
    return MachineCells(
        node=offer.node_id,
        is_compared=is_compared,
        href=href,
        gpus=truncated(it.gpus_short, 90),
        vram_key=sort_key(vram),
        vram=UNKNOWN if vram is None else f"{amount(vram, 1)} GB",
        cores_key=sort_key(offer.cpu_cores),
        cores=amount(offer.cpu_cores),
        memory_key=sort_key(offer.total_memory),
        memory=bytes_text(offer.total_memory),
        disk_key=sort_key(offer.free_disk),
        disk=bytes_text(offer.free_disk),
        place=truncated(it.place, 120),
        place_short=truncated(it.place_short, 60) or UNKNOWN,
        down_key=sort_key(down),
        down=amount(down, 0),
        score_key=sort_key(score),
        score=amount(score),
        reliability_key=sort_key(reliability),
        reliability=UNKNOWN if reliability is None else f"{amount(reliability, 1)} %",
        price_key=sort_key(price),
        price=usd(price, 3),
        price_title="" if offer.price_wei is None else octa(offer.price_wei),
    )


def _relay(it: ShownOffer, href: str, is_compared: bool) -> RelayCells:
    offer, price = it.offer, it.price
    assert isinstance(offer, VpnRelay)
    kinds = {None: UNKNOWN, True: "residential", False: "data center"}
    return RelayCells(
        node=offer.node_id,
        is_compared=is_compared,
        href=href,
        place=truncated(it.place, 120),
        place_short=truncated(it.place_short, 60) or UNKNOWN,
        kind=kinds[offer.residential],
        down_key=sort_key(offer.net_down_mbits),
        down=amount(offer.net_down_mbits, 0),
        up_key=sort_key(offer.net_up_mbits),
        up=amount(offer.net_up_mbits, 0),
        price_key=sort_key(price),
        price=usd(price, 4),
        octa_key=sort_key(offer.traffic_price_ether),
        octa=amount(offer.traffic_price_ether, 4),
    )
