"""pytest-httpserver: a real server in the test, plain or with TLS."""

# /// script
# dependencies = ["pytest-httpserver"]
# ///

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

import octaspace


@pytest.fixture(scope="session", params=["plain", "tls"])
def httpserver_ssl_context(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> ssl.SSLContext | None:
    """What pytest-httpserver asks for."""
    return tls if request.param == "tls" else None


@pytest.fixture(params=[False, True], ids=["standard", "persistent"])
def client(
    request: pytest.FixtureRequest, httpserver: HTTPServer, authority: tuple[Any, Path]
) -> Iterator[octaspace.Client]:
    with octaspace.Client(
        "sk", base_url=httpserver.url_for(""), keep_alive=request.param, ssl_verify=str(authority[1]),
        retry_interval=0,
    ) as made:  # fmt: skip
        yield made


def test_reads_and_retries(client: octaspace.Client, httpserver: HTTPServer) -> None:
    asked = {"headers": {"Authorization": "sk"}}
    httpserver.expect_ordered_request("/nodes", **asked).respond_with_json({}, status=503)
    httpserver.expect_ordered_request("/nodes", **asked).respond_with_json([{"id": 7}])
    answered = client.nodes.list()
    assert (answered.data, answered.attempts) == ([{"id": 7}], 2)
    httpserver.check()


def test_a_change_is_sent_once(client: octaspace.Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/services/mr", method="POST").respond_with_json({}, status=503)
    with pytest.raises(octaspace.ServiceUnavailableError):
        client.services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    assert [request.json[0]["node_id"] for request, _ in httpserver.log] == [7]


def test_errors(client: octaspace.Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/nodes/9").respond_with_json({"error": "Node not found"}, status=404)
    with pytest.raises(octaspace.NotFoundError, match="Node not found"):
        client.nodes.find(9)
