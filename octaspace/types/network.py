"""Figures of the whole network."""

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
        height: Number of blocks.
        difficulty: Mining difficulty.
        hashrate: Hashes per second.
        total_supply: Total supply, OCTA.
        circulating_supply: Circulating supply, OCTA.
        era: Name or number of the era, as the API sends it.
        blocktime: Seconds per block.
        extra: Other fields that the API sent.
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
    """Numbers of nodes.

    Attributes:
        count: All nodes; from `total` where the API sends only that (Q21).
        vpn: Nodes that are VPN relays.
        online: Nodes that are online.
        total: All nodes; from `count` where the API sends only that (Q21).
        locations: Locations with nodes (Q21).
        vpn_locations: Locations with VPN relays (Q21).
        extra: Other fields that the API sent.
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
    """Total resources of all nodes.

    Attributes:
        cpus: Processor cores.
        gpus: Graphics cards.
        disk: Disk space, bytes.
        mem: Memory, bytes.
        total_tflops: Total TFLOPS; `tflops` in the shape of the website (Q21).
        utilized_tflops: TFLOPS in use.
        extra: Other fields that the API sent.
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
        avg_price: Average price, USD per hour.
        count: Number on offer.
        extra: Other fields that the API sent.
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
    """Figures of the marketplace.

    Attributes:
        gpus: GPU models on the market, by name.
        total_sessions: Total number of sessions (Q21).
        sessions_24h: Sessions of the last 24 hours (Q21).
        nodes_rented: Nodes on the market that are rented (Q21).
        nodes_idle: Nodes on the market that are free (Q21).
        extra: Other fields that the API sent.
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
    """Figures of the platform.

    Attributes:
        total_jobs: Number of jobs.
        users: Registered users (Q21).
        users_24h: Users who registered in the last 24 hours (Q21).
        extra: Other fields that the API sent.
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
    """Numbers of rendered frames (Q21).

    Attributes:
        frames_24h: Frames of the last 24 hours.
        frames_total: Total number of frames.
        frames_by_week: Frames per week, by its first day, oldest first; includes the current week.
        extra: Other fields that the API sent.
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
    """Read frames by week from ``[{"2026-8-10": 5}, …]`` or from one object.

    If a week occurs twice, its first figure is read, and the whole list stays in `extra`.
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

    Each figure is one attribute, regardless of the shape.

    Attributes:
        blockchain: The chain behind OCTA.
        market_price: Market price, USD per OCTA.
        mm_roi: Return in percent per month; `mmROI` in the payload.
        staked: Staked OCTA.
        nodes: Numbers of nodes.
        power: Total resources of all nodes.
        marketplace: Figures of the marketplace.
        platform: Figures of the platform.
        render: Numbers of rendered frames (Q21).
        extra: Other fields that the API sent.
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
