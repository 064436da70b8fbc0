"""The worlds: the same seed gives the same one, and each data set is what it says."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from octaspace.sandbox import ManualClock, SandboxServer, World
from octaspace.sandbox.api.operations import OPERATIONS
from octaspace.sandbox.datasets.hostile import PAYLOADS
from octaspace.sandbox.datasets.registry import DATASETS

from .api import Api, MakeApi

LISTS = [each.template for each in OPERATIONS if each.method == "GET" and "{" not in each.template]


def story(seed: int, dataset: str) -> list[str]:
    """Everything that a world says, before and after something has happened in it."""
    clock = ManualClock()
    with SandboxServer(ports=(0,), seed=seed, dataset=dataset, clock=clock) as sandbox:
        api = Api(sandbox.url)
        texts = [
            api.get(path).text
            for path in [*LISTS, "/sessions?recent=true", "/nodes/9001", "/idle_jobs/69/42"]
        ]
        if dataset != "empty":
            uuid = api.rent(api.json("/services/mr")[0]["node_id"])
            clock.advance(10)
            texts += [api.get(f"/services/{uuid}/{place}").text for place in ("info", "logs")]
        texts += [api.post("/accounts").text, api.get("/accounts").text]
        api.close()
    return texts


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_the_same_seed_gives_the_same_world_and_another_seed_another(dataset: str) -> None:
    first = story(7, dataset)
    assert story(7, dataset) == first
    other = story(8, dataset)
    assert len(other) == len(first)
    assert other != first


def test_a_reset_gives_the_world_as_it_was(api: Api, sandbox: SandboxServer) -> None:
    before = [api.get(path).text for path in LISTS]
    uuid = api.rent(9102)
    api.post(f"/services/{uuid}/stop", {"score": 1})
    api.call("PATCH", "/nodes/9001/prices", json={"base": 1})
    api.get("/nodes/9002/reboot")
    api.post("/accounts")
    assert [api.get(path).text for path in LISTS] != before
    sandbox.reset()
    assert [api.get(path).text for path in LISTS] == before


def test_time_does_not_run_backwards(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    assert clock.monotonic() == 0


def test_an_unknown_data_set_is_named_and_the_world_stays() -> None:
    with pytest.raises(ValueError, match="unknown data set 'huge': choose one of default"):
        World(dataset="huge")
    world = World(seed=1)
    with pytest.raises(ValueError, match="ready_after"):
        world.reset(seed=2, ready_after=-1)
    assert (world.seed, world.ready_after) == (1, 4.0)


def test_the_default_set_has_something_of_everything(api: Api) -> None:
    nodes = api.json("/nodes")
    assert {node["state"] for node in nodes} == {"online", "offline", "busy", "blocked"}
    assert [node for node in nodes if "latitude" not in node["location"]]
    assert {len(node["system"]["gpus"]) for node in nodes} >= {0, 1, 8}
    sessions = api.json("/sessions")
    assert {session["service"] for session in sessions} == {"mr", "vpn", "render"}
    assert {session["is_ready"] for session in sessions} == {True, False}
    reasons = {session["termination_reason"] for session in api.json("/sessions?recent=true")}
    assert {0, "low balance"} <= reasons
    ids = [
        offer["node_id"] for service in ("mr", "vpn", "render") for offer in api.json(f"/services/{service}")
    ]
    assert len(set(ids)) == len(ids) == 28 + 12 + 14


def test_the_large_set(api: Api, sandbox: SandboxServer, clock: ManualClock) -> None:
    sandbox.reset(dataset="large")
    nodes = api.json("/nodes")
    assert len({node["id"] for node in nodes}) == 700
    assert len({node["ip"] for node in nodes}) == 700
    counts = [
        len(api.json(path)) for path in ("/services/mr", "/services/render", "/services/vpn", "/sessions")
    ]
    assert counts == [400, 150, 120, 150]
    assert len(api.json("/sessions?recent=true")) == 600
    clock.advance(8 * 3600)  # Its sessions can be paid for a working day at least.
    assert len(api.json("/sessions")) == 150


def test_the_empty_set(api: Api, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    for path in ("/nodes", "/sessions", "/sessions?recent=true", "/apps"):
        assert api.json(path) == []
    for service in ("mr", "vpn", "render"):
        assert api.json(f"/services/{service}") == []
    assert api.balance() == 0
    market = api.json("/network")["marketplace"]
    assert market.pop("gpus") == {}
    assert set(market.values()) == {0}


#: Texts that are not changed: values of the API that clients depend on.
_HONEST = {"service", "kind", "state", "created_at", "finished_at", "started_at"}


def texts(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Every text in an answer with the name of its field."""
    if isinstance(value, str):
        return [(name, value)]
    if isinstance(value, list):
        return [found for each in value for found in texts(each, name)]
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in texts(each, key)]
    return []


