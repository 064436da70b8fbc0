"""Under which names the API answers: a web page that points its own name at this machine gets nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.http.host_names import HostNames

from .raw_client import Answer, RawClient

RENT = b'[{"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04", "envs": {"TOKEN": "secret"}}]'

FOREIGN = [
    "evil.example", "evil.example:3001", "localhost.evil.example", "127.0.0.1.evil.example", "evil",
    "evil.example:127.0.0.1", "localhost@evil.example", "127.0.0.1:3001@evil.example", "192.0.2.1", "0.0.0.0",
    "[2001:db8::1]:3001", "[::]", "::1", "[127.0.0.1", "[127.0.0.1]", "2130706433", "0x7f.1", "127.1", "a b",
    "localhost:port", "localhost:3001:80", "", "\xe9vil", "localhost, evil.example",
]  # fmt: skip

OURS = [
    "localhost", "LOCALHOST:3001", "localhost.", "127.0.0.1", "127.0.0.1:3001", "127.8.9.1:3001", "[::1]",
    "[::1]:80", "[0:0:0:0:0:0:0:1]",
]  # fmt: skip


def ask(
    sandbox: SandboxServer, line: str, host: str | None, body: bytes = b"", version: str = "1.1", **more: str
) -> Answer:
    headers = {"Authorization": "sk-any", "Content-Length": str(len(body)), **more}
    if host is not None:
        headers["Host"] = host
    head = "\r\n".join(
        [f"{line} HTTP/{version}", *(f"{name}: {text}" for name, text in headers.items()), "", ""]
    )
    with RawClient(sandbox.ports[0]) as raw:
        raw.send(head.encode("latin-1") + body)
        return raw.answer()


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_name_reads_nothing_and_rents_nothing(sandbox: SandboxServer, host: str) -> None:
    sessions = len(sandbox.world.active())
    for line, body in (
        ("GET /sessions", b""), ("GET /openapi.yaml", b""), ("POST /services/mr", RENT),
        ("GET /nowhere", b""), ("GET http://localhost/sessions", b""), ("GET /nodes/9001/reboot", b""),
    ):  # fmt: skip
        answer = ask(sandbox, line, host, body, Origin="http://localhost:3000")
        assert answer.status == 421, line
        assert answer.json()["error"] == "misdirected request"
        assert "--allow-host" in answer.json()["message"]
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["connection"] == "close"
    assert len(sandbox.world.active()) == sessions
    assert sandbox.journal.entries() == []


def test_no_page_gets_permission_in_advance_under_a_foreign_name(sandbox: SandboxServer) -> None:
    asks = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    assert ask(sandbox, "OPTIONS /services/mr", "evil.example", **asks).status == 421
    assert ask(sandbox, "OPTIONS /services/mr", "localhost", **asks).status == 200


@pytest.mark.parametrize("host", OURS)
def test_names_of_this_machine_are_answered(sandbox: SandboxServer, host: str) -> None:
    assert ask(sandbox, "GET /sessions", host).status == 200
    assert ask(sandbox, "GET /_sandbox/health", host).status == 200


def test_a_client_of_http_1_0_may_name_nobody(sandbox: SandboxServer) -> None:
    assert ask(sandbox, "GET /network", None, version="1.0").status == 200
    assert ask(sandbox, "GET /network", "evil.example", version="1.0").status == 421


def test_a_fault_is_not_used_up_by_a_foreign_name(sandbox: SandboxServer) -> None:
    fault = sandbox.faults.add("status", status=503, count=1)
    assert ask(sandbox, "GET /network", "evil.example").status == 421
    assert fault in sandbox.faults.active()
    assert ask(sandbox, "GET /network", "localhost").status == 503


@pytest.fixture
def told() -> Iterator[SandboxServer]:
    names = ("api.octa.space", "Sandbox", "2001:DB8::1", "192.0.2.7")
    with SandboxServer(ports=(0, 0), allow_hosts=names) as server:
        yield server


def test_names_that_it_was_told_are_answered_on_the_api_alone(told: SandboxServer) -> None:
    for host in ("api.octa.space", "API.OCTA.SPACE:443", "sandbox:3001", "[2001:db8::1]:3001", "192.0.2.7"):
        assert ask(told, "GET /network", host).status == 200, host
        assert ask(told, "GET /_sandbox/health", host).status == 403, host
    for host in ("octa.space", "x.api.octa.space", "api.octa.space.evil.example", "192.0.2.8"):
        assert ask(told, "GET /network", host).status == 421, host


@pytest.mark.parametrize(
    "name", ["http://a.example", "a.example:80", "a.example/x", "*", "*.example", "", "a b", "é"]
)
def test_what_cannot_be_a_name_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a host"):
        SandboxServer(ports=(0,), allow_hosts=(name,))


def test_the_address_it_listens_at_is_its_own() -> None:
    names = HostNames()
    assert names.include("192.0.2.7:3001", "192.0.2.7")
    assert names.include("[2001:db8:0::7]", "2001:db8::7")
    assert names.include("[fe80::1]", "fe80::1%eth0")
    assert names.include("192.0.2.7", "::ffff:192.0.2.7")
    assert not names.include("192.0.2.8", "192.0.2.7")
    assert not names.include("192.0.2.8", "::ffff:192.0.2.7")
