"""The control path /_sandbox over HTTP: what it does, and whom it lets in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from octaspace.sandbox import KINDS, OPTIONS, SandboxServer
from octaspace.sandbox.control import Control as ControlPath
from octaspace.sandbox.http.wire import Request

from .api import Api
from .raw_client import RawClient


class Control:
    """Calls the control path as docs/sandbox.md says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Sandbox"] = "1"

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, json=body, timeout=10, **options)

    def json(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def control(sandbox: SandboxServer) -> Iterator[Control]:
    control = Control(sandbox.control_url)
    yield control
    control.session.close()


def test_health(control: Control, sandbox: SandboxServer) -> None:
    health = control.json("/health")
    assert {name: value for name, value in health.items() if name != "endpoints"} == {
        "ok": True,
        "seed": 7,
        "dataset": "default",
        "ready_after": 4.0,
        "active_sessions": 6,
        "faults": 0,
        "control_url": sandbox.control_url,
    }
    assert [endpoint["url"] for endpoint in health["endpoints"]] == sandbox.urls
    assert [endpoint["port"] for endpoint in health["endpoints"]] == sandbox.ports
    assert {endpoint["listening"] for endpoint in health["endpoints"]} == {True}


def test_a_fault_is_switched_on_seen_and_healed(control: Control, api: Api, sandbox: SandboxServer) -> None:
    switched = control.call(
        "POST",
        "/faults",
        {"kind": "status", "status": 503, "retry_after": 2, "endpoint": sandbox.ports[0], "count": 3},
    )
    assert switched.status_code == 201
    fault = switched.json()
    assert fault == {
        "id": 1, "kind": "status", "endpoint": sandbox.ports[0], "methods": [], "path": "*",
        "probability": 1.0, "count": 3, "status": 503, "retry_after": 2, "retry_after_date": False,
        "body": None, "carry_out": False, "fired": 0, "spent": False,
    }  # fmt: skip
    assert api.get("/accounts").status_code == 503
    assert control.json("/faults")["faults"] == [{**fault, "fired": 1}]
    assert control.json("/health")["faults"] == 1
    assert control.call("DELETE", "/faults/1").json() == {"removed": 1}
    assert control.call("DELETE", "/faults/1").status_code == 404
    assert api.get("/accounts").status_code == 200


def test_kinds_and_their_options_are_told(control: Control) -> None:
    kinds = control.json("/faults")["kinds"]
    assert kinds == {kind: {"does": does, "options": list(OPTIONS[kind])} for kind, does in KINDS.items()}
    for kind in set(kinds) - {"refuse"}:
        assert control.call("POST", "/faults", {"kind": kind}).status_code == 201


def test_everything_of_one_endpoint_or_of_all_is_healed(control: Control, sandbox: SandboxServer) -> None:
    first, second = sandbox.ports
    for endpoint in (first, second, second, "all"):
        assert control.call("POST", "/faults", {"kind": "slow", "endpoint": endpoint}).status_code == 201
    assert control.call("DELETE", f"/faults?endpoint={second}").json() == {"removed": 2}
    assert [fault["endpoint"] for fault in control.json("/faults")["faults"]] == [first, None]
    assert control.call("DELETE", "/faults").json() == {"removed": 2}
    assert control.call("DELETE", "/faults?endpoint=all").json() == {"removed": 0}


def test_faults_never_apply_to_the_control_path(control: Control, sandbox: SandboxServer) -> None:
    for kind in ("drop_before_read", "status"):
        sandbox.faults.add(kind)
    assert control.json("/health")["faults"] == 2
    with RawClient(sandbox.ports[0]) as raw:  # Also when the path is not there at the first glance.
        raw.send(b"GET /_sand")
        assert raw.is_silent(0.05)
        raw.send(b"box/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.answer().status == 200
    assert sandbox.journal.entries() == []
    assert [fault.fired for fault in sandbox.faults.active()] == [0, 0]


def test_a_refused_endpoint_is_healed_over_another(control: Control, sandbox: SandboxServer) -> None:
    first, second = sandbox.ports
    # The answer still comes over the port that it closes.
    assert control.call("POST", "/faults", {"kind": "refuse", "endpoint": first}).status_code == 201
    with pytest.raises(requests.ConnectionError):
        control.call("GET", "/health")
    other = Control(sandbox.urls[1] + "/_sandbox")
    refused = other.call("POST", "/faults", {"kind": "refuse", "endpoint": second})
    assert refused.status_code == 409
    assert "control port" in refused.json()["error"]
    assert other.call("DELETE", "/faults").json() == {"removed": 1}
    other.session.close()
    assert control.json("/health")["endpoints"][0]["listening"] is True
    assert control.call("POST", "/faults", {"kind": "refuse"}).status_code == 409


def test_a_control_port_outlives_all_endpoints(clock: Any) -> None:
    with SandboxServer(ports=(0, 0), control_port=0, clock=clock) as sandbox:
        control = Control(sandbox.control_url)
        assert control.call("POST", "/faults", {"kind": "refuse"}).status_code == 201
        assert {each["listening"] for each in control.json("/health")["endpoints"]} == {False}
        assert control.call("DELETE", "/faults").json() == {"removed": 1}
        api = Api(sandbox.url)
        assert api.get("/network").status_code == 200
        outside = requests.get(sandbox.control_url.removesuffix("/_sandbox") + "/network", timeout=10)
        assert outside.status_code == 404
        assert len(sandbox.journal.entries()) == 1
        api.close()
        control.session.close()


def test_the_journal_is_read_by_page(control: Control, api: Api) -> None:
    for _ in range(5):
        api.get("/network")
    page = control.json("/journal?after=1&limit=2")
    assert ([entry["id"] for entry in page["entries"]], page["last"], page["more"]) == ([2, 3], 5, True)
    assert set(page["entries"][0]) == {
        "id", "time", "endpoint", "connection", "number", "method", "path", "query", "body", "key",
        "request_id", "operation", "change", "carried_out", "fault", "delayed", "status", "done",
    }  # fmt: skip
    assert control.json("/summary?after=3")["requests"] == 2
    assert control.call("DELETE", "/journal").json() == {"cleared": True}
    assert control.json("/journal") == {"entries": [], "last": 5, "more": False}


def test_reset(control: Control, api: Api, sandbox: SandboxServer) -> None:
    uuid = api.rent()
    sandbox.faults.add("slow", seconds=0)
    health = control.call("POST", "/reset", {"dataset": "empty", "seed": 3, "ready_after": 0.5}).json()
    assert (health["dataset"], health["seed"], health["ready_after"]) == ("empty", 3, 0.5)
    assert api.json("/nodes") == []
    assert health["faults"] == 1  # Faults and journal stay as they are.
    assert len(sandbox.journal.entries()) == 2
    assert control.call("POST", "/reset", {"dataset": "default"}).json()["seed"] == 3
    assert api.get(f"/services/{uuid}/info").status_code == 404
    assert control.call("POST", "/reset").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "", None, 404, "health, journal, summary, faults and reset"),
        ("GET", "/nothing", None, 404, "no such path"),
        ("GET", "/health/x", None, 404, "no such path"),
        ("DELETE", "/faults/1/2", None, 404, "no such path"),
        ("DELETE", "/faults/x", None, 404, "no such fault"),
        ("DELETE", "/faults/" + "9" * 5000, None, 404, "no such fault"),
        ("DELETE", "/health", None, 405, "DELETE is not for this path"),
        ("PUT", "/journal", None, 405, "PUT"),
        ("GET", "/faults/1", None, 405, "GET"),
        ("GET", "/reset", None, 405, "GET"),
        ("GET", "/journal?after=x", None, 422, "after must be a whole number"),
        ("GET", "/journal?limit=-1", None, 422, "limit"),
        ("GET", "/summary?after=1.5", None, 422, "after"),
        ("DELETE", "/faults?endpoint=x", None, 422, "endpoint must be one of"),
        ("DELETE", "/faults?endpoint=1", None, 422, "endpoint must be one of"),
        ("POST", "/faults", None, 422, "kind must be one of status"),
        ("POST", "/faults", [], 422, "an object is expected"),
        ("POST", "/faults", {"kind": ["status"]}, 422, "kind must be one of"),
        ("POST", "/faults", {"kind": "status", "endpoint": 1}, 422, "endpoint must be one of"),
        ("POST", "/faults", {"kind": "status", "endpoint": True}, 422, "endpoint must be one of"),
        ("POST", "/faults", {"kind": "status", "self": 1}, 422, "takes no option self"),
        ("POST", "/faults", {"kind": "status", "status": 1000}, 422, "status must be"),
        ("POST", "/faults", {"kind": "slow", "seconds": {}}, 422, "seconds must be"),
        ("POST", "/reset", {"dataset": "huge"}, 422, "choose one of default, empty, hostile, large, loose"),
        ("POST", "/reset", {"data": 1}, 422, "unknown option data"),
        ("POST", "/reset", {"seed": "7"}, 422, "seed is of the wrong type"),
        ("POST", "/reset", {"ready_after": -1}, 422, "ready_after"),
        ("POST", "/reset", {"ready_after": True}, 422, "ready_after is of the wrong type"),
    ],
)
def test_what_cannot_be_done_is_said(
    control: Control, method: str, path: str, body: Any, status: int, says: str
) -> None:
    answer = control.call(method, path, body)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert control.json("/health")["faults"] == 0


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b"[" * 100_000, b"{} {}"])
def test_a_body_that_is_no_json(control: Control, data: bytes) -> None:
    answer = control.session.post(control.url + "/faults", data=data, timeout=10)
    assert (answer.status_code, answer.json()) == (422, {"error": "the body is not valid JSON"})


