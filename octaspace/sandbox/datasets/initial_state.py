"""The state that a world starts with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..world.idle_jobs import IdleJob
from ..world.nodes import Node
from ..world.rental import Rental


@dataclass
class InitialState:
    """The state that a world starts with."""

    account: dict[str, Any]
    balance: int
    nodes: list[Node] = field(default_factory=list)
    mr: list[dict[str, Any]] = field(default_factory=list)
    render: list[dict[str, Any]] = field(default_factory=list)
    vpn: list[dict[str, Any]] = field(default_factory=list)
    apps: list[dict[str, Any]] = field(default_factory=list)
    network: dict[str, Any] = field(default_factory=dict)
    idle_jobs: dict[tuple[int, int], IdleJob] = field(default_factory=dict)
    rentals: list[Rental] = field(default_factory=list)
    #: Nodes on offer that refuse every rental, with the reason (Q2).
    refusals: dict[int, tuple[int, str]] = field(default_factory=dict)
    #: Nodes on offer where a creation is answered with 2xx and creates nothing (Q19): the item's answer;
    #: None for no answer; a text for `{"message"}` in place of the list.
    empty_results: dict[int, dict[str, Any] | str | None] = field(default_factory=dict)
    #: File name of a node's identity or log.
    file_name: str = "node-{id}.{kind}"
    #: Appended to the logs of sessions created later; the hostile data set sets it.
    note: str = ""
    #: Answer in the shapes of quirks.md that the specification does not allow.
    loose: bool = False


@dataclass(frozen=True)
class StartTime:
    """The start of a world on both clocks, and the seconds until its rentals are ready."""

    monotonic: float
    wall: float
    ready_after: float
