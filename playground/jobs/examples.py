"""Example arguments for methods: the presets of the runner, and the smoke suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..sdk.json_access import get_path

__all__ = ["DOCUMENTED_JOB", "LISTS", "Example", "ExampleIds", "examples_of", "has_examples"]

#: Calls whose answers contain ids that other calls need: method and arguments, by the name of the list.
LISTS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "nodes": ("nodes.list", {}),
    "sessions": ("sessions.list", {}),
    "ended": ("sessions.list", {"recent": True}),
    "machines": ("services.mr.list", {}),
    "relays": ("services.vpn.list", {}),
    "renderers": ("services.render.list", {}),
}

#: Node and job of the API's documentation. The sandbox has it.
DOCUMENTED_JOB: Final = (69, 42)


@dataclass(frozen=True)
class Example:
    """Arguments for a method.

    Attributes:
        label: Title of the example.
        values: By name.
    """

    label: str
    values: dict[str, Any]


class ExampleIds:
    """Ids from answers, as arguments for methods; None if unknown.

    Args:
        answers: Answers by the names of `LISTS`; missing ones are allowed.
        idle_job: Node and job number; no call of the API lists idle jobs.
    """

    def __init__(self, answers: Mapping[str, Any], *, idle_job: tuple[int, int] | None) -> None:
        self._answers = answers
        self.node = self._first("nodes", "id", lambda item: item.get("state") == "online")
        self.session = self._first("sessions", "uuid", lambda item: item.get("is_ready") is True)
        self.ended = self._first("ended", "uuid")
        self.machine = self._first("machines", "node_id", lambda item: bool(get_path(item, "gpus")))
        #: The first machines on offer; None if there are none.
        self.machines = [item["node_id"] for item in self._items("machines") if item.get("node_id")][
            :3
        ] or None
        self.relay = self._first("relays", "node_id")
        self.renderer = self._first("renderers", "node_id")
        self.job_node: int | None
        self.job: int | None
        self.job_node, self.job = idle_job or (None, None)

    def offer(self, node_id: Any) -> Any:
        """The offer with that node, or None."""
        for name in ("machines", "relays", "renderers"):
            for item in self._items(name):
                if item.get("node_id") == node_id:
                    return item
        return None

    def _items(self, name: str) -> list[dict[str, Any]]:
        answer = self._answers.get(name)
        return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []

    def _first(self, name: str, key: str, best: Callable[[dict[str, Any]], bool] | None = None) -> Any:
        items = [item for item in self._items(name) if item.get(key) not in (None, "")]
        chosen = next(filter(best, items), None) or next(iter(items), None)
        return None if chosen is None else chosen[key]


@dataclass(frozen=True)
class _Of:
    """Stands for one of the `ExampleIds`."""

    name: str


_NODE: Final = {"id": _Of("node")}
_SESSION: Final = {"uuid": _Of("session")}
_IMAGE: Final = {"disk_size": 10, "image": "ubuntu:24.04"}
_MACHINE: Final = {"node_id": _Of("machine"), **_IMAGE}
_RENDERER: Final = {"node_id": _Of("renderer"), "disk_size": 10}
_RELAY: Final = {"node_id": _Of("relay"), "subkind": "wg"}
_JOB: Final = {"node_id": _Of("job_node"), "job_id": _Of("job")}
_SEARCH: Final = {"gpu": "RTX", "min_vram_gb": 12, "sort": "vram"}

#: The first of each is the one of the smoke suite.
_EXAMPLES: Final[Mapping[str, tuple[tuple[str, dict[str, Any]], ...]]] = {
    "idle_jobs.find": (("Job of the API documentation", _JOB),),
    "idle_jobs.logs": (("Job of the API documentation", _JOB),),
    "nodes.download_ident": (("One of your nodes", _NODE),),
    "nodes.download_logs": (("One of your nodes", _NODE),),
    "nodes.find": (("One of your nodes", _NODE),),
    "nodes.reboot": (("One of your nodes", _NODE),),
    "nodes.update_prices": (("1 OCTA per hour", {**_NODE, "prices": {"base": 10**18}}),),
    "services.mr.create": (
        ("An available machine", _MACHINE),
        (
            "With a port and environment variables",
            {**_MACHINE, "http_ports": [8080], "envs": {"GREETING": "hello"}},
        ),
    ),
    "services.mr.rent": (("An available machine", _MACHINE),),
    "services.mr.rent_any": (("First of three offers", {**_IMAGE, "offers": _Of("machines")}),),
    "services.mr.search": (
        ("RTX, 12 GB or more", _SEARCH),
        ("Cheapest in Germany", {"country": "DE", "max_price_usd": 5}),
    ),
    "services.render.create": (
        ("An available render node", _RENDERER),
        ("One worker per GPU", {**_RENDERER, "options": {"multi_gpu_worker": True}}),
    ),
    "services.render.rent": (("An available render node", _RENDERER),),
    "services.render.search": (("RTX, 12 GB or more", _SEARCH),),
    "services.session.follow_logs": (
        ("An ended session", {"uuid": _Of("ended"), "interval": 1}),
        ("A running session, for 30 s", {**_SESSION, "interval": 1, "timeout": 30}),
    ),
    "services.session.info": (("A running session", _SESSION),),
    "services.session.logs": (
        ("A running session", _SESSION),
        ("An ended session", {"uuid": _Of("ended"), "recent": True}),
    ),
    "services.session.stop": (("A running session, 5 stars", {**_SESSION, "score": 5}),),
    "services.session.wait_until_ready": (
        ("A running session, for up to 60 s", {**_SESSION, "timeout": 60, "interval": 1}),
    ),
    "services.vpn.create": (
        ("WireGuard", _RELAY),
        ("V2Ray with VLESS", {"node_id": _Of("relay"), "subkind": "v2ray", "protocol": "vless"}),
    ),
    "services.vpn.rent": (("WireGuard", _RELAY),),
    "services.vpn.search": (("Residential, fastest first", {"residential": True, "sort": "download"}),),
    "sessions.list": (("Active sessions", {}), ("Ended sessions", {"recent": True})),
}


def has_examples(name: str) -> bool:
    """Whether a method has examples, if all ids are known."""
    return name in _EXAMPLES


def examples_of(name: str, things: ExampleIds) -> list[Example]:
    """Examples for a method whose ids are all known."""
    found = []
    for label, template in _EXAMPLES.get(name, ()):
        values = {
            key: getattr(things, value.name) if isinstance(value, _Of) else value
            for key, value in template.items()
        }
        if None not in values.values():
            found.append(Example(label, values))
    return found
