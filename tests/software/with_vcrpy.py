"""vcrpy's cassettes: what is not on one is not sent, and what was recorded is played back."""

# /// script
# dependencies = ["vcrpy"]
# ///

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException
from yaml.representer import RepresenterError

import octaspace
from tests.support.fault_server import answer, echo
from tests.wire.conftest import ServerFactory

from .conftest import Secure
from .programs import run

#: A cassette is a file in a repository: the key does not belong into it.
CASSETTES = vcr.VCR(filter_headers=["authorization"])
RENTAL: dict[str, Any] = {"node_id": 7, "disk_size": 10, "image": "ubuntu:24.04"}
ClientOf = Callable[..., octaspace.Client]


@pytest.fixture(params=[False, True], ids=["standard", "persistent"])
def client_of(request: pytest.FixtureRequest, way: Secure) -> Iterator[ClientOf]:
    clients = []

    def make(url: str, **options: Any) -> octaspace.Client:
        options = {"keep_alive": request.param, "max_retries": 0, **way.options, **options}
        clients.append(octaspace.Client("sk-secret", base_url=url, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(params=[False, True], ids=["new", "used"])
def used(request: pytest.FixtureRequest) -> bool:
    """Whether the client has been used before the cassette is put in."""
    return bool(request.param)


def test_nothing_of_a_change_reaches_the_server(
    way: Secure, client_of: ClientOf, used: bool, tmp_path: Path
) -> None:
    server = way.server(after=echo)
    client = client_of(server.url)
    if used:
        client.network.info()
    with (
        CASSETTES.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        client.services.mr.create(**RENTAL)
    assert [arrival.method for arrival in server.journal] == ["GET"] * used
    assert client.send(octaspace.Request("POST", "/after")).data["path"] == "/after"


def test_what_was_recorded_is_played_back(
    way: Secure, client_of: ClientOf, used: bool, tmp_path: Path
) -> None:
    server = way.server(after=echo)
    client = client_of(server.url)
    if used:
        client.network.info()
    cassette = str(tmp_path / "reads.yaml")
    with CASSETTES.use_cassette(cassette):
        recorded = [client.send(octaspace.Request("GET", f"/{path}")).data["path"] for path in "abc"]
    sent = len(server.journal)
    with CASSETTES.use_cassette(cassette, record_mode="none") as played:
        assert [client.send(octaspace.Request("GET", f"/{path}")).data["path"] for path in "abc"] == recorded
        assert played.all_played
    assert len(server.journal) == sent == 3 + used
    assert client.send(octaspace.Request("GET", "/after")).data["path"] == "/after"
    assert "sk-secret" not in Path(cassette).read_text()


def test_compressed_answers(way: Secure, client_of: ClientOf, tmp_path: Path) -> None:
    body = gzip.compress(b'[{"id": 7}]')
    server = way.server(after=answer(body=body, headers={"Content-Encoding": "gzip"}))
    client = client_of(server.url)
    for _ in range(2):
        with CASSETTES.use_cassette(str(tmp_path / "compressed.yaml")):
            assert client.nodes.list().data == [{"id": 7}]
    assert len(server.journal) == 1


def test_errors_are_played_back(way: Secure, client_of: ClientOf, tmp_path: Path) -> None:
    server = way.server(after=answer({"error": "Node not found"}, status=404))
    client = client_of(server.url)
    for _ in range(2):
        with (
            CASSETTES.use_cassette(str(tmp_path / "errors.yaml")),
            pytest.raises(octaspace.NotFoundError, match="Node not found"),
        ):
            client.nodes.find(9)
    assert len(server.journal) == 1


def test_a_server_that_refuses_while_recording(way: Secure, client_of: ClientOf, tmp_path: Path) -> None:
    server = way.server(after=echo)
    client = client_of(server.url)
    server.refuse()
    with CASSETTES.use_cassette(str(tmp_path / "refused.yaml")), pytest.raises(octaspace.ConnectionError):
        client.nodes.list()


def test_a_change_is_recorded_once_and_played_back(way: Secure, client_of: ClientOf, tmp_path: Path) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    server = way.server(after=answer([{"uuid": uuid}]))
    client = client_of(server.url)
    for _ in range(2):
        with CASSETTES.use_cassette(str(tmp_path / "change.yaml"), match_on=["method", "uri", "body"]):
            assert client.services.mr.create(**RENTAL).data == [{"uuid": uuid}]
    assert [json.loads(arrival.body)[0]["node_id"] for arrival in server.journal] == [7]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the vcrpy for this Python saves whatever it is given")
def test_a_cassette_with_the_key_is_not_saved(serve: ServerFactory, tmp_path: Path) -> None:
    server = serve(after=echo)
    cassette = tmp_path / "key.yaml"
    with (
        octaspace.Client("sk-secret", base_url=server.url) as client,
        pytest.raises(RepresenterError, match="Cassette not saved"),
        vcr.use_cassette(str(cassette)),
    ):
        client.send(octaspace.Request("GET", "/a"))
    assert not cassette.exists() or "sk-secret" not in cassette.read_text()


IMPORTED_INSIDE = """
import json, sys, vcr
with vcr.use_cassette(sys.argv[2], record_mode="none", filter_headers=["authorization"]):
    import octaspace
    client = octaspace.Client("sk", base_url=sys.argv[1], keep_alive=True, max_retries=0)
    try:
        client.send(octaspace.Request("POST", "/inside"))
    except vcr.errors.CannotOverwriteExistingCassetteException:
        pass
print(json.dumps([client.send(octaspace.Request("POST", "/outside")).data["path"], client.transport_stats()]))
"""


def test_octaspace_imported_inside_of_a_cassette(serve: ServerFactory, tmp_path: Path) -> None:
    server = serve(after=echo)
    path, stats = run(IMPORTED_INSIDE, arguments=(server.url, str(tmp_path / "inside.yaml")))
    assert path == "/outside"
    assert [arrival.path for arrival in server.journal] == ["/outside"]
    assert stats["pools"][server.url]["created"] == 1  # its connections are its own again
