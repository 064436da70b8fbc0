"""One of the account's own nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from . import _coerce
from ._fields import Fields
from ._shape import Shape
from .location import Location
from .reliability import Reliability
from .system import System

__all__ = ["Node", "NodePrices"]

#: Q25: states of a node that is up.
_UP: Final = frozenset({"online", "idle", "active", "busy"})


@dataclass(frozen=True, slots=True, repr=False)
class NodePrices(Shape):
    """The prices of a node, under the names that `nodes.update_prices` takes.

    Whole numbers are read as Wei, according to the documentation of the API. Where the account sets its
    prices in another currency, the figures can be in that unit instead; the payload does not contain the unit
    (Q26). A fraction cannot be Wei, and stays in `extra`.

    Attributes:
        base: Price per hour.
        storage: Price per GB of storage.
        traffic: Price per GB of traffic.
        extra: Other fields that the API sent.
    """

    base: int | None = None
    storage: int | None = None
    traffic: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> NodePrices:
        """Read the object under `prices`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("NodePrices", data)
        return cls(
            base=fields.integer("base"),
            storage=fields.integer("storage"),
            traffic=fields.integer("traffic"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Node(Shape):
    """A node, from ``GET /nodes`` or from ``GET /nodes/:id``, which have different fields (Q7).

    Attributes:
        id: Id of the node.
        ip: IP address.
        state: "online", "idle", "active", "busy", "offline", "blocked" … an open set (Q25), unchanged.
        location: Its location; `isocode` and the attributes after it are in the detail only.
        prices: Its prices; in the list only.
        system: Hardware and software; ``system`` in the list, ``data`` in the detail.
        osn: Version of the node's agent.
        uptime: Uptime, seconds.
        vrf_dt: Time of the last verification.
        reliability: Its reliability; in the detail only.
        features: Features, such as "gpu"; in the detail only.
        extra: Other fields that the API sent.
    """

    id: int
    ip: str | None = None
    state: str | None = None
    location: Location | None = None
    prices: NodePrices | None = None
    system: System | None = None
    osn: str | None = None
    uptime: int | None = None
    vrf_dt: datetime | None = None
    reliability: Reliability | None = None
    features: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Node:
        """Read an entry of ``nodes.list()`` or the answer of ``nodes.find()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `id` is not an integer.
        """
        fields = Fields("Node", data)
        envelope = "data" if fields.value("system") is None else "system"
        system = fields.shape(envelope, System.from_api)
        osn, uptime = fields.text("osn"), fields.integer("uptime")
        return cls(
            id=fields.require("id", _coerce.integer, "an integer"),
            ip=fields.text("ip"),
            state=fields.text("state"),
            location=fields.shape("location", Location.from_api),
            prices=fields.shape("prices", NodePrices.from_api),
            system=system,
            osn=system.version if osn is None and system else osn,
            uptime=system.uptime if uptime is None and system else uptime,
            vrf_dt=fields.moment("vrf_dt"),
            reliability=fields.shape("reliability", Reliability.from_api),
            features=fields.items("features", _coerce.text),
            extra=fields.rest(),
        )

    @property
    def online(self) -> bool:
        """Whether it is up: its state is online, idle, active or busy, case-insensitive (Q25)."""
        return self._word() in _UP

    @property
    def offline(self) -> bool:
        """Whether its state is "offline", empty or missing (Q25).

        A node that is blocked or in an unknown state is neither online nor offline.
        """
        return self._word() == "offline" or (self._word() == "" and "state" not in self.extra)

    def _word(self) -> str:
        return (self.state or "").strip().lower()
