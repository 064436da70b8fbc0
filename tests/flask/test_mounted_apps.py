"""Two apps in one process, below `DispatcherMiddleware`."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client as Browser

from flask_octaspace import OctaSpace, current_octaspace, octaspace_error, octaspace_response

from ..support.fault_server import FaultServer, answer
from .conftest import MakeApp, no_open_sockets

KEYS = {"outer": "key-of-the-outer-app", "inner": "key-of-the-inner-app"}


class Mounted:
    """An app, and another one that is mounted in it."""

    def __init__(self, make_app: MakeApp, octa: OctaSpace | None) -> None:
        self.apps: dict[str, Flask] = {}
        self.octas: dict[str, OctaSpace] = {}
        for name, key in KEYS.items():
            app, self.octas[name] = make_app(octa, name, OCTASPACE_API_KEY=key, OCTASPACE_MAX_RETRIES=0)
            app.add_url_rule("/node", "node", lambda: current_octaspace.nodes.find(7).data)
            app.add_url_rule("/stats", "stats", lambda: current_octaspace.transport_stats())
            self.apps[name] = app
        self.browser = Browser(DispatcherMiddleware(self.apps["outer"], {"/inner": self.apps["inner"]}))

    def get(self, name: str, path: str) -> Any:
        return self.browser.get(f"/inner{path}" if name == "inner" else path).json


@pytest.fixture(params=["one OctaSpace", "one for each app"])
def mounted(make_app: MakeApp, request: pytest.FixtureRequest) -> Mounted:
    return Mounted(make_app, OctaSpace() if request.param == "one OctaSpace" else None)


def test_each_has_its_own_client_and_closes_it_alone(mounted: Mounted, api: FaultServer) -> None:
    for name in ("outer", "inner", "outer"):
        mounted.get(name, "/node")
    sent = [arrival.headers["authorization"].split()[-1] for arrival in api.journal]
    assert sent == [KEYS["outer"], KEYS["inner"], KEYS["outer"]]
    assert api.open_count == 2
    mounted.octas["outer"].close(mounted.apps["outer"])
    assert mounted.get("outer", "/stats")["requests"] == 0, "a new client"
    assert mounted.get("inner", "/stats")["requests"] == 1
    mounted.get("inner", "/node")
    assert mounted.get("inner", "/stats")["pools"][api.url]["reused"] == 1
    mounted.octas["inner"].close(mounted.apps["inner"])
    no_open_sockets(api)


def test_each_hears_of_its_own_calls(mounted: Mounted, api: FaultServer) -> None:
    heard: list[tuple[str, str]] = []

    def note(name: str) -> Any:
        return lambda sender, **_: heard.append((name, sender.name))

    receivers = [note("outer"), note("inner"), note("inner fails")]
    octaspace_response.connect(receivers[0], sender=mounted.apps["outer"])
    octaspace_response.connect(receivers[1], sender=mounted.apps["inner"])
    octaspace_error.connect(receivers[2], sender=mounted.apps["inner"])
    for app in mounted.apps.values():
        mounted.octas["outer"].init_error_handlers(app)
    mounted.get("outer", "/node")
    mounted.get("inner", "/node")
    api.then(answer(status=404), answer(status=404))
    assert mounted.get("inner", "/node")["error"] == mounted.get("outer", "/node")["error"] == "NotFoundError"
    assert heard == [
        ("outer", "outer"), ("inner", "inner"), ("inner", "inner"), ("inner fails", "inner"),
        ("outer", "outer"),
    ]  # fmt: skip


def test_a_call_of_one_app_inside_a_request_of_the_other(mounted: Mounted, api: FaultServer) -> None:
    def both() -> dict[str, bool]:
        outer = current_octaspace.config
        with mounted.apps["inner"].app_context():
            inner = current_octaspace.config
            current_octaspace.nodes.find(7)
        return {"inner": inner.api_key == KEYS["inner"], "outer": current_octaspace.config == outer}

    mounted.apps["outer"].add_url_rule("/both", view_func=both)
    assert mounted.get("outer", "/both") == {"inner": True, "outer": True}
    assert KEYS["inner"] in api.journal[-1].headers["authorization"]


def test_one_octaspace_does_not_close_the_app_of_another(make_app: MakeApp) -> None:
    mounted = Mounted(make_app, None)
    with pytest.raises(RuntimeError, match="'inner' was not set up by this OctaSpace"):
        mounted.octas["outer"].close(mounted.apps["inner"])
    with mounted.apps["inner"].app_context():
        assert mounted.octas["inner"].client.nodes.list().ok
