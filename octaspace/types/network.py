"""The state of the whole network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from . import _coerce
from ._fields import Fields
from ._shape import Shape

__all__ = [
    "Blockchain",
    "GpuMarket",
    "Marketplace",
    "Network",
    "NodeCounts",
    "Platform",
    "Power",
    "RenderCounts",
]


@dataclass(frozen=True, slots=True, repr=False)
class Blockchain(Shape):
    """The chain behind OCTA.

    Attributes:
        height: Blocks so far.
        difficulty: Mining difficulty.
        hashrate: Hashes per second.
        total_supply: OCTA that exist.
        circulating_supply: OCTA in circulation.
        era: Name or number of the era, as the API sends it.
        blocktime: Seconds per block.
        extra: What the API sent beside.
    """

    height: int | None = None
    difficulty: float | None = None
    hashrate: float | None = None
    total_supply: Decimal | None = None
    circulating_supply: Decimal | None = None
    era: str | int | None = None
    blocktime: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Blockchain:
        """Read the object under `blockchain`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Blockchain", data)
        return cls(
            height=fields.integer("height"),
            difficulty=fields.number("difficulty"),
            hashrate=fields.number("hashrate"),
            total_supply=fields.decimal("total_supply"),
            circulating_supply=fields.decimal("circulating_supply"),
            era=fields.text_or_integer("era"),
            blocktime=fields.number("blocktime"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class NodeCounts(Shape):
    """How many nodes there are.

    Attributes:
        count: Nodes in all; from `total` where the API sends only that (Q21).
        vpn: Nodes that are VPN relays.
        online: Nodes that are online.
        total: Nodes in all; from `count` where the API sends only that (Q21).
        locations: Places that have nodes (Q21).
        vpn_locations: Places that have VPN relays (Q21).
        extra: What the API sent beside.
    """

    count: int | None = None
    vpn: int | None = None
    online: int | None = None
    total: int | None = None
    locations: int | None = None
    vpn_locations: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> NodeCounts:
        """Read the object under `nodes`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("NodeCounts", data)
        count, total = fields.integer("count"), fields.integer("total")
        return cls(
            count=total if count is None else count,
            vpn=fields.integer("vpn"),
            online=fields.integer("online"),
            total=count if total is None else total,
            locations=fields.integer("locations"),
            vpn_locations=fields.integer("vpn_locations"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Power(Shape):
    """What all nodes have together.

    Attributes:
        cpus: Processor cores.
        gpus: Graphics cards.
        disk: Bytes.
        mem: Bytes.
        total_tflops: TFLOPS; `tflops` in the shape of the website (Q21).
        utilized_tflops: TFLOPS in use.
        extra: What the API sent beside.
    """

    cpus: int | None = None
    gpus: int | None = None
    disk: int | None = None
    mem: int | None = None
    total_tflops: float | None = None
    utilized_tflops: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Power:
        """Read the object under `power`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Power", data)
        return cls(
            cpus=fields.integer("cpus"),
            gpus=fields.integer("gpus"),
            disk=fields.integer("disk"),
            mem=fields.integer("mem"),
            total_tflops=fields.either("total_tflops", "tflops", _coerce.number),
            utilized_tflops=fields.number("utilized_tflops"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class GpuMarket(Shape):
    """One GPU model on the market.

    Attributes:
        avg_price: Average, USD per hour.
        count: How many are on offer.
        extra: What the API sent beside.
    """

    avg_price: Decimal | None = None
    count: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> GpuMarket:
        """Read an entry of `marketplace.gpus`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("GpuMarket", data)
        return cls(avg_price=fields.decimal("avg_price"), count=fields.integer("count"), extra=fields.rest())


@dataclass(frozen=True, slots=True, repr=False)
class Marketplace(Shape):
    """What is on the market.

    Attributes:
        gpus: By model.
        total_sessions: Sessions so far (Q21).
        sessions_24h: Sessions of the last 24 hours (Q21).
        nodes_rented: Nodes on the market that are rented (Q21).
        nodes_idle: Nodes on the market that are free (Q21).
        extra: What the API sent beside.
    """

    gpus: Mapping[str, GpuMarket] = field(default_factory=dict, hash=False)
    total_sessions: int | None = None
    sessions_24h: int | None = None
    nodes_rented: int | None = None
    nodes_idle: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Marketplace:
        """Read the object under `marketplace`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Marketplace", data)
        return cls(
            gpus=fields.shape_map("gpus", GpuMarket.from_api),
            total_sessions=fields.integer("total_sessions"),
            sessions_24h=fields.integer("sessions_24h"),
            nodes_rented=fields.integer("nodes_rented"),
            nodes_idle=fields.integer("nodes_idle"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Platform(Shape):
    """The platform's own figures.

    Attributes:
        total_jobs: Number of jobs.
        users: Registered users (Q21).
        users_24h: Users who registered in the last 24 hours (Q21).
        extra: What the API sent beside.
    """

    total_jobs: int | None = None
    users: int | None = None
    users_24h: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Platform:
        """Read the object under `platform`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Platform", data)
        return cls(
            total_jobs=fields.integer("total_jobs"),
            users=fields.integer("users"),
            users_24h=fields.integer("users_24h"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class RenderCounts(Shape):
    """How many frames were rendered (Q21).

    Attributes:
        frames_24h: Frames of the last 24 hours.
        frames_total: Frames so far.
        frames_by_week: Frames of each week by its first day, oldest first. The current week is among them.
        extra: What the API sent beside.
    """

    frames_24h: int | None = None
    frames_total: int | None = None
    frames_by_week: Mapping[date, int] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> RenderCounts:
        """Read the object under `render`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("RenderCounts", data)
        return cls(
            frames_24h=fields.integer("frames_24h"),
            frames_total=fields.integer("frames_total"),
            frames_by_week=_weeks(fields),
            extra=fields.rest(),
        )


def _weeks(fields: Fields) -> dict[date, int]:
    """Frames by week from ``[{"2026-8-10": 5}, …]`` or from one object.

    Of a week that comes twice the first figure is read, and the whole list is kept.
    """
    value = fields.value("frames_by_week")
    listed = value if isinstance(value, (list, tuple)) else [value]
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    pairs = [pair for entry in entries for pair in entry.items()]
    weeks: dict[date, int] = {}
    for name, figure in pairs:
        week, frames = _coerce.day(name), None if figure is None else _coerce.integer(figure)
        if week is not None and frames is not None:
            weeks.setdefault(week, frames)
    if value is None or (len(weeks) == len(pairs) and len(entries) == len(listed)):
        fields.drop("frames_by_week")
    return dict(sorted(weeks.items()))


@dataclass(frozen=True, slots=True, repr=False)
class Network(Shape):
    """The answer of ``GET /network``, in the documented shape or in that of the website (Q21).

    Each figure is one attribute, whichever shape has it.

    Attributes:
        blockchain: The chain behind OCTA.
        market_price: USD per OCTA.
        mm_roi: Percent a month; `mmROI` in the payload.
        staked: OCTA.
        nodes: How many nodes there are.
        power: What they have together.
        marketplace: What is on the market.
        platform: The platform's own figures.
        render: How many frames were rendered (Q21).
        extra: What the API sent beside.
    """

    blockchain: Blockchain | None = None
    market_price: Decimal | None = None
    mm_roi: float | None = None
    staked: Decimal | None = None
    nodes: NodeCounts | None = None
    power: Power | None = None
    marketplace: Marketplace | None = None
    platform: Platform | None = None
    render: RenderCounts | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Network:
        """Read the answer of ``network.info()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Network", data)
        return cls(
            blockchain=fields.shape("blockchain", Blockchain.from_api),
            market_price=fields.decimal("market_price"),
            mm_roi=fields.number("mmROI"),
            staked=fields.decimal("staked"),
            nodes=fields.shape("nodes", NodeCounts.from_api),
            power=fields.shape("power", Power.from_api),
            marketplace=fields.shape("marketplace", Marketplace.from_api),
            platform=fields.shape("platform", Platform.from_api),
            render=fields.shape("render", RenderCounts.from_api),
            extra=fields.rest(),
        )