def test_head_is_get_without_a_body(raw: RawClient) -> None:
    raw.request("HEAD /_sandbox/health")
    answer = raw.answer(head_only=True)
    assert (answer.status, int(answer.headers["content-length"]) > 50) == (200, True)


HOST = "Host: localhost:3001"


@pytest.mark.parametrize(
    ("line", "headers", "status", "says"),
    [
        ("GET /_sandbox/health", [HOST], 200, ""),
        ("GET /_sandbox/health", ["Host: 127.0.0.1:3001"], 200, ""),
        ("GET /_sandbox/health", ["Host: 127.0.0.1"], 200, ""),
        ("GET /_sandbox/health", ["Host: [::1]:3001"], 200, ""),
        ("GET /_sandbox/health", [HOST, "Sec-Fetch-Site: none"], 200, ""),
        ("GET /_sandbox/health", ["Host: evil.example"], 403, "Host"),
        ("GET /_sandbox/health", ["Host: evil.example:127"], 403, "Host"),
        ("GET /_sandbox/health", ["Host: localhost.evil.example:3001"], 403, "Host"),
        ("GET /_sandbox/health", [HOST, "Sec-Fetch-Site: cross-site"], 403, "other sites"),
        ("GET /_sandbox/journal", [HOST, "Origin: http://localhost:3000"], 403, "web pages"),
        ("DELETE /_sandbox/faults", [HOST], 403, "X-Sandbox: 1"),
        ("DELETE /_sandbox/faults", [HOST, "X-Sandbox: yes"], 403, "X-Sandbox: 1"),
        ("DELETE /_sandbox/faults", [HOST, "X-Sandbox: 1", "Origin: null"], 403, "web pages"),
        ("DELETE /_sandbox/faults", [HOST, "X-Sandbox: 1"], 200, ""),
    ],
)
def test_only_programs_of_this_machine_are_let_in(
    sandbox: SandboxServer, raw: RawClient, line: str, headers: list[str], status: int, says: str
) -> None:
    fault = sandbox.faults.add("slow", seconds=0)
    raw.send("\r\n".join([f"{line} HTTP/1.1", *headers, "", ""]).encode())
    answer = raw.answer()
    assert answer.status == status
    assert says in json.dumps(answer.json())
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (fault in sandbox.faults.active()) == ("DELETE" not in line or status == 403)


def test_another_machine_is_refused(sandbox: SandboxServer) -> None:
    path = ControlPath(
        sandbox.world,
        sandbox.journal,
        sandbox.faults,
        sandbox.endpoints,
        False,
        lambda: sandbox.control_url,
        sandbox.reset,
    )
    request = Request("GET", "/_sandbox/health", {"host": "127.0.0.1:3001"})
    statuses = {
        peer: path.answer(request, peer, "192.0.2.7").status
        for peer in ("127.0.0.1", "127.9.9.9", "::1", "192.0.2.7", "192.0.2.8", "fe80::1%eth0", "")
    }
    assert statuses == {
        "127.0.0.1": 200, "127.9.9.9": 200, "::1": 200, "192.0.2.7": 200, "192.0.2.8": 403,
        "fe80::1%eth0": 403, "": 403,
    }  # fmt: skip
