"""The control path /_sandbox: health, journal, faults and reset, over the same ports as the API."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .faults.kinds import KINDS, OPTIONS, make_fault
from .faults.registry import FaultRegistry
from .http.host_names import HostNames
from .http.wire import Request, Response
from .journal import Journal
from .world.world import World

#: Everything below this path belongs to the sandbox itself, not to the API it simulates.
CONTROL_PATH = "/_sandbox"
#: The control path ignores configured host names: it is for programs of this machine.
_THIS_MACHINE = HostNames()


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Control:
    """Answers requests below /_sandbox. Faults do not apply to them, and they are not in the journal."""

    world: World
    journal: Journal
    faults: FaultRegistry
    #: The endpoints of the API as JSON, and whether the control path has a separate port.
    endpoints: Callable[[], list[dict[str, Any]]]
    has_own_port: bool
    #: Base URL of the control path.
    url: Callable[[], str]
    reset: Callable[..., None]

    def answer(self, request: Request, peer: str, own: str) -> Response:
        """Answer one request from the address `peer` that arrived at the address `own`."""
        try:
            self._guard(request, peer, own)
            status, result = self._route(request)
        except _RefusedError as refusal:
            status, result = refusal.status, {"error": refusal.message}
        except ValueError as problem:  # A FaultError, or an unknown data set.
            status, result = 422, {"error": str(problem)}
        body = json.dumps(result, separators=(",", ":")).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Sandbox", "1"),  # by which a client recognizes a sandbox, also in a refusal
        ]
        if request.method == "HEAD":
            return Response(status, headers, b"", announced=len(body))
        return Response(status, headers, body)

    def _guard(self, request: Request, peer: str, own: str) -> None:
        """Allow only programs of this machine: no other machine, and no web page."""
        if not _is_loopback(peer) and peer != own:
            raise _RefusedError(403, "the control path is for this machine alone")
        if not _THIS_MACHINE.include(request.headers.get("host", ""), own):
            raise _RefusedError(403, "the Host header does not name this machine")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise _RefusedError(403, "requests of other sites are refused")
        if "origin" in request.headers:
            raise _RefusedError(403, "requests of web pages are refused")
        if request.method not in ("GET", "HEAD") and request.headers.get("x-sandbox") != "1":
            raise _RefusedError(403, "changes need the header X-Sandbox: 1")

    def _route(self, request: Request) -> tuple[int, Any]:
        name, *rest = request.path.removeprefix(CONTROL_PATH).removeprefix("/").split("/")
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        handlers: dict[str, Callable[[], tuple[int, Any]]] = {}
        if not rest:
            handlers = {
                "GET health": lambda: (200, self._health()),
                "GET journal": lambda: (200, self._journal(query)),
                "DELETE journal": lambda: (200, self._clear()),
                "GET summary": lambda: (200, self.journal.summary(_whole(query, "after", 0))),
                "GET faults": lambda: (200, self._faults()),
                "POST faults": lambda: (201, self._switch_on(_object(request.body))),
                "DELETE faults": lambda: (200, {"removed": self.faults.remove_all(self._filter(query))}),
                "POST reset": lambda: (200, self._reset(_object(request.body))),
            }
        elif name == "faults" and len(rest) == 1:
            handlers = {"DELETE faults": lambda: (200, self._remove_fault(rest[0]))}
        handler = handlers.get(f"{'GET' if request.method == 'HEAD' else request.method} {name}")
        if handler is not None:
            return handler()
        if any(known.endswith(f" {name}") for known in handlers):
            raise _RefusedError(405, f"{request.method} is not for this path")
        raise _RefusedError(404, "no such path: health, journal, summary, faults and reset are there")

    def _health(self) -> dict[str, Any]:
        world = self.world
        return {
            "ok": True,
            "seed": world.seed,
            "dataset": world.dataset,
            "ready_after": world.ready_after,
            "active_sessions": len(world.active()),
            "faults": len(self.faults.active()),
            "control_url": self.url(),
            "endpoints": self.endpoints(),
        }

    def _reset(self, options: dict[str, Any]) -> dict[str, Any]:
        kinds: dict[str, Any] = {"seed": int, "dataset": str, "ready_after": (int, float)}
        for name, value in options.items():
            if name not in kinds:
                raise _RefusedError(422, f"unknown option {name}: choose among {', '.join(kinds)}")
            if not isinstance(value, kinds[name]) or isinstance(value, bool):
                raise _RefusedError(422, f"{name} is of the wrong type")
        self.reset(**options)
        return self._health()

    def _journal(self, query: dict[str, str]) -> dict[str, Any]:
        limit = _whole(query, "limit", 1000)
        return self.journal.page(_whole(query, "after", 0), max(1, min(limit, 10_000)))

    def _clear(self) -> dict[str, Any]:
        self.journal.clear()
        return {"cleared": True}

    def _faults(self) -> dict[str, Any]:
        kinds = {kind: {"does": does, "options": OPTIONS[kind]} for kind, does in KINDS.items()}
        return {"faults": [fault.view() for fault in self.faults.active()], "kinds": kinds}

    def _switch_on(self, options: dict[str, Any]) -> dict[str, Any]:
        kind, endpoint = options.pop("kind", None), self._port(options.pop("endpoint", None))
        fault = make_fault(kind, endpoint, options)
        if kind == "refuse" and not self.has_own_port and self._last_open(endpoint):
            raise _RefusedError(
                409,
                "no port would be left for removing this fault: start the sandbox with a control port",
            )
        return self.faults.switch_on(fault).view()

    def _remove_fault(self, fault_id: str) -> dict[str, Any]:
        if not (fault_id.isascii() and fault_id.isdigit() and self.faults.remove_fault(int(fault_id[:18]))):
            raise _RefusedError(404, "no such fault")
        return {"removed": 1}

    def _filter(self, query: dict[str, str]) -> int | None:
        """The endpoint whose faults are meant."""
        text = query.get("endpoint", "all")
        return self._port(int(text) if text.isascii() and text.isdigit() else text)

    def _port(self, value: Any) -> int | None:
        """A port of this sandbox; None or "all" means every endpoint."""
        if value is None or value == "all":
            return None
        ports = [endpoint["port"] for endpoint in self.endpoints()]
        if type(value) is not int or value not in ports:
            raise _RefusedError(422, f"endpoint must be one of {', '.join(map(str, ports))}, or all")
        return value

    def _last_open(self, closing: int | None) -> bool:
        return not any(
            endpoint["listening"] and closing is not None and endpoint["port"] != closing
            for endpoint in self.endpoints()
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _RefusedError(422, f"{name} must be a whole number")
    return int(text)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise _RefusedError(422, "the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise _RefusedError(422, "an object is expected")
    return value
