"""The account, its keys and its nodes: wallet, prices, reboots, downloads, and the public network."""

from __future__ import annotations

from typing import Any

import pytest

from octaspace.sandbox import ManualClock, SandboxServer

from .api import Api, MakeApi


def test_any_key_will_do_but_invalid(make_api: MakeApi) -> None:
    assert make_api(key="x").get("/accounts").status_code == 200
    for key, says in ((None, "missing"), ("", "missing"), ("invalid", "Invalid")):
        answer = make_api(key=key).get("/accounts")
        assert answer.status_code == 401
        assert says in answer.json()["message"]


def test_the_network_panels_for_no_key(make_api: MakeApi) -> None:
    for key in (None, "invalid", "readonly"):
        assert make_api(key=key).get("/network").status_code == 200


def test_a_readonly_key_reads_and_changes_nothing(make_api: MakeApi, sandbox: SandboxServer) -> None:
    reader = make_api(key="readonly")
    before = [reader.json(path) for path in ("/sessions", "/nodes", "/accounts")]
    uuid = before[0][0]["uuid"]
    answers = [
        reader.post("/accounts"),
        reader.post("/services/mr", [{"node_id": 9101, "disk_size": 1, "image": "x"}]),
        reader.post("/services/vpn", {"node_id": 9301}),
        reader.post("/services/render", {"node_id": 9201, "disk_size": 1}),
        reader.post(f"/services/{uuid}/stop"),
        reader.call("PATCH", "/nodes/9001/prices", json={"base": 1}),
        reader.get("/nodes/9001/reboot"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 7
    assert [reader.json(path) for path in ("/sessions", "/nodes", "/accounts")] == before
    assert sandbox.journal.summary()["changes"] == 0


def test_a_new_wallet_is_the_account_s_from_now_on(api: Api) -> None:
    first = api.post("/accounts").json()["address"]
    assert api.json("/accounts")["wallet"] == first
    second = api.post("/accounts").json()["address"]
    assert first != second
    assert len(second) == 42
    assert int(second, 16) > 0


def test_the_chain_grows(api: Api, clock: ManualClock) -> None:
    height = api.json("/network")["blockchain"]["height"]
    clock.advance(12.77 * 10 + 0.1)
    assert api.json("/network")["blockchain"]["height"] == height + 10


def test_prices_are_changed_and_kept(api: Api) -> None:
    answer = api.call("PATCH", "/nodes/9001/prices", json={"base": 2**70, "storage": "123"})
    assert answer.status_code == 200
    prices = api.json("/nodes")[0]["prices"]
    assert (prices["base"], prices["storage"]) == (2**70, "123")
    assert prices["traffic"] == 5 * 10**14
    api.call("PATCH", "/nodes/9001/prices", json={"gpu_hour": 0.25, "traffic": 0.5})  # Q26
    assert api.json("/nodes")[0]["prices"] == {**prices, "gpu_hour": 0.25, "traffic": 0.5}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "no prices"),
        ([], "object"),
        ({"price": 1}, "unknown price: price"),
        ({"base": -1}, "base"),
        ({"base": "1.5"}, "base"),
        ({"base": [1]}, "base"),
        ({"base": True}, "base"),
        ({"base": None}, "base"),
        ({"base": "9" * 78}, "256 bits"),
        ({"gpu_hour": "0.2"}, "gpu_hour"),
        ({"cpu_hour": -0.1}, "cpu_hour"),
    ],
)
def test_wrong_prices_change_nothing(api: Api, body: Any, says: str) -> None:
    before = api.json("/nodes")
    answer = api.call("PATCH", "/nodes/9001/prices", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["message"]
    assert api.json("/nodes") == before


def test_a_reboot_takes_a_node_offline_and_back(api: Api, clock: ManualClock) -> None:
    before = api.json("/nodes/9003")
    assert before["state"] == "busy"
    assert before["data"]["uptime"] > 86_400
    assert api.get("/nodes/9003/reboot").status_code == 200
    for _ in range(3):
        node = api.json("/nodes/9003")
        assert (node["state"], node["data"]["uptime"]) == ("offline", 0)
        again = api.get("/nodes/9003/reboot")
        assert (again.status_code, again.json()["code"]) == (422, "node_offline")
        clock.advance(1)
    clock.advance(1)
    node = api.json("/nodes/9003")
    assert (node["state"], node["data"]["uptime"]) == ("busy", 0)
    clock.advance(30)
    assert next(node for node in api.json("/nodes") if node["id"] == 9003)["uptime"] == 30


def test_a_node_that_is_offline_cannot_be_rebooted(api: Api) -> None:
    offline = next(node["id"] for node in api.json("/nodes") if node["state"] == "offline")
    assert api.get(f"/nodes/{offline}/reboot").status_code == 422


def test_downloads_are_files(api: Api) -> None:
    ident, log = api.get("/nodes/9001/ident"), api.get("/nodes/9001/logs")
    for answer, kind in ((ident, "ident"), (log, "log")):
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="node-9001.{kind}"'
        assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(UnicodeDecodeError):
        ident.content.decode()
    assert len(log.content) > 200_000
    assert ident.content == api.get("/nodes/9001/ident").content != api.get("/nodes/9002/ident").content


@pytest.mark.parametrize(
    "node_id", ["1", "none", "-9001", "9001.0", "９００１", "%20", "9" * 30, "", "9001%2Freboot"]
)
@pytest.mark.parametrize("rest", ["", "/ident", "/logs", "/reboot"])
def test_a_node_that_is_not_there(api: Api, node_id: str, rest: str) -> None:
    answer = api.get(f"/nodes/{node_id}{rest}")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not found"


def test_idle_jobs(api: Api) -> None:
    running, failed = api.json("/idle_jobs/9001/41"), api.json("/idle_jobs/9004/44")
    assert (running["is_up"], running["finished_at"]) == (True, None)
    assert (failed["is_up"], failed["status"], failed["error"]) == (False, "failed", "CUDA out of memory")
    for path in ("/idle_jobs/9001/1", "/idle_jobs/a/b", "/idle_jobs/9001/4_1", "/idle_jobs/1/1/logs"):
        assert api.get(path).status_code == 404
