"""What a rental ledger stores: no key, no environment variable, and a file for its owner only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import octaspace
from octaspace.sandbox import SandboxServer

from ..support.redis_server import RedisServer

KEY = "sk-ledger-0123456789-abcdefghij"
SECRET = "value-of-a-variable"


def rent(sandbox: SandboxServer, url: str) -> str:
    """Record a machine in all states of an entry; returns the uuid of the session."""
    with octaspace.Client(KEY, base_url=sandbox.url, rental_ledger=url) as client:
        with client.services.mr.rent(
            node_id=9101, disk_size=10, image="ubuntu:24.04", envs={"TOKEN": SECRET}, name="nightly"
        ) as session:
            uuid = session.uuid
        client.services.mr.create(
            node_id=9101, disk_size=10, image="ubuntu:24.04", envs={"TOKEN": SECRET}, max_duration=3600
        )
    return uuid


def test_a_file_contains_no_secret(octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
    path = tmp_path / "rentals.db"
    uuid = rent(octaspace_sandbox, f"sqlite:///{path}")
    files = list(tmp_path.iterdir())
    stored = b"".join(file.read_bytes() for file in files)
    assert uuid.encode() in stored
    assert b"nightly" in stored
    for secret in (KEY, KEY[:12], KEY[-12:], SECRET, "TOKEN"):
        assert secret.encode() not in stored
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def test_redis_contains_no_secret(octaspace_sandbox: SandboxServer, server: RedisServer) -> None:
    uuid = rent(octaspace_sandbox, server.url)
    with server.client() as client:
        stored = "".join(
            str(client.hgetall(key) if client.type(key) == "hash" else client.get(key))
            for key in client.scan_iter()
        )
    assert uuid in stored
    for secret in (KEY, KEY[:12], KEY[-12:], SECRET, "TOKEN"):
        assert secret not in stored
