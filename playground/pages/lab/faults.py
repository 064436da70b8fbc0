"""The switches of the failover lab: faults of an endpoint of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .sandbox_control import ControlError, SandboxControl

__all__ = ["GROUPS", "SCENARIOS", "Box", "Scenario", "Switch", "boxes", "flip", "play", "without_faults"]


@dataclass(frozen=True)
class Switch:
    """A fault that can be switched on.

    Attributes:
        name: Its name in a form.
        label: Text of its button.
        kind: Kind of fault in the sandbox.
        options: Options of the fault.
    """

    name: str
    label: str
    kind: str
    options: tuple[tuple[str, Any], ...] = ()

    def is_it(self, fault: Mapping[str, Any]) -> bool:
        """Whether an active fault is this one."""
        return fault["kind"] == self.kind and all(fault.get(name) == value for name, value in self.options)


def _statuses(*codes: int) -> tuple[Switch, ...]:
    return tuple(Switch(f"status-{code}", str(code), "status", (("status", code),)) for code in codes)


GROUPS: Final[tuple[tuple[str, tuple[Switch, ...]], ...]] = (
    ("Answers with", _statuses(401, 403, 404, 408, 422, 429, 500, 502, 503, 504)),
    (
        "Delays",
        (
            Switch("slow", "slow", "slow"),
            Switch("drip", "drip", "drip"),
            Switch("stall", "stall", "stall"),
            Switch("stall_body", "stall halfway", "stall_body"),
            Switch("rate_limit", "rate limit", "rate_limit"),
        ),
    ),
    (
        "Dropped connections",
        (
            Switch("refuse", "refuse", "refuse"),
            Switch("drop_before_read", "drop before reading", "drop_before_read"),
            Switch("drop_after_read", "drop after reading", "drop_after_read"),
            Switch("reset", "reset", "reset"),
            Switch("truncate", "truncate", "truncate"),
            Switch("close_after", "close after answer", "close_after"),
        ),
    ),
    ("Invalid answers", (Switch("garbage", "broken JSON", "garbage"), Switch("html", "HTML", "html"))),
)

_BY_NAME: Final = {switch.name: switch for _, group in GROUPS for switch in group}


@dataclass(frozen=True)
class Scenario:
    """Several switches at once, with the expected effect.

    Attributes:
        name: Its name in a form.
        label: Text of its button.
        expect: How the SDK reacts.
        faults: Endpoint (its index, or None for all), kind and options of each.
    """

    name: str
    label: str
    expect: str
    faults: tuple[tuple[int | None, str, Mapping[str, Any]], ...]


SCENARIOS: Final = (
    Scenario(
        "dead", "The first endpoint is down",
        "Calls fail over at once; the endpoint is skipped for its cooldown, then tried again.",
        ((0, "refuse", {}),),
    ),
    Scenario(
        "overloaded", "Half of the answers are 503",
        "Reads wait and retry at the other endpoint; a change is not sent again and raises.",
        ((None, "status", {"status": 503, "probability": 0.5}),),
    ),
    Scenario(
        "lost", "Answers get lost",
        "The change was made, but its answer is lost: the client raises instead of sending the change twice.",
        ((None, "drop_after_read", {"probability": 0.4}),),
    ),
    Scenario(
        "limited", "A rate limit with Retry-After",
        "Reads wait for the time in Retry-After; the other endpoint answers up to its own limit.",
        ((None, "rate_limit", {"per_second": 6, "retry_after": 1}),),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Box:
    """An endpoint as the lab shows it.

    Attributes:
        letter: A, B, … in the charts.
        url: Its address.
        port: Its port.
        listening: Whether it accepts connections.
        connections: Number of open connections.
        faults: Active faults: label, when it applies, and how often it was applied.
        on: Names of the active switches.
    """

    letter: str
    url: str
    port: int
    listening: bool
    connections: int
    faults: tuple[dict[str, Any], ...]
    on: frozenset[str]


def boxes(control: SandboxControl) -> list[Box]:
    """The endpoints of the sandbox with their active faults.

    Raises:
        ControlError: The sandbox does not answer.
    """
    active = control.faults()["faults"]
    found = []
    for place, endpoint in enumerate(control.health()["endpoints"]):
        faults = [fault for fault in active if fault["endpoint"] in (None, endpoint["port"])]
        found.append(
            Box(
                letter=chr(ord("A") + place % 26),
                url=endpoint["url"],
                port=endpoint["port"],
                listening=endpoint["listening"],
                connections=endpoint["connections"],
                faults=tuple({**fault, "label": _label(fault)} for fault in faults),
                on=frozenset(name for name, it in _BY_NAME.items() if any(it.is_it(each) for each in faults)),
            )
        )
    return found


def without_faults(control: SandboxControl) -> list[str]:
    """The endpoints of the sandbox that have no active fault.

    Raises:
        ControlError: The sandbox does not answer.
    """
    return [box.url for box in boxes(control) if box.listening and not box.faults]


def flip(control: SandboxControl, port: int, name: str, strength: Mapping[str, Any]) -> None:
    """Toggle a fault of an endpoint.

    Args:
        control: The sandbox.
        port: Port of the endpoint.
        name: A switch, or ``remove`` for all faults of the endpoint.
        strength: Options; those that the kind does not accept are left out.

    Raises:
        ControlError: The sandbox refuses, or there is no such switch.
    """
    known = control.faults()
    here = [fault for fault in known["faults"] if fault["endpoint"] in (None, port)]
    if name == "remove":
        for fault in here:
            control.remove_fault(fault["id"])
        return
    switch = _BY_NAME.get(name)
    if switch is None:
        raise ControlError("unknown fault.")
    on = [fault for fault in here if switch.is_it(fault)]
    if on:
        for fault in on:
            control.remove_fault(fault["id"])
        return
    takes = known["kinds"][switch.kind]["options"]
    options = {option: value for option, value in strength.items() if option in takes and value is not None}
    control.switch_on(switch.kind, port, {**options, **dict(switch.options)})


def play(control: SandboxControl, name: str) -> Scenario:
    """Remove all faults, then add those of a scenario.

    Raises:
        ControlError: The sandbox refuses, or there is no such scenario.
    """
    scenario = next((each for each in SCENARIOS if each.name == name), None)
    if scenario is None:
        raise ControlError("unknown scenario.")
    ports = [endpoint["port"] for endpoint in control.health()["endpoints"]]
    control.remove_all_faults()
    for place, kind, options in scenario.faults:
        control.switch_on(kind, None if place is None else ports[place], dict(options))
    return scenario


def _label(fault: Mapping[str, Any]) -> str:
    switch = next((it for it in _BY_NAME.values() if it.is_it(fault)), None)
    return switch.label if switch is not None else str(fault["kind"])
