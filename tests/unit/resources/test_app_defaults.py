"""`mr.create(app=…)`: what is not given comes from the app's entry in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.sandbox import SandboxServer

from .conftest import API

APP = "249b4cb3-3db1-4c06-98a4-772ba88cd81c"
ENTRY: dict[str, Any] = {
    "uuid": APP,
    "image": "example/diffusion:2.1",
    "ports": "[5000,6000]",  # Q3
    "http_ports": [8080],
    "start_command": "./run.sh",
    "envs": {"CLI_ARGS": "--listen", "EMPTY": ""},
    "extra": {"min_disk_size": 60},
}
INHERITED: dict[str, Any] = {
    "id": 0,
    "node_id": 9101,
    "app": APP,
    "image": "example/diffusion:2.1",
    "disk_size": 60,
    "envs": {"CLI_ARGS": "--listen", "EMPTY": ""},
    "ports": [5000, 6000],
    "http_ports": [8080],
    "start_command": "./run.sh",
    "entrypoint": "",
}


@pytest.fixture
def api(requests_mock: requests_mock.Mocker) -> requests_mock.Mocker:
    requests_mock.get(f"{API}/apps", json=[{"uuid": "another", "image": "no"}, "odd", ENTRY])
    requests_mock.post(f"{API}/services/mr", json=[{"uuid": "u-1"}])
    return requests_mock


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"disk_size": 100},
        {"image": "mine:1"},
        {"envs": {"MINE": "1"}},
        {"envs": {}},
        {"ports": []},
        {"http_ports": [1, 2]},
        {"start_command": "sleep 9"},
        {"disk_size": 1, "image": "mine:1"},
    ],
    ids=str,
)
def test_what_is_not_given_is_inherited(
    given: dict[str, Any], client: Client, api: requests_mock.Mocker
) -> None:
    client.services.mr.create(node_id=9101, app=APP, **given)
    assert [(sent.method, sent.path) for sent in api.request_history] == [
        ("GET", "/apps"), ("POST", "/services/mr"),
    ]  # fmt: skip
    assert api.last_request is not None
    assert api.last_request.json() == [{**INHERITED, **given}]


def test_nothing_is_read_when_everything_is_given(client: Client, api: requests_mock.Mocker) -> None:
    given: dict[str, Any] = {"disk_size": 1, "image": "i", "envs": {}, "ports": [], "http_ports": []}
    client.services.mr.create(node_id=9101, app=APP, **given)
    client.services.mr.create(node_id=9101, disk_size=1, image="i")
    assert [sent.method for sent in api.request_history] == ["POST", "POST"]


def test_rent_inherits_as_well(client: Client, api: requests_mock.Mocker) -> None:
    api.post(f"{API}/services/u-1/stop", json={})
    with client.services.mr.rent(node_id=9101, app=APP):
        assert api.last_request is not None
        assert api.last_request.json() == [INHERITED]


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        ({"N": 3, "T": True, "F": False, "NULL": None}, {"N": "3", "T": "true", "F": "false", "NULL": ""}),
        ('{"A": "b"}', {"A": "b"}),
        ("", {}), ("{}", {}), ("{ }", {}), ("null", {}), ([], {}), (None, {}),
    ],
    ids=str,
)  # fmt: skip
def test_q27_envs_of_every_kind_are_inherited(
    raw: Any, sent: dict[str, str], client: Client, api: requests_mock.Mocker
) -> None:
    api.get(f"{API}/apps", json=[{**ENTRY, "envs": raw}])
    client.services.mr.create(node_id=9101, app=APP)
    assert api.last_request is not None
    assert api.last_request.json()[0]["envs"] == sent


def test_an_image_under_its_other_name(client: Client, api: requests_mock.Mocker) -> None:
    api.get(f"{API}/apps", json=[{"uuid": APP, "docker_image": "other:1", "extra": {"min_disk_size": "5"}}])
    client.services.mr.create(node_id=9101, app=APP)
    assert api.last_request is not None
    (item,) = api.last_request.json()
    assert (item["image"], item["disk_size"], item["envs"], item["ports"]) == ("other:1", 5, {}, [])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"uuid": APP, "image": "i"}, "disk_size"),
        ({"uuid": APP, "extra": {"min_disk_size": 5}}, "image"),
        ({**ENTRY, "extra": {"min_disk_size": 0}}, "disk_size .* not 0"),
        ({**ENTRY, "extra": {"min_disk_size": "much"}}, "disk_size"),
        ({**ENTRY, "image": ""}, "image"),
        ({**ENTRY, "image": " ", "docker_image": ""}, "image"),
        ({**ENTRY, "image": ["a"]}, "image"),
        ({**ENTRY, "envs": {"A": {"x": 1}}}, "envs .*'x'"),
        ({**ENTRY, "envs": ["A=b"]}, "envs .*A=b"),
        ({**ENTRY, "envs": "A=b"}, "envs .*A=b"),
        ({**ENTRY, "envs": 7}, "envs .* 7"),
        ({**ENTRY, "envs": '{"A": "x", "B": [1]}'}, "envs .*B"),
        ({**ENTRY, "envs": "[1]"}, "envs"),
        ({**ENTRY, "envs": {"A=B": "c"}}, "envs .*A=B"),
        ({**ENTRY, "ports": [0]}, "ports .* not 0"),
        ({**ENTRY, "start_command": ["a", "b"]}, "start_command"),
    ],
)
def test_an_entry_that_cannot_be_used_rents_nothing(
    entry: dict[str, Any], words: str, client: Client, api: requests_mock.Mocker
) -> None:
    api.get(f"{API}/apps", json=[entry])
    with pytest.raises(octaspace.UnexpectedShapeError, match=words) as caught:
        client.services.mr.create(node_id=9101, app=APP)
    error = caught.value
    assert APP in str(error)
    assert (error.type_name, error.outcome_unknown) == ("App", False)
    assert str(error.field).removeprefix("min_") == words.split()[0]
    assert [sent.method for sent in api.request_history] == ["GET"]


def test_an_app_that_is_not_in_the_catalogue_is_a_wrong_argument(
    client: Client, api: requests_mock.Mocker
) -> None:
    api.get(f"{API}/apps", json=[{"uuid": "another"}])
    with pytest.raises(ValueError, match="not in the catalogue"):
        client.services.mr.create(node_id=9101, app=APP)
    assert [sent.method for sent in api.request_history] == ["GET"]


def test_a_catalogue_that_is_no_list(client: Client, api: requests_mock.Mocker) -> None:
    api.get(f"{API}/apps", json={"apps": [ENTRY]})
    with pytest.raises(octaspace.UnexpectedShapeError, match="GET /apps") as caught:
        client.services.mr.create(node_id=9101, app=APP)
    assert (caught.value.type_name, caught.value.field) == ("App", None)
    assert [sent.method for sent in api.request_history] == ["GET"]


def test_the_key_is_not_in_the_error_about_an_entry(api: requests_mock.Mocker) -> None:
    key = "sk-0123456789abcdef0123456789"
    api.get(f"{API}/apps", json=[{**ENTRY, "envs": f"A={key}"}])
    with Client(key) as client, pytest.raises(octaspace.UnexpectedShapeError, match="envs") as caught:
        client.services.mr.create(node_id=9101, app=APP)
    assert key[:12] not in f"{caught.value} {caught.value.value}"


@pytest.mark.parametrize("given", [{"disk_size": "10"}, {"image": ""}, {"ports": [0]}, {"start_command": 7}])
def test_a_mistake_costs_no_request(given: dict[str, Any], client: Client, api: requests_mock.Mocker) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        client.services.mr.create(node_id=9101, app=APP, **given)
    with pytest.raises(ValueError, match="app"):
        client.services.mr.create(node_id=9101, app=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="disk_size must"):
        client.services.mr.create(node_id=9101)
    assert api.call_count == 0


@pytest.mark.parametrize("answer", [{"status_code": 500}, {"text": "<html>"}], ids=["500", "HTML"])
def test_a_catalogue_that_cannot_be_read_rents_nothing(
    answer: dict[str, Any], client: Client, api: requests_mock.Mocker
) -> None:
    api.get(f"{API}/apps", **answer)
    with pytest.raises(octaspace.ApiError, match="GET /apps") as caught:
        client.services.mr.create(node_id=9101, app=APP)
    assert not caught.value.outcome_unknown
    assert {sent.method for sent in api.request_history} == {"GET"}


def test_against_the_sandbox(sandbox: SandboxServer, sandbox_client: Client) -> None:
    catalogue = sandbox_client.apps.list().data
    app = next(item for item in catalogue if item["envs"] and item.get("ports") not in (None, "[]", []))
    offer = sandbox_client.services.mr.search()[0]
    with sandbox_client.services.mr.rent(node_id=offer.node_id, app=app["uuid"]) as session:
        info = session.info().data
    assert info["app_name"] == app["name"]
    rented = [entry for entry in sandbox.journal.entries() if entry.operation == "rent_machines"]
    assert [entry.carried_out for entry in rented] == [True]
