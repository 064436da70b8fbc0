"""The API's payloads as frozen dataclasses, an alternative to raw `Response.data`::

    for item in client.nodes.list().data:
        node = octaspace.types.Node.from_api(item)
        print(node.id, node.online, [card.model for card in node.system.gpus])

Each type has `from_api`, which accepts the JSON in every known shape. Fields have the API's names. Money is
an `int` in Wei or a `Decimal`, times are aware `datetime`s in UTC, lists are tuples. An absent value is
None. Unknown fields, and values that cannot be read, are in `extra`: a new field never causes an error, and
no value is guessed. `from_api` raises `octaspace.UnexpectedShapeError`, with the type and the field in its
message, when the payload is not an object or lacks its id.

The JSON itself, for type checkers, is in `octaspace.types.payloads`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from . import payloads as payloads
    from .account import Account, Balance
    from .app import App
    from .gpu import Gpu
    from .idle_job import IdleJob
    from .idle_job_logs import IdleJobLogs
    from .location import Location
    from .network import (
        Blockchain,
        GpuMarket,
        Marketplace,
        Network,
        NodeCounts,
        Platform,
        Power,
        RenderCounts,
    )
    from .node import Node, NodePrices
    from .offer import MachineOffer, NodeOffer, RenderOffer
    from .price import Price
    from .reliability import Rating, Reliability
    from .session import HttpProxy, Session, SessionHardware, SessionPrices, SshAccess
    from .session_logs import LogEntry, SessionLogs
    from .system import Disk, Memory, System
    from .vpn_relay import VpnRelay

__all__ = [
    "Account",
    "App",
    "Balance",
    "Blockchain",
    "Disk",
    "Gpu",
    "GpuMarket",
    "HttpProxy",
    "IdleJob",
    "IdleJobLogs",
    "Location",
    "LogEntry",
    "MachineOffer",
    "Marketplace",
    "Memory",
    "Network",
    "Node",
    "NodeCounts",
    "NodeOffer",
    "NodePrices",
    "Platform",
    "Power",
    "Price",
    "Rating",
    "Reliability",
    "RenderCounts",
    "RenderOffer",
    "Session",
    "SessionHardware",
    "SessionLogs",
    "SessionPrices",
    "SshAccess",
    "System",
    "VpnRelay",
]

#: The module of each type. Loading each at its first use makes the import of the SDK a quarter faster.
_NAMES: Final = {
    "account": (
        "Account",
        "Balance",
    ),
    "app": ("App",),
    "gpu": ("Gpu",),
    "idle_job": ("IdleJob",),
    "idle_job_logs": ("IdleJobLogs",),
    "location": ("Location",),
    "network": (
        "Blockchain",
        "GpuMarket",
        "Marketplace",
        "Network",
        "NodeCounts",
        "Platform",
        "Power",
        "RenderCounts",
    ),
    "node": (
        "Node",
        "NodePrices",
    ),
    "offer": (
        "MachineOffer",
        "NodeOffer",
        "RenderOffer",
    ),
    "price": ("Price",),
    "reliability": (
        "Rating",
        "Reliability",
    ),
    "session": (
        "HttpProxy",
        "Session",
        "SessionHardware",
        "SessionPrices",
        "SshAccess",
    ),
    "session_logs": (
        "LogEntry",
        "SessionLogs",
    ),
    "system": (
        "Disk",
        "Memory",
        "System",
    ),
    "vpn_relay": ("VpnRelay",),
}
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "payloads":
        return import_module(".payloads", __name__)
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
