"""Hardware and software of a node, from either of two envelopes (Q7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._fields import Fields
from ._shape import Shape
from .gpu import Gpu, read_gpus

__all__ = ["Disk", "Memory", "System"]


@dataclass(frozen=True, slots=True, repr=False)
class Disk(Shape):
    """A node's disk.

    Attributes:
        free: Free space, bytes.
        size: Size, bytes.
        used_percent: Used space, percent.
        extra: Other fields that the API sent.
    """

    free: int | None = None
    size: int | None = None
    used_percent: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Disk:
        """Read the object under `disk`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Disk", data)
        return cls(
            free=fields.integer("free"),
            size=fields.integer("size"),
            used_percent=fields.number("used_percent"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Memory(Shape):
    """A node's memory, in bytes. The list of nodes has only `free` and `size`.

    Attributes:
        free: Unused memory; `free_memory` in a node's detail.
        size: Total memory; `total_memory` in a node's detail.
        available: Memory available to programs.
        cached: Memory used for caches.
        buffered: Memory used for buffers.
        total_swap: Swap space.
        free_swap: Unused swap space.
        extra: Other fields that the API sent.
    """

    free: int | None = None
    size: int | None = None
    available: int | None = None
    cached: int | None = None
    buffered: int | None = None
    total_swap: int | None = None
    free_swap: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Memory:
        """Read the object under `memory` with either set of names (Q7).

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Memory", data)
        free, size = fields.integer("free"), fields.integer("size")
        return cls(
            free=fields.integer("free_memory") if free is None else free,
            size=fields.integer("total_memory") if size is None else size,
            available=fields.integer("available_memory"),
            cached=fields.integer("cached_memory"),
            buffered=fields.integer("buffered_memory"),
            total_swap=fields.integer("total_swap"),
            free_swap=fields.integer("free_swap"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class System(Shape):
    """Hardware and software of a node. The list of nodes tells the first seven only (Q7).

    Attributes:
        arch: Architecture, such as "x86_64".
        cpu_cores: Number of cores.
        cpu_load_percent: Processor load, percent.
        cpu_model_name: Name of the processor.
        os_version: Name and version of the operating system.
        disk: Its disk.
        memory: Its memory.
        gpus: Its graphics cards.
        cpu_vendor_id: Vendor of the processor, such as "AuthenticAMD".
        cuda_version: CUDA version.
        kernel_version: Kernel version.
        linux_distro: Linux distribution.
        linux_release: Release of the distribution.
        is_hive_os: Whether it runs HiveOS.
        is_wsl: Whether it runs in the Windows Subsystem for Linux.
        virt: Virtualisation, "none" for bare metal.
        gpu_pt: Whether the cards are passed through to a virtual machine.
        gpu_vendor: Vendor of the cards.
        gpu_driver_version: Version of the graphics driver.
        version: Version of the node's agent; in the list it is outside of `system`; see `Node.osn`.
        uptime: Uptime, seconds; in the list it is outside of `system`; see `Node.uptime`.
        extra: Other fields that the API sent.
    """

    arch: str | None = None
    cpu_cores: int | None = None
    cpu_load_percent: float | None = None
    cpu_model_name: str | None = None
    os_version: str | None = None
    disk: Disk | None = None
    memory: Memory | None = None
    gpus: tuple[Gpu, ...] = ()
    cpu_vendor_id: str | None = None
    cuda_version: str | None = None
    kernel_version: str | None = None
    linux_distro: str | None = None
    linux_release: str | None = None
    is_hive_os: bool | None = None
    is_wsl: bool | None = None
    virt: str | None = None
    gpu_pt: bool | None = None
    gpu_vendor: str | None = None
    gpu_driver_version: str | None = None
    version: str | None = None
    uptime: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> System:
        """Read the object under `system` or `data` (Q7).

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("System", data)
        return cls(
            arch=fields.text("arch"),
            cpu_cores=fields.integer("cpu_cores"),
            cpu_load_percent=fields.number("cpu_load_percent"),
            cpu_model_name=fields.text("cpu_model_name"),
            os_version=fields.text("os_version"),
            disk=fields.shape("disk", Disk.from_api),
            memory=fields.shape("memory", Memory.from_api),
            gpus=read_gpus(fields),
            cpu_vendor_id=fields.text("cpu_vendor_id"),
            cuda_version=fields.text("cuda_version"),
            kernel_version=fields.text("kernel_version"),
            linux_distro=fields.text("linux_distro"),
            linux_release=fields.text("linux_release"),
            is_hive_os=fields.flag("is_hive_os"),
            is_wsl=fields.flag("is_wsl"),
            virt=fields.text("virt"),
            gpu_pt=fields.flag("gpu_pt"),
            gpu_vendor=fields.text("gpu_vendor"),
            gpu_driver_version=fields.text("gpu_driver_version"),
            version=fields.text("version"),
            uptime=fields.integer("uptime"),
            extra=fields.rest(),
        )
