"""Replacements of resources and methods in users' tests are used, and removed afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any
from unittest.mock import DEFAULT, Mock, create_autospec, patch

import pytest
import requests_mock

import octaspace
from octaspace import Client, Response, resources
from octaspace.resources.services import MachineRentals, RenderNodes, Session, VpnRelays

API = "https://api.octa.space"

#: Where each resource of a client is, and a method of it.
METHODS = [
    ("accounts", "balance", resources.Accounts),
    ("nodes", "list", resources.Nodes),
    ("sessions", "list", resources.Sessions),
    ("services", "session", resources.Services),
    ("services.mr", "create", MachineRentals),
    ("services.vpn", "create", VpnRelays),
    ("services.render", "create", RenderNodes),
    ("apps", "list", resources.Apps),
    ("network", "info", resources.Network),
    ("idle_jobs", "find", resources.IdleJobs),
]


def at(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name)
    return client


@pytest.fixture
def client(requests_mock: requests_mock.Mocker) -> Iterator[Client]:
    """A client of an API with only GET /nodes."""
    requests_mock.get(f"{API}/nodes", json=[{"id": 1}])
    with Client("sk-secret") as client:
        yield client


@pytest.mark.parametrize("autospec", [False, True], ids=["mock", "autospec"])
@pytest.mark.parametrize(("path", "method", "kind"), METHODS, ids=[path for path, _, _ in METHODS])
def test_a_method_of_a_resource(path: str, method: str, kind: type, autospec: bool, client: Client) -> None:
    other = Client("sk-other")
    with patch.object(at(client, path), method, autospec=autospec) as mock:
        assert getattr(at(client, path), method) is mock
        assert getattr(at(client.with_options(max_retries=0), path), method) is mock
        assert getattr(at(other, path), method) != mock
    for each in (client, client.with_options(max_retries=0), other):
        assert getattr(at(each, path), method).__func__ is vars(kind)[method]
    other.close()


def test_the_answer_of_a_mock_is_what_the_app_gets(client: Client) -> None:
    answer = Response(status=200, headers={}, data=[{"id": 7}])
    with patch.object(client.nodes, "list", return_value=answer) as mock:
        assert client.nodes.list(state="online").data == [{"id": 7}]
    mock.assert_called_once_with(state="online")
    assert client.nodes.list().data == [{"id": 1}]


def test_several_at_once_and_one_inside_of_another(client: Client) -> None:
    before = vars(client.nodes).copy()
    with patch.multiple(client.nodes, list=DEFAULT, find=DEFAULT) as mocks:
        with patch.object(client.nodes, "list") as inner:
            assert (client.nodes.list, client.nodes.find) == (inner, mocks["find"])
        assert (client.nodes.list, client.nodes.find) == (mocks["list"], mocks["find"])
    assert vars(client.nodes) == before == {}


def test_monkeypatch(client: Client) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client.nodes, "list", lambda: "nodes")
        patched.setattr(client, "network", "network")
        assert (client.nodes.list(), client.network) == ("nodes", "network")
    assert client.nodes.list().data == [{"id": 1}]
    assert isinstance(client.network, resources.Network)


@pytest.mark.parametrize(("path", "kind"), [(path, kind) for path, _, kind in METHODS])
def test_a_whole_resource(path: str, kind: type, client: Client) -> None:
    whole, _, name = path.rpartition(".")
    owner = at(client, whole) if whole else client
    with patch.object(owner, name, create_autospec(kind, instance=True)) as mock:
        assert at(client, path) is mock
        assert at(client.with_options(max_retries=0), path) is mock
        assert isinstance(at(client, path), kind)
    assert type(at(client, path)) is kind


def test_a_resource_of_every_client(client: Client) -> None:
    with patch.object(Client, "nodes") as mock:
        assert client.nodes is Client("sk").nodes is mock
    assert isinstance(client.nodes, resources.Nodes)
    with patch("octaspace.Client.nodes.list", autospec=True, return_value="nodes") as method:
        assert (client.nodes.list(state="online"), Client("sk").nodes.list()) == ("nodes", "nodes")
        assert method.call_count == 2
    assert client.nodes.list().data == [{"id": 1}]
    with patch.object(Client, "send", return_value="sent") as send:
        assert client.services.session("u-1").stop.__self__.info() == "sent"  # type: ignore[attr-defined]
        assert send.call_args.args[0].path == "/services/u-1/info"


def test_a_session(client: Client) -> None:
    session = client.services.session("u-1")
    with patch.object(session, "stop") as stop:
        session.stop(score=5)
        stop.assert_called_once_with(score=5)
        # Another session is another object, with the same uuid too.
        assert client.services.session("u-1").stop != stop
    assert session.stop.__func__ is Session.stop  # type: ignore[attr-defined]
    made = create_autospec(Session, instance=True)
    with patch.object(client.services, "session", return_value=made):
        client.services.session("u-1").stop()
    made.stop.assert_called_once_with()


def test_rent_uses_a_patched_create(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(f"{API}/services/u-1/stop", json={})
    answer = Response(status=200, headers={}, data=[{"uuid": "u-1"}])
    mr = client.services.mr
    with (
        patch.object(client.services.mr, "create", return_value=answer) as create,
        mr.rent(node_id=1, disk_size=10, image="i") as session,
    ):
        assert session.uuid == "u-1"
    assert create.call_args.kwargs["node_id"] == 1
    assert [sent.path for sent in requests_mock.request_history] == ["/services/u-1/stop"]


@pytest.mark.parametrize("spec_set", [False, True], ids=["spec", "spec_set"])
def test_autospec_of_a_client(spec_set: bool) -> None:
    mock = create_autospec(Client, instance=True, spec_set=spec_set)
    assert isinstance(mock, Client)
    assert isinstance(mock.nodes, resources.Nodes)
    mock.nodes.find.return_value = Response(status=200, headers={}, data={"id": 1})
    assert mock.nodes.find(1).data == {"id": 1}
    mock.services.mr.create(node_id=1, disk_size=10, image="i")
    with pytest.raises(TypeError, match="node_id"):
        mock.services.mr.create(nod_id=1)
    with pytest.raises(TypeError, match="id"):
        mock.nodes.find()
    with pytest.raises(AttributeError, match="no_such"):
        mock.nodes.no_such  # noqa: B018
    with pytest.raises(AttributeError, match="no_such"):
        mock.no_such  # noqa: B018
    if spec_set:
        with pytest.raises(AttributeError, match="no_such"):
            mock.nodes.no_such = 1


def test_autospec_of_the_class() -> None:
    with patch("octaspace.Client", autospec=True) as kind:
        with octaspace.Client("sk", keep_alive=True) as client:
            client.__enter__.return_value.nodes.list.return_value = "nodes"
        kind.assert_called_once_with("sk", keep_alive=True)
        assert kind.return_value.nodes.list(state="online") is not None
        kind.return_value.nodes.list.assert_called_once_with(state="online")


def test_a_resource_in_place_of_none_of_its_names(client: Client) -> None:
    with pytest.raises(AttributeError, match="lst"):
        patch.object(client.nodes, "lst").start()


def test_a_patched_client_is_freed_at_once(client: Client) -> None:
    short_lived = Client("sk")
    reference = weakref.ref(short_lived)
    short_lived.nodes.list = Mock()  # type: ignore[method-assign]
    gc.disable()
    try:
        del short_lived
        assert reference() is None
    finally:
        gc.enable()
