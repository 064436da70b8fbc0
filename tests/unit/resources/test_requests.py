"""Each method of the contract's table, and what it puts on the wire."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.resources.resource import Resource

from .conftest import API

Call = Callable[[Client], Any]

#: Method, path with query, JSON body, whether the key is sent, and the call.
TABLE: list[tuple[str, str, Any, bool, Call]] = [
    ("GET", "/accounts", None, True, lambda c: c.accounts.profile()),
    ("GET", "/accounts/balance", None, True, lambda c: c.accounts.balance()),
    ("POST", "/accounts", None, True, lambda c: c.accounts.generate_wallet()),
    ("GET", "/nodes", None, True, lambda c: c.nodes.list()),
    ("GET", "/nodes?state=online&all=true&min=2", None, True,
     lambda c: c.nodes.list(state="online", all=True, min=2, city=None)),
    ("GET", "/nodes/9001", None, True, lambda c: c.nodes.find(9001)),
    ("GET", "/nodes/a%2Fb%20c", None, True, lambda c: c.nodes.find("a/b c")),
    ("GET", "/nodes/9001/ident", None, True, lambda c: c.nodes.download_ident(9001)),
    ("GET", "/nodes/9001/logs", None, True, lambda c: c.nodes.download_logs(9001)),
    ("PATCH", "/nodes/9001/prices", {"base": 2 * 10**18, "traffic": "5"}, True,
     lambda c: c.nodes.update_prices(9001, base=octaspace.octa_to_wei(2), traffic="5")),
    ("PATCH", "/nodes/9001/prices", {"base": 0.5, "storage": "0.5", "traffic": 20}, True,
     lambda c: c.nodes.update_prices(9001, base=0.5, storage="0.5", traffic=20)),
    ("PATCH", "/nodes/9001/prices", {"gpu_hour": 0.5, "cpu_hour": 0}, True,
     lambda c: c.nodes.update_prices(9001, gpu_hour=0.5, cpu_hour=0)),
    ("GET", "/nodes/9001/reboot", None, True, lambda c: c.nodes.reboot(9001)),
    ("GET", "/sessions", None, True, lambda c: c.sessions.list()),
    ("GET", "/sessions?recent=true", None, True, lambda c: c.sessions.list(recent=True)),
    ("GET", "/sessions?recent=false&node_id=7", None, True,
     lambda c: c.sessions.list(recent=False, node_id=7)),
    ("GET", "/services/u-1/info", None, True, lambda c: c.services.session("u-1").info()),
    ("GET", "/services/u-1/logs", None, True, lambda c: c.services.session("u-1").logs()),
    ("GET", "/services/u-1/logs?recent=true", None, True,
     lambda c: c.services.session("u-1").logs(recent=True)),
    ("POST", "/services/u-1/stop", None, True, lambda c: c.services.session("u-1").stop()),
    ("POST", "/services/u-1/stop", {"score": 5}, True, lambda c: c.services.session("u-1").stop(score=5)),
    ("GET", "/services/mr", None, True, lambda c: c.services.mr.list()),
    ("GET", "/services/mr?gpu=RTX+4090", None, True, lambda c: c.services.mr.list(gpu="RTX 4090")),
    ("POST", "/services/mr",
     [{"id": 0, "node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04", "app": "", "envs": {}, "ports": [],
       "http_ports": [], "start_command": "", "entrypoint": ""}], True,
     lambda c: c.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04")),
    ("POST", "/services/mr",
     [{"id": 0, "node_id": 1, "disk_size": 2, "image": "i", "app": "a", "envs": {"A": "b"}, "ports": [22],
       "http_ports": [80], "start_command": "s", "entrypoint": "e", "organization_id": 3, "project_id": 4}],
     True,
     lambda c: c.services.mr.create(node_id=1, disk_size=2, image="i", app="a", envs={"A": "b"}, ports=(22,),
                                    http_ports=[80], start_command="s", entrypoint="e", organization_id=3,
                                    project_id=4)),
    ("GET", "/services/vpn?country=DE", None, True, lambda c: c.services.vpn.list(country="DE")),
    ("POST", "/services/vpn", {"node_id": 9301, "subkind": "wg"}, True,
     lambda c: c.services.vpn.create(node_id=9301)),
    ("POST", "/services/vpn", {"node_id": 9301, "subkind": "v2ray", "protocol": "vless"}, True,
     lambda c: c.services.vpn.create(node_id=9301, subkind="v2ray", protocol="vless")),
    ("GET", "/services/render", None, True, lambda c: c.services.render.list()),
    ("POST", "/services/render", {"node_id": 9121, "disk_size": 50}, True,
     lambda c: c.services.render.create(node_id=9121, disk_size=50)),
    ("POST", "/services/render",
     {"node_id": 9121, "disk_size": 50, "envs": {"A": "b"}, "multi-gpu-worker": True}, True,
     lambda c: c.services.render.create(node_id=9121, disk_size=50, envs={"A": "b"}, multi_gpu_worker=True)),
    ("GET", "/apps", None, True, lambda c: c.apps.list()),
    ("GET", "/network", None, False, lambda c: c.network.info()),
    ("GET", "/idle_jobs/69/42", None, True, lambda c: c.idle_jobs.find(node_id=69, job_id=42)),
    ("GET", "/idle_jobs/69/42/logs", None, True, lambda c: c.idle_jobs.logs(node_id=69, job_id=42)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "call"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE]
)
def test_the_request_on_the_wire(
    method: str,
    path: str,
    body: Any,
    key: bool,
    call: Call,
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    answer = {"uuid": "u-1", "ok": 2**70}
    requests_mock.register_uri(method, f"{API}{path.partition('?')[0]}", json=answer)
    response = call(client)
    sent = requests_mock.last_request
    assert sent is not None
    assert requests_mock.call_count == 1
    assert (sent.method, sent.url) == (method, API + path)
    assert sent.headers.get("Authorization") == ("sk-secret" if key else None)
    assert (sent.json() if sent.body else None) == body
    assert response.data == (response.body if _is_download(path) else answer)


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [(method, path, call) for method, path, _, _, call in TABLE],
    ids=[f"{row[0]} {row[1]}" for row in TABLE],
)
def test_what_changes_something_is_sent_once_and_what_reads_is_tried_again(
    method: str, path: str, call: Call, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.register_uri(method, f"{API}{path.partition('?')[0]}", status_code=503)
    with pytest.raises(octaspace.ServiceUnavailableError) as caught:
        call(client)
    changes = method != "GET" or path.endswith("/reboot")
    assert requests_mock.call_count == (1 if changes else 3)
    assert caught.value.attempts == requests_mock.call_count
    assert caught.value.outcome_unknown is changes


def _is_download(path: str) -> bool:
    return path.startswith("/nodes") and path.endswith(("/ident", "/logs"))


#: Bodies of a 2xx that are not JSON for a method to return.
UNEXPECTED: dict[str, dict[str, Any]] = {
    "HTML": {"text": "<html>sk-secret</html>", "headers": {"Content-Type": "text/html"}},
    "text": {"text": "ok", "headers": {"Content-Type": "text/plain"}},
    "HTML without a type": {"text": "<html>"},
    "bytes": {"content": b"\x89PNG\r\n", "headers": {"Content-Type": "image/png"}},
    "bad JSON": {"text": "{", "headers": {"Content-Type": "application/json"}},
    "nothing": {"text": "", "headers": {"Content-Type": "application/json"}},
    "204": {"status_code": 204},
    "null": {"json": None},
    "a number": {"json": 7},
}
#: What these may answer all the same: they confirm.
MAY_BE_EMPTY = ("/stop", "/reboot", "/prices")


@pytest.mark.parametrize("name", UNEXPECTED)
@pytest.mark.parametrize(
    ("method", "path", "call"),
    [(method, path, call) for method, path, _, _, call in TABLE if not _is_download(path)],
    ids=[f"{row[0]} {row[1]}" for row in TABLE if not _is_download(row[1])],
)
def test_a_2xx_without_json_is_an_error(
    method: str, path: str, call: Call, name: str, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.register_uri(method, f"{API}{path.partition('?')[0]}", **UNEXPECTED[name])
    if path.endswith(MAY_BE_EMPTY) and name in ("nothing", "204", "null", "a number"):
        assert call(client).data == (7 if name == "a number" else None)
        return
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        call(client)
    error = caught.value
    assert error.status in (200, 204)
    assert error.outcome_unknown is (method != "GET" or path.endswith("/reboot"))
    assert str(error).startswith(f"{method} {path.partition('?')[0]}: {error.status}, but ")
    assert "sk-secret" not in str(error)
    assert str(error).isprintable()
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "data", [{"error": "not with sk-secret"}, [{"message": "INTERNAL_ERROR"}], {"ok": False}]
)
@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("POST", "/accounts", lambda c: c.accounts.generate_wallet()),
        ("GET", "/nodes/7/reboot", lambda c: c.nodes.reboot(7)),
        ("PATCH", "/nodes/7/prices", lambda c: c.nodes.update_prices(7, base=1)),
        ("POST", "/services/u-1/stop", lambda c: c.services.session("u-1").stop()),
    ],
)
def test_an_error_inside_a_2xx_confirms_nothing(
    method: str, path: str, call: Call, data: Any, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.register_uri(method, f"{API}{path}", json=data)
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        call(client)
    assert caught.value.outcome_unknown
    assert str(caught.value).startswith(f"{method} {path}: 200, but ")
    assert "sk-secret" not in str(caught.value)
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/html; charset=utf-8", "application/octet-stream"]
)
def test_json_of_another_content_type_is_read_where_json_is_expected(
    content_type: str, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(f"{API}/accounts", text='{"uid": 7}', headers={"Content-Type": content_type})
    assert client.accounts.profile().data == {"uid": 7}
    assert client.send(octaspace.Request("GET", "/accounts")).data == b'{"uid": 7}'


def test_a_request_of_ones_own_takes_whatever_comes(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(f"{API}/health", text="<html>", headers={"Content-Type": "text/html"})
    assert client.send(octaspace.Request("GET", "/health")).data == b"<html>"
    requests_mock.get(f"{API}/health", status_code=204)
    assert client.send(octaspace.Request("GET", "/health")).data is None


def test_the_table_forgets_no_method() -> None:
    rows = inspect.getsource(inspect.getmodule(test_the_table_forgets_no_method) or octaspace)
    names = {
        f"{name}("
        for kind in _resource_classes()
        for name, member in vars(kind).items()
        if not name.startswith("_")
        and inspect.isfunction(member)
        and "Response" in str(inspect.signature(member).return_annotation)
    }
    assert {name for name in names if f".{name}" not in rows} == {"wait_until_ready("}  # has separate tests
    assert len(names) == 14  # by name: `list` and `create` stand for several


def _resource_classes() -> set[type[Resource]]:
    found: set[type[Resource]] = set()
    waiting: list[type[Resource]] = [Resource]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found.update(kinds)
        waiting += kinds
    return found