def hostile_answers(api: Api) -> dict[str, Any]:
    answers = {path: api.json(path) for path in [*LISTS, "/sessions?recent=true"]}
    for node in answers["/nodes"]:
        answers[f"/nodes/{node['id']}"] = api.json(f"/nodes/{node['id']}")
    for session in answers["/sessions"]:
        for place in ("info", "logs"):
            path = f"/services/{quote(session['uuid'], safe='')}/{place}"
            answers[path] = api.json(path)
    for place in ("/idle_jobs/9004/44", "/idle_jobs/9003/43/logs"):
        answers[place] = api.json(place)
    for path in ("/nowhere", "/nodes/1"):
        answers[path] = api.get(path).json()
    return answers


def test_in_the_hostile_set_every_text_is_hostile(sandbox: SandboxServer, api: Api) -> None:
    sandbox.reset(dataset="hostile")
    shaped = {"ports", "http_ports", "charge_amount", "duration", "rx", "tx", "base", "total_price_wei"}
    tame = [
        (path, name, text)
        for path, answer in hostile_answers(api).items()
        for name, text in texts(answer)
        if text and name not in _HONEST | shaped
        if not any(payload in text for payload in PAYLOADS) and "window.pwned" not in text
    ]
    assert [each for each in tame if each[1] != "uuid"] == []
    assert {uuid[-2:].lstrip("~") for _, name, uuid in tame if name == "uuid"} > {"2", "4", "5", "8", "9"}
    states = [text for name, text in texts(api.json("/nodes")) if name == "state"]
    assert {"online"} < set(states)


def test_the_hostile_payloads_hold_every_kind_of_trouble(sandbox: SandboxServer, api: Api) -> None:
    sandbox.reset(dataset="hostile")
    told = "".join(text for answer in hostile_answers(api).values() for _, text in texts(answer))
    for payload in PAYLOADS:
        assert payload in told
    for trouble in (
        "<script>",
        "</script>",
        "onerror=",
        '"',
        "'",
        "javascript:",
        "\0",
        "\x1b[",
        "\r",
        "\n",
        "\x7f",
    ):
        assert trouble in told
    for trouble in ("\x9b", "‮", "\u2066", "\u2028", "﻿", '=HYPERLINK("', "{{ 7*7 }}", "../", "N" * 10_240):
        assert trouble in told
    ids = [session["uuid"] for session in api.json("/sessions") + api.json("/sessions?recent=true")]
    assert len(set(ids)) == len(ids) == 16
    for trouble in ("<", '"', "'", "/", "?", "#", "%", " ", "&", "+", "javascript:", "\0", "\x1b", "\n", "‮"):
        assert [uuid for uuid in ids if trouble in uuid], trouble


def test_hostile_sessions_can_be_reached_and_stopped(
    sandbox: SandboxServer, api: Api, clock: ManualClock
) -> None:
    sandbox.reset(dataset="hostile")
    new = api.rent(9101)
    clock.advance(10)
    assert "</script>" in json.dumps(api.json(f"/services/{new}/logs"))
    for session in api.json("/sessions"):
        assert api.post(f"/services/{quote(session['uuid'], safe='')}/stop").status_code == 200
    assert api.json("/sessions") == []
    [rejected] = api.post("/services/mr", [{"node_id": 9127, "disk_size": 1, "image": "x"}]).json()
    assert rejected["reason"] in PAYLOADS
    ident = api.get("/nodes/9001/ident")
    assert ident.headers["Content-Disposition"] == r'attachment; filename="../../9001\"<b>=x.ident"'


def test_a_wrong_key_is_refused_in_every_world(sandbox: SandboxServer, make_api: MakeApi) -> None:
    for dataset in DATASETS:
        sandbox.reset(dataset=dataset)
        assert make_api(key="invalid").get("/nodes").status_code == 401
