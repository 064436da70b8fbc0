"""Bad arguments end before the wire, and the message says what was wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests_mock
from requests_mock import ANY

from octaspace import Client

MACHINE: dict[str, Any] = {"node_id": 1, "disk_size": 10, "image": "ubuntu:24.04"}
RENDER: dict[str, Any] = {"node_id": 1, "disk_size": 10}

BAD: list[tuple[str, Callable[[Client], Any]]] = [
    *[
        (message, lambda c, node=node: c.nodes.find(node))  # type: ignore[misc]
        for node, message in [
            ("", "'' cannot be an id"),
            (".", "'.' cannot be an id"),
            ("..", "'..' cannot be an id"),
            (None, "an id must be text or a whole number, not None"),
            (True, "not True (bool)"),
            (1.5, "not 1.5 (float)"),
            ("a\nb", "control characters"),
            ("a\x7fb", "control characters"),
            ("a\x85b", "control characters"),
            ("\ud800", "valid Unicode"),
            (10**5000, "an id must not have more than 4000 digits"),
            (-(10**5000), "an id must not have more than 4000 digits"),
            ("x\n" * 10**6, "control characters"),
        ]
    ],
    ("cannot be an id", lambda c: c.services.session("..")),
    ("a session's uuid must be text, not 7 (int)", lambda c: c.services.session(7)),  # type: ignore[arg-type]
    ("cannot be an id", lambda c: c.idle_jobs.find(node_id="", job_id=1)),
    ("city must be text, a number, True or False", lambda c: c.nodes.list(city=["a", "b"])),
    ("min must be text, a number", lambda c: c.nodes.list(min=float("nan"))),
    ("min must be text, a number", lambda c: c.nodes.list(min=10**5000)),
    (
        "query parameter 'city': name and value must be valid Unicode",
        lambda c: c.sessions.list(city="\ud800"),
    ),
    ("name and value must be valid Unicode", lambda c: c.apps.list(**{"\ud800": 1})),
    ("no price is given", lambda c: c.nodes.update_prices(1)),
    ("base must be a number that is not negative", lambda c: c.nodes.update_prices(1, base=-1)),
    ("base must be a number", lambda c: c.nodes.update_prices(1, base="1.5 OCTA")),
    ("base must be a number", lambda c: c.nodes.update_prices(1, base="-1")),
    ("base must be a number", lambda c: c.nodes.update_prices(1, base="")),
    ("base must be a number", lambda c: c.nodes.update_prices(1, base=True)),
    ("storage must be a number", lambda c: c.nodes.update_prices(1, storage=10**5000)),
    ("traffic must be a number", lambda c: c.nodes.update_prices(1, traffic=float("nan"))),
    ("gpu_hour must be a number", lambda c: c.nodes.update_prices(1, gpu_hour=float("inf"))),
    ("gpu_hour must be a number that is not negative", lambda c: c.nodes.update_prices(1, gpu_hour=-0.5)),
    ("gpu_hour must be a number", lambda c: c.nodes.update_prices(1, gpu_hour=None)),  # type: ignore[arg-type]
    ("score must be a whole number from 1 to 5, not 0", lambda c: c.services.session("u").stop(score=0)),
    (
        "score must be a whole number from 1 to 5, not True",
        lambda c: c.services.session("u").stop(score=True),
    ),
    (
        "score must be a whole number from 1 to 5, not 4.0",
        lambda c: c.services.session("u").stop(score=4.0),  # type: ignore[arg-type]
    ),
    *[
        (message, lambda c, arguments=arguments: c.services.mr.create(**{**MACHINE, **arguments}))  # type: ignore[misc]
        for arguments, message in [
            ({"disk_size": "10"}, "disk_size must be a whole number of GB above 0, not '10' (str)"),
            ({"disk_size": 0}, "disk_size must be a whole number of GB above 0, not 0"),
            ({"node_id": True}, "node_id must be a whole number above 0"),
            ({"node_id": 10**5000}, "node_id must be at most 9007199254740992"),
            ({"disk_size": -(10**5000)}, "disk_size must be a whole number of GB above 0"),
            ({"image": ""}, "image must not be empty"),
            ({"image": None}, "image must be text, not None"),
            ({"ports": [0]}, "ports must contain whole numbers from 1 to 65535, not 0"),
            ({"ports": [65536]}, "not 65536"),
            ({"http_ports": ["80"]}, "http_ports must contain whole numbers from 1 to 65535, not '80'"),
            ({"ports": "22"}, "ports must be a list of port numbers"),
            ({"ports": 22}, "ports must be a list of port numbers, not 22 (int)"),
            ({"ports": {80: 8080}}, "ports must be a list of port numbers, not {80: 8080} (dict)"),
            ({"ports": [10**5000]}, "ports must contain whole numbers from 1 to 65535"),
            ({"envs": ["A=b"]}, "envs must be a mapping of names to text, not list"),
            ({"envs": {"PORT": 8080}}, "envs['PORT'] must be text, not int"),
            ({"envs": {"": "x"}}, "envs must have text as names"),
            ({"envs": {"A=B": "x"}}, "envs must have names without '=' and NUL, not 'A=B'"),
            ({"envs": {"A\0": "x"}}, "envs must have names without '=' and NUL"),
            ({"envs": {"A": "x\0"}}, "envs['A'] must not contain a NUL"),
            ({"image": "\ud800"}, "the request body"),
            ({"project_id": "7"}, "project_id must be a whole number"),
        ]
    ],
    ("subkind must be one of wg, openvpn", lambda c: c.services.vpn.create(node_id=1, subkind="ipsec")),
    ("protocol is for subkind 'v2ray' only", lambda c: c.services.vpn.create(node_id=1, protocol="vless")),
    (
        "protocol must be one of trojan",
        lambda c: c.services.vpn.create(node_id=1, subkind="v2ray", protocol="ssh"),
    ),
    ("unknown option 'env'; did you mean envs?", lambda c: c.services.render.create(**RENDER, env={})),
    (
        "multi_gpu_worker must be True or False",
        lambda c: c.services.render.create(**RENDER, **{"multi-gpu-worker": "yes"}),
    ),
    ("unknown option 'gpus'; known are", lambda c: c.services.render.create(**RENDER, gpus=2)),
    ("max_price_usd must be a number", lambda c: c.services.mr.search(max_price_usd="1")),  # type: ignore[arg-type]
    ("min_vram_gb must not be negative", lambda c: c.services.mr.search(min_vram_gb=-1)),
    ("min_reliability must be a number", lambda c: c.services.mr.search(min_reliability=float("nan"))),
    ("max_price_usd must be a number", lambda c: c.services.vpn.search(max_price_usd=Decimal("sNaN"))),
    ("max_price_usd must not be negative", lambda c: c.services.vpn.search(max_price_usd=-(10**5000))),
    ("country must be text, not 49 (int)", lambda c: c.services.vpn.search(country=49)),  # type: ignore[arg-type]
    ("gpu must not be empty", lambda c: c.services.mr.search(gpu=" ")),
    ("sort must be one of price", lambda c: c.services.render.search(sort="cheap")),  # type: ignore[arg-type]
    ("sort must be one of price, download", lambda c: c.services.vpn.search(sort="vram")),  # type: ignore[arg-type]
    ("residential must be True, False", lambda c: c.services.vpn.search(residential="yes")),  # type: ignore[arg-type]
    *[
        (f"timeout must be a number of seconds above 0 to 2147483, not {words}", wait)
        for words, wait in [
            ("0 (int)", lambda c: c.services.session("u").wait_until_ready(0)),
            ("'10' (str)", lambda c: c.services.session("u").wait_until_ready("10")),
            ("None", lambda c: c.services.session("u").wait_until_ready(None)),
            ("nan", lambda c: c.services.session("u").wait_until_ready(float("nan"))),
            ("<int that cannot", lambda c: c.services.session("u").wait_until_ready(10**5000)),
        ]
    ],
    ("interval must be", lambda c: c.services.session("u").wait_until_ready(interval=-1)),
    *[
        ("interval must be a number of seconds from 0", lambda c, i=i: c.services.session("u").follow_logs(i))  # type: ignore[misc]
        for i in (-1, float("nan"), float("inf"), "1", None, True)
    ],
    *[
        (
            "timeout must be a number of seconds above 0",
            lambda c, t=t: c.services.session("u").follow_logs(timeout=t),  # type: ignore[misc]
        )
        for t in (0, -1, float("nan"), "10", True)
    ],
]


@pytest.mark.parametrize(("message", "call"), BAD, ids=[message[:50] for message, _ in BAD])
def test_refused_before_anything_is_sent(
    message: str, call: Callable[[Client], Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        call(client)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert requests_mock.call_count == 0


@pytest.mark.parametrize("id", [2**10_000, "x" * 5000, "ünï/☃", "%2e%2e", "a?b#c"])
def test_odd_ids_stay_one_segment(id: int | str, client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(ANY, json={})
    client.nodes.find(id)
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.url.count("/") == 4
    assert "?" not in requests_mock.last_request.url


def test_an_unknown_argument_of_create_is_a_type_error_that_names_it(client: Client) -> None:
    with pytest.raises(TypeError, match="'imge'"):
        client.services.mr.create(**MACHINE, imge="x")


def test_secret_values_are_in_no_message(client: Client) -> None:
    with pytest.raises(ValueError, match="TOKEN") as caught:
        client.services.mr.create(**MACHINE, envs={"TOKEN": b"hunter2"})  # type: ignore[dict-item]
    assert "hunter2" not in str(caught.value)
