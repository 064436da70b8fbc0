"""The journal: what arrived, what was carried out, and what was carried out twice."""

from __future__ import annotations

import json

from octaspace.sandbox import Journal, ManualClock, SandboxServer

from .api import Api, MakeApi

RENT = {"node_id": 9101, "disk_size": 1, "image": "ubuntu:24.04"}


def test_an_entry_says_everything_about_a_request(
    sandbox: SandboxServer, make_api: MakeApi, clock: ManualClock
) -> None:
    clock.advance(5)
    api = make_api(sandbox.urls[1], "sk-very-secret")
    answer = api.call("PATCH", "/nodes/9001/prices?why=test", json={"base": 1})
    [entry] = sandbox.journal.entries()
    assert (entry.id, entry.time, entry.endpoint) == (1, clock.time(), sandbox.ports[1])
    assert (entry.connection, entry.number) == (1, 1)
    assert (entry.method, entry.path, entry.query) == ("PATCH", "/nodes/9001/prices", "why=test")
    assert json.loads(entry.body) == {"base": 1}
    assert entry.request_id == answer.headers["X-Request-Id"]
    assert (entry.operation, entry.change, entry.carried_out) == ("update_node_prices", True, True)
    assert (entry.fault, entry.delayed, entry.status, entry.done) == (None, 0, 200, True)


def test_a_key_is_told_from_others_and_never_shown(sandbox: SandboxServer, make_api: MakeApi) -> None:
    for key in ("sk-one", "sk-two", "sk-one", None):
        make_api(key=key).get("/accounts")
    keys = [entry.key for entry in sandbox.journal.entries()]
    assert keys[0] == keys[2] != keys[1]
    assert keys[3] is None
    assert "sk-" not in json.dumps(sandbox.journal.page())


def test_what_was_refused_was_not_carried_out(api: Api, make_api: MakeApi, sandbox: SandboxServer) -> None:
    make_api(key="readonly").post("/accounts")
    make_api(key="invalid").post("/accounts")
    api.post("/services/mr", [{**RENT, "node_id": 9127}])
    api.post("/services/mr", [{"node_id": 9127}])
    api.post("/services/none/stop")
    api.post("/nowhere")
    api.post("/services/mr", [{**RENT, "node_id": 9127}, RENT])
    api.get("/accounts")
    entries = sandbox.journal.entries()
    assert [entry.status for entry in entries] == [403, 401, 200, 422, 404, 404, 200, 200]
    assert [entry.change for entry in entries] == [True] * 5 + [False, True, False]
    assert [entry.carried_out for entry in entries] == [False] * 6 + [True, True]


def test_the_summary_finds_a_change_that_was_carried_out_twice(
    api: Api, make_api: MakeApi, sandbox: SandboxServer
) -> None:
    first, second, third = ([{**RENT, "envs": {"CALL": str(number)}}] for number in range(3))
    sandbox.faults.add("status", status=503, count=1)
    api.post("/services/mr", first)  # 503: not carried out,
    api.post("/services/mr", first)  # so this is the only time.
    sandbox.faults.add("status", status=503, count=1, carry_out=True)
    api.post("/services/mr", second)
    make_api(sandbox.urls[1]).post("/services/mr", second)
    api.post("/services/mr", third)
    make_api(key="sk-other").post("/services/mr", third)  # From another client.
    for _ in range(3):
        api.get("/network")
    body = json.dumps(second)
    summary = sandbox.journal.summary()
    assert summary["repeated"] == [{"method": "POST", "path": "/services/mr", "body": body, "times": 2}]
    assert (summary["requests"], summary["changes"]) == (9, 5)
    assert summary["endpoints"] == {
        str(port): times for port, times in zip(sandbox.ports, (8, 1), strict=True)
    }
    assert summary["statuses"] == {"200": 7, "503": 2}
    assert summary["faults"] == {"status": 2}
    assert sandbox.journal.summary(after=4)["repeated"] == []


def test_clearing_forgets_and_goes_on_counting(api: Api, sandbox: SandboxServer) -> None:
    api.get("/network")
    sandbox.journal.clear()
    assert sandbox.journal.page() == {"entries": [], "last": 1, "more": False}
    api.get("/network")
    assert [entry.id for entry in sandbox.journal.entries()] == [2]


def test_the_oldest_entries_are_forgotten_first() -> None:
    journal = Journal(lambda: 0.0, size=3)
    for number in range(5):
        journal.record(
            None, b"x" * 10_000, endpoint=1, connection=1, number=number, method="GET", path="/", query="",
            request_id="",
        )  # fmt: skip
    assert [entry.id for entry in journal.entries()] == [3, 4, 5]
    assert [entry.id for entry in journal.entries(after=4)] == [5]
    page = journal.page(after=2, limit=2)
    assert ([entry["id"] for entry in page["entries"]], page["last"], page["more"]) == ([3, 4], 5, True)
    assert {len(entry.body) for entry in journal.entries()} == {8192}
