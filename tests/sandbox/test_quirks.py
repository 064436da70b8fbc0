"""The live API's quirks (quirks.md, Q1 to Q16), each as the sandbox shows it."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime

import pytest

from playground.sandbox import ManualClock, SandboxServer
from playground.sandbox.operations import OPERATIONS

from .api import Api, MakeApi
from .specification import problems

_PRICES = {f"{what}{unit}" for what in ("base", "storage", "traffic") for unit in ("", "_usd", "_ether")}
PORTS = ("ports", "http_ports")


@pytest.fixture
def loose(sandbox: SandboxServer) -> SandboxServer:
    sandbox.reset(dataset="loose")
    return sandbox


def test_q1_a_get_that_acts(api: Api, sandbox: SandboxServer) -> None:
    assert api.get("/nodes/9001/reboot").status_code == 200
    assert api.json("/nodes/9001")["state"] == "offline"
    [entry, _] = sandbox.journal.entries()
    assert (entry.method, entry.change, entry.carried_out) == ("GET", True, True)
    # HEAD would be a GET without a body: this one may not be asked for that way.
    assert api.call("HEAD", "/nodes/9002/reboot").status_code == 405
    assert api.json("/nodes/9002")["state"] == "online"


def test_q2_a_rejection_inside_200(api: Api, sandbox: SandboxServer) -> None:
    item = {"node_id": 9127, "disk_size": 10, "image": "ubuntu:24.04"}
    answer = api.post("/services/mr", [item])
    assert answer.status_code == 200
    assert answer.json() == [{"status": 1, "reason": "node is busy", "node_id": 9127}]
    [entry] = sandbox.journal.entries()
    assert (entry.change, entry.carried_out) == (True, False)
    sandbox.reset(dataset="loose")
    assert api.post("/services/mr", [item]).json()[0]["status"] == "1"


def test_q3_port_lists_in_every_shape(api: Api, sandbox: SandboxServer) -> None:
    strict = [app.get(name, "absent") for app in api.json("/apps") for name in PORTS]
    assert {type(value) for value in strict if value != "absent"} == {list, str}
    assert {"[5000,6000]", "[]", "absent"} <= {value for value in strict if isinstance(value, str)}
    sandbox.reset(dataset="loose")
    odd = [app[name] for app in api.json("/apps") for name in PORTS]
    assert {"", "not a list", "[22,"} <= {value for value in odd if isinstance(value, str)}
    assert None in odd


def test_q4_bandwidth_in_two_units(api: Api, sandbox: SandboxServer) -> None:
    values = [offer["net_down_mbits"] for offer in api.json("/services/mr")]
    assert 0 in values
    assert [value for value in values if 0 < value <= 100_000]
    assert [value for value in values if value > 100_000]
    sandbox.reset(dataset="loose")
    odd = [offer["net_down_mbits"] for offer in api.json("/services/mr")]
    assert {"872229553", None} <= set(odd)


def test_q5_prices_in_several_units(api: Api, sandbox: SandboxServer, clock: ManualClock) -> None:
    offers = api.json("/services/mr")
    for offer in offers:
        assert offer["base_usd"] == round(offer["total_price_usd"] * 10_000)
        if "total_price_ether" in offer:
            assert int(offer["total_price_wei"]) == round(offer["total_price_ether"] * 1000) * 10**15
    assert [offer for offer in offers if "total_price_ether" not in offer]
    sandbox.reset(dataset="loose")
    bare = api.json("/services/mr")[1]
    uuid = api.rent(bare["node_id"])
    clock.advance(4 + 3600)  # Charged by the one price it names: USD at the market's rate.
    charged = int(api.json(f"/services/{uuid}/info")["charge_amount"]) / 10**18
    assert charged == pytest.approx(
        bare["base_usd"] / 10_000 / api.json("/network")["market_price"], abs=0.001
    )
    prices = {name for name in bare if name.startswith(("total_price", "base", "storage", "traffic"))}
    assert prices == {"base_usd", "traffic_usd"}
    assert (
        set(offers[1]) - set(bare)
        == {name for name in offers[1] if "_price" in name or name in _PRICES} - prices
    )


def test_q6_only_info_has_the_configuration_of_a_vpn(api: Api, clock: ManualClock) -> None:
    uuids = {
        kind: api.post("/services/vpn", {"node_id": 9301, "subkind": kind}).json()["uuid"]
        for kind in ("wg", "openvpn", "ss", "v2ray", "http_proxy")
    }
    clock.advance(4)
    configs = {kind: api.json(f"/services/{uuid}/info")["config"] for kind, uuid in uuids.items()}
    assert {kind: type(config) for kind, config in configs.items()} == {
        **dict.fromkeys(("wg", "openvpn", "ss", "v2ray"), str),
        "http_proxy": dict,
    }
    assert set(configs["http_proxy"]) == {"ip", "port"}
    assert not [
        session for session in api.json("/sessions") if "config" in session or "vpn_config" in session
    ]


def test_q7_two_node_envelopes(api: Api) -> None:
    listed, detail = api.json("/nodes")[0], api.json("/nodes/9001")
    assert set(listed["system"]["memory"]) == {"free", "size"}
    assert {"osn", "prices"} <= set(listed)
    assert not {"prices", "system", "osn"} & set(detail)
    assert {"total_memory", "free_memory"} <= set(detail["data"]["memory"])
    assert detail["data"]["version"] == listed["osn"]
    assert {"reliability", "features"} <= set(detail)
    assert set(listed["location"]) < set(detail["location"])


def test_q8_money_passes_64_bits_and_comes_in_three_shapes(api: Api, sandbox: SandboxServer) -> None:
    assert api.balance() > 2**64
    assert '"balance":1234567890123456789012' in api.get("/accounts/balance").text
    charges = [session["charge_amount"] for session in api.json("/sessions")]
    assert {type(charge) for charge in charges} == {int, str}
    sandbox.reset(dataset="loose")
    old = api.json("/accounts/balance")
    assert old == {"balance": 1234.57, "currency": "OCTA"}


def test_q9_numbers_as_strings_and_times_in_three_notations(api: Api) -> None:
    recent = api.json("/sessions?recent=true")
    assert {type(session[name]) for session in recent for name in ("duration", "rx", "tx")} == {str}
    times = [session[name] for session in recent for name in ("started_at", "finished_at")]
    assert [time for time in times if isinstance(time, int) and time > 10**10]
    assert [time for time in times if isinstance(time, int) and time < 10**10]
    texts = [time for time in times if isinstance(time, str)]
    assert all(datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts)
    assert texts


def test_q10_container_id_is_a_list_a_string_or_absent(api: Api) -> None:
    sessions = api.json("/sessions")
    rentals = [session["container_id"] for session in sessions if session["service"] == "mr"]
    assert {type(container_id) for container_id in rentals} == {list, str}
    assert not [session for session in sessions if session["service"] == "vpn" and "container_id" in session]


def test_q11_idle_logs_in_three_shapes(api: Api) -> None:
    packed = api.json("/idle_jobs/9001/41/logs")["data"]
    lines = api.json("/idle_jobs/9002/42/logs")["data"]
    texts = api.json("/idle_jobs/9003/43/logs")
    unpacked = gzip.decompress(base64.b64decode(packed)).decode().splitlines()
    assert unpacked == [line["text"] for line in lines] == texts
    assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))


def test_q12_catalogues_are_not_sessions(api: Api) -> None:
    uuid = api.rent(9101)
    for service in ("mr", "vpn", "render"):
        catalogue = api.get(f"/services/{service}")
        assert uuid not in catalogue.text
        assert all("uuid" not in offer for offer in catalogue.json())
    assert uuid in api.get("/sessions").text


def test_q13_session_logs(api: Api, clock: ManualClock, sandbox: SandboxServer) -> None:
    uuid = api.rent()
    clock.advance(30)
    first, second = (api.json(f"/services/{uuid}/logs") for _ in range(2))
    assert first == second  # The whole text each time.
    assert max(entry["msg"].count("\n") for entry in first["system"]) > 1
    assert api.get(f"/services/{uuid}/logs?recent=true").status_code == 404
    api.post(f"/services/{uuid}/stop")
    assert api.get(f"/services/{uuid}/logs").status_code == 404
    assert api.json(f"/services/{uuid}/logs?recent=true")["container"] == first["container"]
    sandbox.reset(dataset="loose")
    old = api.json(f"/services/{api.rent()}/logs")
    assert old
    assert {type(line) for line in old} == {str}


def test_q14_readiness_in_words_and_404_when_gone(api: Api, clock: ManualClock) -> None:
    on_the_way = (
        "prepar",
        "config",
        "start",
        "deploy",
        "queue",
        "provision",
        "pending",
        "build",
        "pull",
        "creat",
    )
    uuids = [
        api.rent(),
        api.post("/services/vpn", {"node_id": 9301}).json()["uuid"],
        api.post("/services/render", {"node_id": 9201, "disk_size": 1}).json()["uuid"],
    ]
    for uuid in uuids:
        assert api.json(f"/services/{uuid}/info")["progress"].startswith(on_the_way)
    for _ in range(7):
        clock.advance(0.5)
        for uuid in uuids:
            info = api.json(f"/services/{uuid}/info")
            assert info["progress"].startswith(on_the_way)
            assert info["is_ready"] is False
    clock.advance(0.5)
    for uuid in uuids:
        info = api.json(f"/services/{uuid}/info")
        assert (info["progress"], info["is_ready"]) == ("service configured", True)
        api.post(f"/services/{uuid}/stop")
        assert api.get(f"/services/{uuid}/info").status_code == 404


def test_q15_two_hosts_one_api(make_api: MakeApi, sandbox: SandboxServer) -> None:
    first, second = (make_api(url) for url in sandbox.urls)
    address = first.post("/accounts").json()["address"]
    assert second.json("/accounts")["wallet"] == address
    assert first.get("/v1/accounts").status_code == 404


def test_q16_loose_errors(loose: SandboxServer, api: Api, sandbox: SandboxServer) -> None:
    bodies = [api.get("/nodes/1").content for _ in range(5)]
    assert b"" in bodies
    shapes = [json.loads(body) for body in bodies if body]
    assert [sorted(shape) for shape in shapes] == [["error"], ["message"], ["errors"], ["error", "message"]]
    kinds = [type(value) for shape in shapes for value in shape.values()]
    assert {dict, list, str} == set(kinds)
    sandbox.faults.add("status", status=502)
    proxy = api.get("/accounts")
    assert (proxy.status_code, proxy.headers["Content-Type"]) == (502, "text/html")
    assert proxy.text.startswith("<!DOCTYPE html>")
    assert "GET" not in {each.method for each in OPERATIONS if each.id == "stop_session"}


def test_the_loose_data_set_breaks_the_specification_where_the_quirks_say(
    loose: SandboxServer, api: Api
) -> None:
    broken = {
        operation.template
        for operation in OPERATIONS
        if operation.method == "GET" and "{" not in operation.template
        if problems(operation.id, api.get(operation.template))
    }
    assert broken == {"/apps", "/services/mr", "/services/vpn", "/services/render"}
