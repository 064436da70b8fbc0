"""Which requests a fault applies to: how often, how likely, where; and which options are refused."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from octaspace.sandbox import KINDS, OPTIONS, FaultError, FaultKind, FaultRegistry, SandboxServer
from octaspace.sandbox.faults.kinds import make_fault

from .api import Api, MakeApi


def statuses(api: Api, count: int, path: str = "/accounts") -> list[int]:
    return [api.get(path).status_code for _ in range(count)]


def test_a_fault_applies_as_often_as_count_says(sandbox: SandboxServer, api: Api) -> None:
    fault = sandbox.faults.add("status", status=500, count=2)
    assert statuses(api, 4) == [500, 500, 200, 200]
    assert (fault.fired, fault.view()["spent"]) == (2, True)
    assert sandbox.faults.active() == [fault]


def test_a_fault_applies_with_its_probability_and_the_same_seed_the_same_requests(
    api: Api, sandbox: SandboxServer
) -> None:
    def fall(seed: int) -> list[int]:
        sandbox.reset(seed=seed)
        sandbox.faults.remove_all()
        sandbox.faults.add("status", status=500, probability=0.3)
        return statuses(api, 200, "/network")

    first = fall(1)
    assert 40 <= first.count(500) <= 80
    assert fall(1) == first
    assert fall(2) != first


def test_faults_of_a_kind_fall_independently(api: Api, make_api: MakeApi, sandbox: SandboxServer) -> None:
    dropped = sandbox.faults.add("status", probability=0.5)
    sandbox.faults.add("status", endpoint=sandbox.ports[1], probability=0.5)
    sandbox.faults.remove_fault(dropped.id)
    sandbox.faults.add("status", endpoint=sandbox.ports[0], probability=0.5)
    other = make_api(sandbox.urls[1])
    assert statuses(api, 50, "/network") != statuses(other, 50, "/network")


def test_a_fault_applies_to_one_endpoint_some_methods_some_paths(
    api: Api, make_api: MakeApi, sandbox: SandboxServer
) -> None:
    other = make_api(sandbox.urls[1])
    sandbox.faults.add("status", status=500, endpoint=sandbox.ports[1])
    sandbox.faults.add("status", status=502, methods=["post"])
    sandbox.faults.add("status", status=503, path="/nodes/*")
    assert (api.get("/nodes").status_code, other.get("/nodes").status_code) == (200, 500)
    assert api.post("/accounts").status_code == 502
    assert api.get("/nodes/9001").status_code == 503
    assert sandbox.faults.remove_all(sandbox.ports[1]) == 1
    assert other.get("/nodes").status_code == 200
    assert sandbox.faults.remove_all() == 2
    assert api.get("/nodes/9001").status_code == 200


def test_the_first_fault_that_applies_wins(api: Api, sandbox: SandboxServer) -> None:
    first = sandbox.faults.add("status", status=500, count=1)
    second = sandbox.faults.add("status", status=502, count=1)
    assert statuses(api, 3) == [500, 502, 200]
    assert (first.fired, second.fired) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("explode", {}, "kind must be one of status, slow"),
        ("status", {"code": 500}, "status takes no option code: choose among endpoint, methods"),
        ("slow", {"status": 500}, "slow takes no option status"),
        ("stall_body", {"carry_out": False}, "stall_body takes no option carry_out"),
        ("refuse", {"probability": 0.5}, "refuse takes no option probability"),
        ("status", {"id": 3}, "takes no option id"),
        ("status", {"status": 200}, "status must be a whole number from 300 to 599"),
        ("status", {"status": "500"}, "status must be"),
        ("status", {"probability": 1.5}, "probability must be a number from 0 to 1"),
        ("status", {"probability": float("nan")}, "probability must be"),
        ("status", {"count": 0}, "count must be a whole number from 1"),
        ("status", {"count": True}, "count must be"),
        ("status", {"body": "xml"}, "body must be one of json, html, empty"),
        ("status", {"carry_out": "yes"}, "carry_out must be true or false"),
        ("status", {"methods": "GET"}, "methods must be a list"),
        ("status", {"path": 5}, "path must be"),
        ("slow", {"seconds": -1}, "seconds must be a number from 0 to 3600"),
        ("rate_limit", {"per_second": 0.5}, "per_second must be a whole number"),
    ],
)
def test_a_wrong_option_is_named(kind: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(FaultError, match=says):
        make_fault(kind, None, options)


def test_the_types_know_every_kind_and_every_option() -> None:
    assert set(get_args(FaultKind)) == set(KINDS)
    options = set(inspect.signature(FaultRegistry.add).parameters) - {"self", "kind", "endpoint"}
    assert options == {option for names in OPTIONS.values() for option in names}
