"""Machines and render nodes on offer, not the account's own sessions (Q12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from . import _coerce
from ._fields import Fields
from ._shape import Shape
from .gpu import Gpu, read_gpus
from .price import Price, read_price
from .reliability import Reliability

__all__ = ["MachineOffer", "NodeOffer", "RenderOffer"]

_Offer = TypeVar("_Offer", bound="NodeOffer")


@dataclass(frozen=True, slots=True, repr=False)
class NodeOffer(Shape):
    """Base class of machine and render offers, which have the same fields.

    Attributes:
        node_id: Id of the node, an argument of `create`.
        gpus: Its graphics cards, each once, from `gpus` and from the older `gpu`, which lists them by vendor
            (Q22).
        country: Country, by name.
        country_iso: Country, as ISO 3166-1 alpha-2.
        city: City.
        total: Total price per hour.
        base: Base price per hour of the machine.
        storage: Price per GB of disk.
        traffic: Price per GB of traffic.
        currency_usd: Whether its price is set in US dollars (Q22).
        market_price: USD per OCTA at which its prices were converted (Q22).
        reliability: Its reliability, from an object or a bare percentage (Q22).
        net_down_mbits: Download, Mbit/s (Q4), also from `net_down_mbs` (Q23); None when unknown.
        net_up_mbits: Upload, Mbit/s (Q4), also from `net_up_mbs` (Q23); None when unknown.
        cpu_model_name: Name of the processor.
        cpu_cores: Number of cores.
        cpu_speed: Clock rate of the processor, MHz.
        cpu_vendor_id: Vendor of the processor, such as "AuthenticAMD".
        total_memory: Memory, bytes.
        memory_type: Type of memory, such as "DDR5".
        memory_speed: Clock rate of the memory, MHz.
        free_disk: Free disk space, bytes.
        disk_speed_mbs: Speed of the disk, MB/s (Q22).
        arch: Architecture, such as "x86_64".
        os_version: Name and version of the operating system.
        is_hive_os: Whether it runs HiveOS.
        is_wsl: Whether it runs in the Windows Subsystem for Linux.
        virt: Virtualisation, "none" for bare metal.
        cuda_version: CUDA version.
        is_has_gpu: Whether it has a graphics card.
        ai_score: AI benchmark.
        blender_score: Blender benchmark.
        blender_cpu_score: Blender benchmark on the processor (Q22).
        blender_cuda_score: Blender benchmark on the graphics cards with CUDA (Q22).
        blender_optix_score: Blender benchmark on the graphics cards with OptiX (Q22).
        features: Features, such as "nvme".
        available_ports: Number of ports that can still be opened.
        extra: Other fields that the API sent.
    """

    node_id: int
    gpus: tuple[Gpu, ...] = ()
    country: str | None = None
    country_iso: str | None = None
    city: str | None = None
    total: Price = field(default_factory=Price)
    base: Price = field(default_factory=Price)
    storage: Price = field(default_factory=Price)
    traffic: Price = field(default_factory=Price)
    currency_usd: bool | None = None
    market_price: Decimal | None = None
    reliability: Reliability | None = None
    net_down_mbits: float | None = None
    net_up_mbits: float | None = None
    cpu_model_name: str | None = None
    cpu_cores: int | None = None
    cpu_speed: float | None = None
    cpu_vendor_id: str | None = None
    total_memory: int | None = None
    memory_type: str | None = None
    memory_speed: float | None = None
    free_disk: int | None = None
    disk_speed_mbs: float | None = None
    arch: str | None = None
    os_version: str | None = None
    is_hive_os: bool | None = None
    is_wsl: bool | None = None
    virt: str | None = None
    cuda_version: str | None = None
    is_has_gpu: bool | None = None
    ai_score: float | None = None
    blender_score: float | None = None
    blender_cpu_score: float | None = None
    blender_cuda_score: float | None = None
    blender_optix_score: float | None = None
    features: tuple[str, ...] = ()
    available_ports: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls: type[_Offer], data: Mapping[str, Any]) -> _Offer:
        """Read an entry of ``services.mr.list()`` or ``services.render.list()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `node_id` is not an integer.
        """
        fields = Fields(cls.__name__, data)
        return cls(
            node_id=fields.require("node_id", _coerce.integer, "an integer"),
            gpus=read_gpus(fields),
            country=fields.text("country"),
            country_iso=fields.text("country_iso"),
            city=fields.text("city"),
            total=read_price(
                fields,
                usd="total_price_usd",
                wei="total_price_wei",
                octa="total_price_ether",
                usd_unit=_coerce.decimal,
            ),
            base=read_price(fields, usd="base_usd", wei="base", octa="base_ether"),
            storage=read_price(fields, usd="storage_usd", wei="storage", octa="storage_ether"),
            traffic=read_price(fields, usd="traffic_usd", wei="traffic", octa="traffic_ether"),
            currency_usd=fields.flag("currency_usd"),
            market_price=fields.decimal("market_price"),
            reliability=fields.shape("reliability", Reliability.from_api),
            net_down_mbits=fields.bandwidth("down"),
            net_up_mbits=fields.bandwidth("up"),
            cpu_model_name=fields.text("cpu_model_name"),
            cpu_cores=fields.integer("cpu_cores"),
            cpu_speed=fields.number("cpu_speed"),
            cpu_vendor_id=fields.text("cpu_vendor_id"),
            total_memory=fields.integer("total_memory"),
            memory_type=fields.text("memory_type"),
            memory_speed=fields.number("memory_speed"),
            free_disk=fields.integer("free_disk"),
            disk_speed_mbs=fields.number("disk_speed_mbs"),
            arch=fields.text("arch"),
            os_version=fields.text("os_version"),
            is_hive_os=fields.flag("is_hive_os"),
            is_wsl=fields.flag("is_wsl"),
            virt=fields.text("virt"),
            cuda_version=fields.text("cuda_version"),
            is_has_gpu=fields.flag("is_has_gpu"),
            ai_score=fields.number("ai_score"),
            blender_score=fields.number("blender_score"),
            blender_cpu_score=fields.number("blender_cpu_score"),
            blender_cuda_score=fields.number("blender_cuda_score"),
            blender_optix_score=fields.number("blender_optix_score"),
            features=fields.items("features", _coerce.text),
            available_ports=fields.integer("available_ports"),
            extra=fields.rest(),
        )

    @property
    def price_usd(self) -> Decimal | None:
        """USD per hour: the total, or the base price where the API sends only that; None if unknown."""
        return self.base.usd if self.total.usd is None else self.total.usd

    @property
    def price_wei(self) -> int | None:
        """Wei per hour: the total, or the base price where the API sends only that; None if unknown."""
        return self.base.wei if self.total.wei is None else self.total.wei

    @property
    def reliability_percent(self) -> float | None:
        """Its uptime, or the bare percentage that the API sent; None if unknown."""
        return self.reliability.uptime if self.reliability else None

    @property
    def gpu_models(self) -> tuple[str, ...]:
        """The models of its cards, each once, in the order of the cards."""
        return tuple(dict.fromkeys(card.model for card in self.gpus if card.model))

    @property
    def vram_gb(self) -> float | None:
        """Video memory of its largest card, GB; None when it is unknown or there is no card."""
        return max((card.memory_gb for card in self.gpus if card.memory_gb is not None), default=None)

    @property
    def total_vram_gb(self) -> float | None:
        """Total video memory of its cards, GB; None when one is unknown or there is no card."""
        sizes = [card.memory_gb for card in self.gpus]
        known = [size for size in sizes if size is not None]
        return sum(known) if sizes and len(known) == len(sizes) else None


@dataclass(frozen=True, slots=True, repr=False)
class MachineOffer(NodeOffer):
    """A machine on offer, an entry of ``GET /services/mr``. Its fields are those of `NodeOffer`."""


@dataclass(frozen=True, slots=True, repr=False)
class RenderOffer(NodeOffer):
    """A render node on offer, an entry of ``GET /services/render``. Its fields are those of `NodeOffer`."""
