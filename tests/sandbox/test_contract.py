"""Every operation of openapi.yaml over every data set: the answers are those it allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from octaspace.sandbox import ManualClock, SandboxServer
from octaspace.sandbox.api.operations import OPERATIONS
from octaspace.sandbox.datasets.registry import DATASETS

from .api import Api
from .specification import json_problems, operations, problems

EXAMPLE_APP = "249b4cb3-3db1-4c06-98a4-772ba88cd81c"
RENTAL = {"disk_size": 10, "image": "ubuntu:24.04"}
ERRORS = (401, 403, 404, 422, 429, 500, 503)


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="module")
def sandbox(clock: ManualClock) -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0,), clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def api(sandbox: SandboxServer) -> Iterator[Api]:
    client = Api(sandbox.url)
    yield client
    client.close()


class Checked:
    """Sends requests and checks each answer; remembers which operations were answered, and how."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.seen: Counter[tuple[str, int]] = Counter()

    def __call__(self, operation_id: str, body: object = None, query: str = "", **path: object) -> Any:
        method, template, _ = operations()[operation_id]
        target = template.format(**{name: quote(str(value), safe="") for name, value in path.items()})
        answer = self._api.call(method, target + query, json=body)
        assert problems(operation_id, answer) == []
        self.seen[operation_id, answer.status_code] += 1
        if "json" not in answer.headers.get("Content-Type", ""):
            return answer.content
        return answer.json()


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_answers_are_those_of_the_specification(
    dataset: str, sandbox: SandboxServer, api: Api, clock: ManualClock
) -> None:
    sandbox.reset(dataset=dataset)
    call = Checked(api)
    for name in ("network_information", "account_profile", "account_balance", "generate_wallet", "list_apps"):
        call(name)
    nodes = call("list_own_nodes")
    # Of the large set one in forty: all of them have been in the list.
    for node in nodes[:: max(1, len(nodes) // 18)] or [{"id": 1}]:
        call("node_detail", id=node["id"])
        call("update_node_prices", {"base": 2 * 10**18, "storage": "1000", "gpu_hour": 0.5}, id=node["id"])
        call("reboot_node", id=node["id"])
    for place in ("download_node_identity", "download_node_logs"):
        call(place, id=nodes[0]["id"] if nodes else 1)

    machines, relays, renders, _ = (
        call(f"list_{name}")
        for name in (
            "machines_on_offer",
            "vpn_relays",
            "render_nodes_on_offer",
            "render_nodes_by_older_path",
        )
    )
    absent = [{"node_id": 1}]
    call("rent_machines", [{**RENTAL, "node_id": each["node_id"]} for each in machines or absent])
    for machine in (
        machines[-10:] or absent
    ):  # Those that refuse, and in the loose set those that make nothing.
        call("rent_machines", [{**RENTAL, "node_id": machine["node_id"]}])
        call("rent_machines", {**RENTAL, "node_id": machine["node_id"]})
    call("rent_machines", {"node_id": (machines or absent)[0]["node_id"], "app": EXAMPLE_APP})
    for number, kind in enumerate(("wg", "openvpn", "ss", "v2ray", "http_proxy")):
        call("start_vpn", {"node_id": relays[number]["node_id"] if relays else 1, "subkind": kind})
    for relay in relays[-6:]:
        call("start_vpn", {"node_id": relay["node_id"]})
    for node in [*renders[:1], *renders[-6:]] or absent:
        for name in ("start_render", "start_render_by_older_path"):
            call(name, {"node_id": node["node_id"], "disk_size": 10})

    uuids = [""]
    for _ in range(4):  # Queued, on their way, just ready, running.
        active = call("list_sessions")
        uuids = [session["uuid"] for session in active[:24]] or uuids
        for uuid in uuids:
            call("session_info", uuid=uuid)
            call("session_logs", uuid=uuid)
        clock.advance(2)
    call("stop_session", {"score": 5}, uuid=uuids[0])
    call("stop_session_by_get", uuid=uuids[-1])
    finished = call("list_sessions", query="?recent=true")
    for session in finished[:12]:
        call("session_logs", query="?recent=true", uuid=session["uuid"])
        call("session_info", uuid=session["uuid"])  # Gone (Q14).
    for node_id, job_id in [*sandbox.world.initial_state.idle_jobs, (1, 1)]:
        call("idle_job", node_id=node_id, job_id=job_id)
        call("idle_job_logs", node_id=node_id, job_id=job_id)

    assert {name for name, _ in call.seen} == set(operations())
    if dataset != "empty":
        assert {name for name, status in call.seen if status in (200, 201)} == set(operations())
        assert call.seen["rent_machines", 200] > 0
        assert call.seen["rent_machines", 201] > 0


@pytest.mark.parametrize("operation_id", operations())
def test_errors_are_those_of_the_specification(operation_id: str, sandbox: SandboxServer, api: Api) -> None:
    method, template, operation = operations()[operation_id]
    path = template.format(id=9001, uuid="none", node_id=1, job_id=1)
    declared = [status for status in ERRORS if str(status) in operation["responses"]]
    assert len(declared) >= 3
    for status in declared:
        sandbox.faults.add("status", status=status, retry_after=7)
        answer = api.call(method, path)
        sandbox.faults.remove_all()
        assert answer.status_code == status
        assert answer.headers["Retry-After"] == "7"
        assert problems(operation_id, answer) == []


def test_refusals_of_the_api_itself_are_those_of_the_specification(sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="default")
    keys = {key: Api(sandbox.url, key) for key in (None, "invalid", "readonly", "sk-any")}
    statuses: Counter[int] = Counter()
    for operation_id, (method, template, _) in operations().items():
        path = template.format(id="none", uuid="none", node_id="none", job_id="none")
        for key, api in keys.items():
            answer = api.call(method, path, json={"disk_size": "much"} if method != "GET" else None)
            if answer.status_code != 200:
                assert problems(operation_id, answer) == [], (operation_id, key)
            statuses[answer.status_code] += 1
    for api in keys.values():
        api.close()
    # /network asks for no key; everything else refuses two of the four.
    assert statuses[401] == 2 * (len(operations()) - 1)
    assert statuses[403] == sum(operation.change for operation in OPERATIONS)
    assert min(statuses[404], statuses[422]) > 0


def test_the_sandbox_has_the_operations_of_the_specification_and_no_others() -> None:
    assert {(each.method, each.template, each.id) for each in OPERATIONS} == {
        (method, path, operation_id) for operation_id, (method, path, _) in operations().items()
    }
    changes = {each.id for each in OPERATIONS if each.change}
    acting = {"reboot_node", "stop_session_by_get"}  # Q1, Q20
    assert changes == acting | {name for name, (method, _, _) in operations().items() if method != "GET"}


def test_a_misspelt_field_or_a_wrong_type_would_be_found(sandbox: SandboxServer, api: Api) -> None:
    sandbox.reset(dataset="default")
    answer = api.get("/nodes")
    assert problems("list_own_nodes", answer) == []
    assert problems("account_profile", answer) != []
    for right, wrong in (
        (b'"uptime":', b'"uptimes":'),
        (b'"state":"online"', b'"state":0'),
        (b'"id":', b'"idx":'),
    ):
        content = answer.content.replace(right, wrong, 1)
        assert len(json_problems("list_own_nodes", 200, content)) >= 1
