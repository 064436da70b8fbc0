"""Copies and pickles: values are equal, and objects with sockets refuse and name the alternative."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client, Config, ConfigurationError
from octaspace.request import Request

API = "https://api.octa.space"
KEY = "sk-very-secret-key"

WAYS: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "pickle 2": lambda thing: pickle.dumps(thing, 2),
}
RESOURCES: dict[str, Callable[[Client], Any]] = {
    "accounts": lambda client: client.accounts,
    "nodes": lambda client: client.nodes,
    "sessions": lambda client: client.sessions,
    "services": lambda client: client.services,
    "services.mr": lambda client: client.services.mr,
    "services.vpn": lambda client: client.services.vpn,
    "services.render": lambda client: client.services.render,
    "apps": lambda client: client.apps,
    "network": lambda client: client.network,
    "idle_jobs": lambda client: client.idle_jobs,
}


class OwnClient(Client):
    label = "none"


@pytest.mark.parametrize("kind", [Client, OwnClient])
@pytest.mark.parametrize("way", WAYS)
def test_a_client_refuses_and_names_the_alternative(way: str, kind: type[Client]) -> None:
    with kind(KEY) as client, pytest.raises(TypeError) as caught:
        WAYS[way]([client])
    words = str(caught.value)
    assert words.startswith(kind.__name__)
    assert "Client.from_config(" in words
    assert "config" in words
    assert ("with_options()" in words) is (way == "deepcopy")
    assert KEY not in words


def test_the_alternative_in_the_message_works(requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/nodes", json=[])
    with Client(KEY, max_retries=1) as client:
        config = pickle.loads(pickle.dumps(client.config))
    with Client.from_config(config) as client:
        assert client.nodes.list().data == []
        assert client.config.max_retries == 1
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.headers["Authorization"] == KEY


def test_a_shallow_copy_equals_with_options(requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/nodes", json=[])
    with OwnClient(KEY, keep_alive=True) as client:
        client.label = "mine"
        twin = copy.copy(client)
        assert (type(twin), twin.label, twin.config) == (OwnClient, "mine", client.config)
        twin.close()  # closes nothing of the client's
        assert client.nodes.list().ok
        with pytest.raises(ConfigurationError, match="closed"):
            twin.nodes.list()
        late = copy.copy(client)
    with pytest.raises(ConfigurationError, match="closed"):
        late.nodes.list()


@pytest.mark.parametrize("way", [*WAYS, "copy"])
@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_refuses(name: str, way: str) -> None:
    with Client(KEY) as client:
        resource = RESOURCES[name](client)
        with pytest.raises(TypeError, match=r"octaspace\.Client\.from_config\(\)") as caught:
            {**WAYS, "copy": copy.copy}[way](resource)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("way", [*WAYS, "copy"])
def test_a_session_refuses_and_names_its_uuid(way: str) -> None:
    with Client(KEY) as client, pytest.raises(TypeError, match=r"uuid.* services\.session\(\)") as caught:
        {**WAYS, "copy": copy.copy}[way](client.services.session("u-1"))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "make", [lambda c: c.services.session("u").follow_logs(), lambda c: c.services.mr.rent(node_id=1)]
)
def test_generators_refuse(make: Callable[[Client], Any]) -> None:
    with Client(KEY) as client, pytest.raises(TypeError, match="generator"):
        pickle.dumps(make(client))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
@pytest.mark.parametrize(
    "value",
    [
        Config(api_key=KEY, base_urls=["http://one", "http://two"]),
        Request("POST", "/nodes", params={"a": "1"}, body={"b": [1]}, expects="json"),
        octaspace.types.Node.from_api({"id": 1, "system": {"gpus": [{"model": "A"}]}, "new": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_copied(value: Any, way: Callable[[Any], Any]) -> None:
    again = way(value)
    assert (type(again), again) == (type(value), value)
    assert repr(again) == repr(value)


@pytest.mark.parametrize(
    "kind", [octaspace.types.payloads.Created, octaspace.config.Options, Client, octaspace.Response]
)
def test_classes_are_pickled_by_name(kind: type) -> None:
    assert pickle.loads(pickle.dumps(kind)) is kind
