"""nginx as people configure it: compression, connections that end early, other versions of HTTP and TLS."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import octaspace
from octaspace.sandbox import SandboxServer
from tests.support.waiting import until

from .calls import created, read_everything, rent
from .conftest import SPACE, Front
from .connections import ended_by_peer

#: Makes an nginx module process each body, which removes its Content-Length.
REWRITTEN = "sub_filter_types *; sub_filter never-there never-there;"

#: Directives, and their visible effect on answers.
ANSWERS: dict[str, tuple[str, dict[str, str | None]]] = {
    "gzip": (
        "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
        {"content-encoding": "gzip", "transfer-encoding": "chunked"},
    ),
    "chunked": (REWRITTEN, {"transfer-encoding": "chunked", "content-length": None}),
    "until the connection ends": (
        REWRITTEN + "chunked_transfer_encoding off;",
        {"transfer-encoding": None, "content-length": None},
    ),
    "http/1.0 upstream": ("proxy_http_version 1.0;", {"content-length": "there"}),
    "http/1.1 upstream": ('proxy_http_version 1.1; proxy_set_header Connection "";', {}),
    "no buffers": ("proxy_buffering off; proxy_request_buffering off;", {}),
    "small buffers": ("proxy_buffer_size 1k; proxy_buffers 4 1k; proxy_busy_buffers_size 2k;", {}),
}


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("variant", list(ANSWERS))
def test_every_read(front: Front, sandbox: SandboxServer, variant: str, keep_alive: bool) -> None:
    directives, fields = ANSWERS[variant]
    with octaspace.Client("key") as client:
        front()
        plain = read_everything(client)
    before = len(sandbox.journal.entries())
    nginx = front(location=directives)
    with octaspace.Client("key", keep_alive=keep_alive, max_retries=0) as client:
        answers = read_everything(client)
        for number in range(3):
            assert rent(client, str(number)).attempts == 1
    for name, expected in fields.items():
        found = {answer.headers.get(name) for answer in answers.values()}
        assert found == {expected} or (expected == "there" and None not in found)
    for name in ("apps.list", "nodes.download_ident", "idle_jobs.find"):  # answers that do not depend on time
        assert answers[name].data == plain[name].data
    assert len(set(created(sandbox))) == len(created(sandbox)) == 3
    until(lambda: len(nginx.served()) == len(sandbox.journal.entries()) - before)
    connections = {line.connection for line in nginx.served()}
    kept = keep_alive and variant != "until the connection ends"
    assert len(connections) == (1 if kept else len(nginx.served()))


@pytest.mark.parametrize("gzip", [False, True])
def test_a_large_download(front: Front, sandbox: SandboxServer, tmp_path: Path, gzip: bool) -> None:
    sandbox.reset(dataset="large")
    front(location=ANSWERS["gzip"][0] if gzip else "")
    with octaspace.Client("key", keep_alive=True) as client:
        nodes = client.nodes.list().data
        assert len(nodes) == 700
        node = nodes[0]["id"]
        path = client.nodes.download_logs(node, to=tmp_path / "logs").data
        assert Path(path).read_bytes() == client.nodes.download_logs(node).data


def test_a_connection_serves_two_requests(front: Front, sandbox: SandboxServer) -> None:
    nginx = front(directives="keepalive_requests 2;")
    with octaspace.Client("key", keep_alive=True, max_retries=0) as client:
        for number in range(10):
            assert rent(client, str(number)).attempts == 1
        assert client.transport_stats()["pools"][f"https://{SPACE}"]["created"] == 5
    assert len(set(created(sandbox))) == len(created(sandbox)) == 10
    until(lambda: len(nginx.served()) == 10)
    assert [line.number for line in nginx.served()] == [1, 2] * 5


def test_idle_connection_closed_by_the_server(front: Front, sandbox: SandboxServer) -> None:
    nginx = front(directives="keepalive_timeout 50ms;")
    with octaspace.Client("key", keep_alive=True, max_retries=0) as client:
        for number in range(3):
            client.nodes.list()
            until(lambda: ended_by_peer(nginx.address, 443))
            assert rent(client, str(number)).attempts == 1
            until(lambda: ended_by_peer(nginx.address, 443))
    assert len(created(sandbox)) == 3


def test_the_server_ends_connections_while_they_are_used(front: Front, sandbox: SandboxServer) -> None:
    """A request and the end of its connection overlap; then a read is retried, and a change never is."""
    front(directives="keepalive_timeout 2ms;")
    made, unknown = [], 0
    pause = threading.Event()
    with octaspace.Client("key", keep_alive=True, max_retries=0) as client:
        for number in range(60):
            assert client.nodes.find(9001).ok
            pause.wait(0.002)
            try:
                made.append(rent(client, str(number)).data[0]["uuid"])
            except octaspace.ConnectionError as error:
                assert error.outcome_unknown
                unknown += 1
    bodies = created(sandbox)
    assert len(set(bodies)) == len(bodies)
    assert len(made) <= len(bodies) <= len(made) + unknown == 60


@pytest.mark.parametrize(
    "directives", ["ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.3;", "ssl_session_tickets off;"]
)
def test_versions_of_tls(front: Front, sandbox: SandboxServer, directives: str) -> None:
    front(directives=directives)
    with octaspace.Client("key", keep_alive=True) as client:
        read_everything(client)
        assert rent(client).ok
    assert len(created(sandbox)) == 1


def test_a_server_that_speaks_http_2_as_well(front: Front, sandbox: SandboxServer) -> None:
    front(listening="ssl http2")
    with octaspace.Client("key", keep_alive=True) as client:
        read_everything(client)
        assert rent(client).ok
    assert len(created(sandbox)) == 1


def test_port_80_redirects_to_https(front: Front, sandbox: SandboxServer) -> None:
    front(location=f"return 301 https://{SPACE}$request_uri;", plain=True)
    with (
        octaspace.Client("key", base_url=f"http://{SPACE}") as client,
        pytest.raises(octaspace.ApiError, match=f"https://{SPACE}/nodes") as caught,
    ):
        client.nodes.list()
    assert caught.value.status == 301
    assert sandbox.journal.entries() == [], "the key is not sent on"


def test_a_body_that_is_too_large_for_nginx(front: Front, sandbox: SandboxServer) -> None:
    front(directives="client_max_body_size 1k;")
    with octaspace.Client("key") as client, pytest.raises(octaspace.ApiError) as caught:
        rent(client, "x" * 5000)
    assert caught.value.status == 413
    assert created(sandbox) == []


def test_nginx_limits_the_rate(front: Front, sandbox: SandboxServer) -> None:
    front(http="limit_req_zone $server_name zone=all:1m rate=1r/m;", location="limit_req zone=all;")
    with octaspace.Client("key", max_retries=1, retry_interval=0) as client:
        assert client.network.info().ok
        with pytest.raises(octaspace.ServiceUnavailableError) as caught:
            client.network.info()
        assert caught.value.attempts == 2
    assert len(sandbox.journal.entries()) == 1
