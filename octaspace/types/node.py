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
    """What a node asks for: the names that `nodes.update_prices` takes.

    Whole numbers are read as Wei, as the documentation of the API has it. Where the account sets its prices
    in another currency, the figures can be in that unit instead, which the payload does not tell (Q26); a
    fraction cannot be Wei, and stays in `extra`.

    Attributes:
        base: Per hour.
        storage: Per GB.
        traffic: Per GB.
        extra: What the API sent beside.
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
    """A node, from ``GET /nodes`` or from ``GET /nodes/:id``, which know different things of it (Q7).

    Attributes:
        id: Number of the node.
        ip: Its address.
        state: "online", "idle", "active", "busy", "offline", "blocked" … an open set (Q25), as it came.
        location: Where it stands; `isocode` and what follows it in the detail only.
        prices: What it asks for; in the list only.
        system: What it is made of. The list calls this ``system``, the detail ``data``.
        osn: Version of its agent.
        uptime: Seconds.
        vrf_dt: When it was last verified.
        reliability: Its record; in the detail only.
        features: What it offers, such as "gpu"; in the detail only.
        extra: What the API sent beside.
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
        """Whether it is up: its state is online, idle, active or busy, in any case of letters (Q25)."""
        return self._word() in _UP

    @property
    def offline(self) -> bool:
        """Whether its state is "offline", empty or missing (Q25).

        A node that is blocked, or in a state that is not known, is neither online nor offline.
        """
        return self._word() == "offline" or (self._word() == "" and "state" not in self.extra)

    def _word(self) -> str:
        return (self.state or "").strip().lower()
