"""The live API's quirks (quirks.md, Q1 to Q32), each as the sandbox shows it."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime
from typing import Any

import pytest

from octaspace.sandbox import ManualClock, SandboxServer

from .api import Api, MakeApi

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
    assert answer.json() == [{"id": 0, "status": 1, "reason": "node is busy", "node_id": 9127}]
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
        == {name for name in offers[1] if name.startswith("total_price") or name in _PRICES} - prices
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
    sandbox.reset(dataset="loose")
    charges = [session["charge_amount"] for session in api.json("/sessions")]
    assert {type(charge) for charge in charges} == {int, str}
    prices = [node["prices"]["base"] for node in api.json("/nodes")]
    assert {type(price) for price in prices} == {int, str}
    assert max(map(int, prices)) > 2**64
    assert {type(offer.get("total_price_wei")) for offer in api.json("/services/mr")} == {str, type(None)}
    old = api.json("/accounts/balance")
    assert old == {"balance": 1234.57, "currency": "OCTA"}


def test_q9_numbers_as_strings_and_times_in_three_notations(loose: SandboxServer, api: Api) -> None:
    recent = api.json("/sessions?recent=true")
    assert {type(session[name]) for session in recent for name in ("duration", "rx", "tx")} == {str}
    times = [session[name] for session in recent for name in ("started_at", "finished_at")]
    assert [time for time in times if isinstance(time, int) and time > 10**10]
    assert [time for time in times if isinstance(time, int) and time < 10**10]
    texts = [time for time in times if isinstance(time, str)]
    assert all(datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts)
    assert texts


def test_q10_container_id_is_a_list_a_string_or_absent(loose: SandboxServer, api: Api) -> None:
    for node_id in (9101, 9103, 9105):
        api.rent(node_id)
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
    answers = [api.get("/nodes/1") for _ in range(7)]
    bodies = [answer.content for answer in answers]
    assert b"" in bodies
    shapes = [json.loads(body) for body in bodies if body]
    assert [sorted(shape) for shape in shapes] == [
        ["error"],
        ["message"],
        ["errors"],
        ["error", "message"],
        ["detail"],  # Q30
        ["detail", "status", "title", "type"],
    ]
    kinds = [type(value) for shape in shapes[:4] for value in shape.values()]
    assert {dict, list, str} == set(kinds)
    sandbox.faults.add("status", status=502)
    proxy = api.get("/accounts")
    assert (proxy.status_code, proxy.headers["Content-Type"]) == (502, "text/html")
    assert proxy.text.startswith("<!DOCTYPE html>")


RENTAL = {"disk_size": 10, "image": "ubuntu:24.04"}
EXAMPLE = "249b4cb3-3db1-4c06-98a4-772ba88cd81c"


def test_q17_a_single_object_is_answered_with_201_and_a_list_with_200(api: Api) -> None:
    for path, body in (
        ("/services/mr", {"node_id": 9101, **RENTAL}),
        ("/services/vpn", {"node_id": 9301, "kind": "vpn", "subkind": "wg"}),
        ("/services/render", {"node_id": 9201, "disk_size": 10}),
        ("/services/r", {"node_id": 9202, "disk_size": 10}),
    ):
        answer = api.post(path, body)
        assert answer.status_code == 201
        assert list(answer.json()) == ["uuid"]
        assert api.json(f"/services/{answer.json()['uuid']}/info")["node_id"] == body["node_id"]
    listed = api.post("/services/mr", [{"id": 0, "node_id": 9102, **RENTAL}])
    assert listed.status_code == 200
    assert [list(each) for each in listed.json()] == [["uuid"]]


def test_q18_an_object_takes_from_the_application_what_it_leaves_out(api: Api, clock: ManualClock) -> None:
    apps = {app["name"]: app for app in api.json("/apps")}
    diffusion = apps["Stable Diffusion"]["uuid"]
    # As the Go client sends it: no image, no disk.
    uuid = api.post("/services/mr", {"app": diffusion, "node_id": 9101}).json()["uuid"]
    clock.advance(4)
    info = api.json(f"/services/{uuid}/info")
    assert info["app_name"] == "Stable Diffusion"
    assert info["user_envs"] == {"CLI_ARGS": "--listen"}
    assert sorted(info["ports_matrix"].values()) == [22, 5000, 6000, 8080]
    assert list(info["urls"]) == ["8080"]
    logs = api.json(f"/services/{uuid}/logs")["system"]
    assert "example/stable-diffusion:2.1" in "".join(entry["msg"] for entry in logs)
    # What is given stays.
    body = {
        "app": diffusion,
        "node_id": 9101,
        "image": "x:1",
        "envs": {"A": "1"},
        "ports": [],
        "disk_size": 20,
    }
    uuid = api.post("/services/mr", body).json()["uuid"]
    clock.advance(4)
    info = api.json(f"/services/{uuid}/info")
    assert info["user_envs"] == {"A": "1"}
    assert sorted(info["ports_matrix"].values()) == [22, 8080]
    assert "Image: x:1" in api.get(f"/services/{uuid}/logs").text
    # 60 GB by default: more than the node has.
    refused = api.post("/services/mr", {"app": diffusion, "node_id": 9126})
    assert (refused.status_code, refused.json()["message"]) == (422, "not enough free disk")


def test_q19_a_success_that_makes_nothing(loose: SandboxServer, api: Api) -> None:
    before = len(api.json("/sessions"))
    answers_of_both = []
    for node_id in range(9120, 9126):
        listed = api.post("/services/mr", [{"node_id": node_id, **RENTAL}])
        single = api.post("/services/mr", {"node_id": node_id, **RENTAL})
        assert (listed.status_code, single.status_code) == (200, 201)
        answers_of_both.append((listed.json(), single.json()))
    assert answers_of_both == [
        ([{"id": 0, "message": "INTERNAL_ERROR"}], {"message": "INTERNAL_ERROR"}),
        ([{"id": 0, "error": "no capacity"}], {"error": "no capacity"}),
        ([{"uuid": ""}], {"uuid": ""}),
        ([{}], {}),
        ([], {}),
        ({"message": "the request was not understood"}, {"message": "the request was not understood"}),
    ]
    for path, first, more in (("/services/vpn", 9307, {}), ("/services/render", 9209, {"disk_size": 1})):
        answers = [api.post(path, {"node_id": first + place, **more}) for place in range(6)]
        assert {answer.status_code for answer in answers} == {201}
        assert [answer.json() for answer in answers] == [single for _, single in answers_of_both]
    # Of several items the others are granted, and a rejection has its place.
    items = [{"node_id": node_id, **RENTAL} for node_id in (9101, 9120, 9124, 9127)]
    granted, internal, busy = api.post("/services/mr", items).json()
    assert granted["uuid"]
    assert (internal["id"], internal["message"]) == (1, "INTERNAL_ERROR")
    assert (busy["id"], busy["reason"]) == (3, "node is busy")
    assert len(api.json("/sessions")) == before + 1
    assert loose.journal.summary()["changes"] == 1


def test_q20_a_get_stops_as_well(api: Api, sandbox: SandboxServer) -> None:
    uuid = api.rent()
    assert api.call("HEAD", f"/services/{uuid}/stop").status_code == 405
    assert api.json(f"/services/{uuid}/info")["uuid"] == uuid
    sandbox.journal.clear()
    assert api.get(f"/services/{uuid}/stop").status_code == 200
    [entry] = sandbox.journal.entries()
    assert (entry.method, entry.change, entry.carried_out) == ("GET", True, True)
    assert api.get(f"/services/{uuid}/info").status_code == 404
    assert api.get(f"/services/{uuid}/stop").status_code == 404


def test_q20_services_r_is_services_render(api: Api, sandbox: SandboxServer) -> None:
    assert api.json("/services/r") == api.json("/services/render")
    assert api.json("/services/r?country=de") == api.json("/services/render?country=de")
    uuid = api.post("/services/r", {"node_id": 9201, "disk_size": 10}).json()["uuid"]
    assert api.json(f"/services/{uuid}/info")["service"] == "render"
    created = [entry for entry in sandbox.journal.entries() if entry.method == "POST"]
    assert [(entry.change, entry.carried_out) for entry in created] == [(True, True)]


def test_q21_two_shapes_of_the_network(api: Api, sandbox: SandboxServer) -> None:
    documented = api.json("/network")
    sandbox.reset(dataset="loose")
    other = api.json("/network")
    assert set(documented["nodes"]) == {"count", "vpn", "online", "total", "locations", "vpn_locations"}
    for part in ("nodes", "power", "platform", "marketplace", "render"):
        assert set(other[part]) <= set(documented[part])
    assert set(other["nodes"]) == {"count", "locations", "vpn_locations"}
    assert set(other["power"]) == {"gpus", "tflops"}
    assert other["power"]["tflops"] == documented["power"]["total_tflops"]
    assert set(other["platform"]) == {"users", "users_24h"}
    assert set(other["marketplace"]) == {
        "gpus",
        "total_sessions",
        "sessions_24h",
        "nodes_rented",
        "nodes_idle",
    }
    assert set(other["render"]) == {"frames_24h", "frames_total", "frames_by_week"}
    assert other["render"]["frames_by_week"][1] == {"2026-11-2": 690 * 45}


def test_q22_gpus_by_vendor_beside_and_instead_of_the_list(loose: SandboxServer, api: Api) -> None:
    offers = [offer for offer in api.json("/services/mr") if offer["is_has_gpu"]]
    kinds = {(type(offer["gpu"]), "gpus" in offer) for offer in offers}
    assert kinds == {(str, True), (dict, True), (dict, False)}
    vendors = [offer["gpu"] for offer in offers if "nvidia" in offer["gpu"]]
    assert {tuple(each) for each in vendors if isinstance(each, dict)} == {("nvidia", "amd", "intel")}
    amd = [card for each in vendors for card in each["amd"]]
    assert {tuple(sorted(card)) for card in amd} == {("idx", "mem_total_mb", "model")}
    nvidia = [card for each in vendors for card in each["nvidia"]]
    more = {"driver_version", "mem_utilization", "display_active", "display_mode"}
    assert all(more <= set(card) for card in nvidia)
    assert {type(offer["reliability"]) for offer in offers} == {dict, float, str}
    assert {
        "blender_cpu_score", "blender_cuda_score", "blender_optix_score", "disk_speed_mbs", "memory_type",
        "memory_speed", "currency_usd", "market_price", "virt", "available_ports",
    } <= set(offers[0])  # fmt: skip


def test_q22_a_node_without_the_list_can_be_rented(loose: SandboxServer, api: Api) -> None:
    offer = next(each for each in api.json("/services/mr") if "gpus" not in each)
    cards = [card for vendor in offer["gpu"].values() for card in vendor]
    for number in range(6, 9):
        hardware = api.json(f"/services/{api.rent(offer['node_id'])}/info")["node_hw"]["gpu"]
        found = hardware if isinstance(hardware, list) else hardware["nvidia"]
        assert [card["model"] for card in found] == [card["model"] for card in cards], number


def test_q23_bandwidth_of_relays_under_two_names_in_two_units(loose: SandboxServer, api: Api) -> None:
    relays = api.json("/services/vpn")
    for name in ("net_down_mbits", "net_down_mbs"):
        values = [relay[name] for relay in relays if name in relay]
        numbers = [value for value in values if isinstance(value, int)]
        assert min(numbers) < 100_000 < max(numbers)
        assert [value for value in values if isinstance(value, str)]
    assert all(("net_up_mbits" in relay) != ("net_up_mbs" in relay) for relay in relays)


def test_q23_relays_have_both_names_and_what_older_clients_read(api: Api) -> None:
    for relay in api.json("/services/vpn"):
        assert relay["net_down_mbs"] == relay["net_down_mbits"] * 125_000
        assert relay["net_up_mbs"] == relay["net_up_mbits"] * 125_000
        assert 90 <= relay["reliability"] <= 100
        assert relay["traffic_price"] == pytest.approx(relay["traffic_price_usd"] * 100)
        assert relay["total_price_usd"] > 0


def test_q24_why_sessions_ended(loose: SandboxServer, api: Api) -> None:
    reasons = [session["termination_reason"] for session in api.json("/sessions?recent=true")]
    assert {0, "0", 1, "1", 3, "7", 99, "low balance"} <= set(reasons)


def test_q25_node_states(loose: SandboxServer, api: Api) -> None:
    nodes = api.json("/nodes")
    states = {node.get("state", "missing") for node in nodes}
    assert states == {
        "online", "idle", "active", "busy", "offline", "blocked", "", "missing", "maintenance",
    }  # fmt: skip
    nameless = next(node["id"] for node in nodes if "state" not in node)
    assert "state" not in api.json(f"/nodes/{nameless}")


def test_q27_envs_of_every_kind(loose: SandboxServer, api: Api) -> None:
    apps = api.json("/apps")
    kinds = {type(value) for app in apps for value in app["envs"].values()}
    assert kinds == {str, int, float, bool, type(None)}
    assert [app["extra"]["guide"] for app in apps if app["extra"].get("guide")]
    assert [app for app in apps if "guide" not in app["extra"]]
    # A rental of such an application is given all of them as text.
    uuid = api.post("/services/mr", {"app": EXAMPLE, "node_id": 9101}).json()["uuid"]
    assert api.json(f"/services/{uuid}/info")["user_envs"] == {
        "TOKEN": "", "WORKERS": "3", "SHARE": "0.5", "DEBUG": "true", "QUIET": "false", "PROXY": "",
        "MODE": "fast",
    }  # fmt: skip


def test_q29_lists_are_filtered_by_query(api: Api) -> None:
    nodes = api.json("/nodes")
    germans = [node for node in nodes if node["location"]["country"] == "Germany"]
    assert germans
    for word in ("Germany", "germany", "DE", "de"):
        assert api.json(f"/nodes?country={word}") == germans
    busy = [node for node in nodes if node["state"] == "busy"]
    assert api.json("/nodes?state=BUSY") == busy
    assert api.json("/nodes?state=busy&country=united%20states") == [
        node for node in busy if node["location"]["country"] == "United States"
    ]
    assert api.json("/nodes?country=Atlantis") == []
    for service in ("mr", "vpn", "render"):
        offers = api.json(f"/services/{service}")
        poles = [offer for offer in offers if offer["country_iso"] == "PL"]
        assert 0 < len(poles) < len(offers)
        assert api.json(f"/services/{service}?country=pl") == poles
        assert api.json(f"/services/{service}?country=Poland&page=2&category=AI") == poles
    apps = api.json("/apps")
    assert api.json("/apps?category=ai") == [app for app in apps if app["category"] == "AI"]
    assert [app["uuid"] for app in api.json(f"/apps?app={EXAMPLE}")] == [EXAMPLE]
    assert [app["name"] for app in api.json("/apps?app=ollama")] == ["Ollama"]


def test_q29_by_application_the_nodes_on_which_it_fits(api: Api) -> None:
    offers = api.json("/services/mr")
    fitting = api.json("/services/mr?app=Stable+Diffusion")  # 8 GB of video memory, 60 GB of disk.
    assert fitting == [
        offer
        for offer in offers
        if offer["free_disk"] >= 60 * 10**9 and any(gpu["mem_total_mb"] >= 8000 for gpu in offer["gpus"])
    ]
    assert 0 < len(fitting) < len(offers)
    assert api.json("/services/mr?app=none") == []


@pytest.mark.parametrize(
    "query", ["color=red", "page=1&limit=2", "country=", "state=&country=%20", "category=AI"]
)
def test_q29_what_a_list_does_not_know_changes_nothing(api: Api, query: str) -> None:
    assert api.json(f"/nodes?{query}") == api.json("/nodes")
    assert api.json(f"/services/vpn?app=x&state=busy&{query}") == api.json("/services/vpn")


def test_q29_a_node_that_reboots_is_offline(api: Api) -> None:
    api.get("/nodes/9001/reboot")
    assert 9001 in [node["id"] for node in api.json("/nodes?state=offline")]
    assert 9001 not in [node["id"] for node in api.json("/nodes?state=online")]


def test_q30_problem_json_says_so(loose: SandboxServer, api: Api) -> None:
    answers = [api.get("/nodes/1") for _ in range(7)]
    problem = [
        answer for answer in answers if answer.headers.get("Content-Type") == "application/problem+json"
    ]
    assert [answer.json()["detail"] for answer in problem] == ["Node not found"]
    assert problem[0].json()["status"] == 404
    assert [answer.headers.get("Content-Type") for answer in answers if not answer.content] == [None]


def test_q31_urls_config_and_ports_in_their_older_forms(
    loose: SandboxServer, api: Api, clock: ManualClock
) -> None:
    uuids = [api.rent(9101, http_ports=[8080]) for _ in range(6)]
    clock.advance(4)
    sessions = [api.json(f"/services/{uuid}/info") for uuid in uuids]
    assert {type(session["urls"]) for session in sessions} == {list, dict}
    assert {url for each in sessions if isinstance(each["urls"], list) for url in each["urls"]} < {
        f"https://s-{number}-8080.example.net" for number in range(100)
    }
    matrices = [session["ports_matrix"] for session in sessions]
    assert {type(matrix) for matrix in matrices} == {str, dict}
    texts = [matrix for matrix in matrices if isinstance(matrix, str)]
    assert {'{"42000": 22, "42001": 8080}', "42000:22, 42001:8080"} == set(texts)
    tunnels = [api.post("/services/vpn", {"node_id": 9301}).json()["uuid"] for _ in range(4)]
    clock.advance(4)
    names = [
        name
        for uuid in tunnels
        for name in api.json(f"/services/{uuid}/info")
        if name in ("config", "vpn_config")
    ]
    assert sorted(names) == ["config", "config", "config", "vpn_config"]


KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (KEY, 200),
        (KEY[:-1], 401),
        (KEY + "0", 401),
        ("invalid_key_12345", 401),
        (f"Bearer {KEY}", 401),
        (f"{KEY[:32]} {KEY[:31]}", 401),
        ("invalid", 401),
        ("readonly", 200),
        (None, 401),
    ],
)
def test_q32_strict_keys(key: str | None, status: int) -> None:
    with SandboxServer(ports=(0,), strict_keys=True) as sandbox:
        api = Api(sandbox.url, key)
        assert api.get("/accounts").status_code == status
        assert api.get("/network").status_code == 200
        api.close()


def test_q32_any_key_will_do_otherwise(make_api: MakeApi) -> None:
    for key in ("x", "invalid_key_12345", f"Bearer {KEY}", KEY):
        assert make_api(key=key).get("/accounts").status_code == 200


def test_the_applications_of_other_clients_examples_are_there(api: Api) -> None:
    apps = {app["uuid"]: app for app in api.json("/apps")}
    assert apps[EXAMPLE]["image"] == "ubuntu:24.04"
    for uuid in ("406c0b3f-0000-4000-8000-000000000001", "406c0b3f-6726-4169-a3b4-6322995cd755"):
        assert api.post("/services/mr", {"app": uuid, "node_id": 9101}).status_code == 201
    assert len(apps) == len(api.json("/apps"))


def integers(value: Any, path: str = "") -> dict[str, list[object]]:
    """Every value that is not a container, by the names on the way to it."""
    found: dict[str, list[object]] = {}
    pairs = value.items() if isinstance(value, dict) else [("", each) for each in value]
    for name, each in pairs:
        place = f"{path}.{name}" if name else path
        if isinstance(each, (dict, list)):
            for inner, values in integers(each, place).items():
                found.setdefault(inner, []).extend(values)
        else:
            found.setdefault(place, []).append(each)
    return found


#: Where the Go client reads an integer of 64 bits, and JSON of any other kind ends its work.
GO_READS = {
    "/nodes": (
        ".id", ".uptime", ".prices.base", ".prices.storage", ".prices.traffic", ".system.cpu_cores",
        ".system.disk.free", ".system.disk.size", ".system.memory.free", ".system.memory.size",
        ".system.gpus.mem_total_mb", ".system.gpus.mem_free_mb",
    ),
    "/services/mr": (
        ".node_id", ".cpu_cores", ".total_memory", ".free_disk", ".base_usd", ".storage_usd", ".traffic_usd",
        ".gpus.mem_total_mb",
    ),
    "/services/vpn": (".node_id", ".net_down_mbits", ".net_up_mbits"),
    "/sessions": (
        ".node_id", ".duration", ".started_at", ".charge_amount", ".tx", ".rx", ".ssh_direct.port",
        ".ssh_proxy.port", ".prices.base_usd", ".node_hw.cpu_cores", ".node_hw.gpu.mem_total_mb",
        ".node_hw.total_memory", ".node_hw.disk",
    ),
    "/sessions?recent=true": (
        ".node_id", ".duration", ".started_at", ".finished_at", ".charge_amount", ".tx", ".rx",
    ),
    "/apps": (".extra.min_disk_size",),
    "/accounts": (".uid",),
}  # fmt: skip


@pytest.mark.parametrize("dataset", ["default", "large"])
@pytest.mark.parametrize("path", GO_READS)
def test_numbers_are_numbers_where_the_go_client_reads_integers(
    path: str, dataset: str, sandbox: SandboxServer, api: Api
) -> None:
    sandbox.reset(dataset=dataset)
    found = integers(api.json(path))
    for name in GO_READS[path]:
        assert found[name]
        assert {type(value) for value in found[name]} == {int}, name
        assert all(abs(value) < 2**63 for value in found[name] if isinstance(value, int)), name
