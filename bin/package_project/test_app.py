from __future__ import annotations

import pytest
from flask.testing import FlaskClient

import octaspace
from octaspace.sandbox import FaultRegistry, ManualClock, SandboxServer


@pytest.mark.parametrize("turn", range(4))
def test_a_rental(web: FlaskClient, octaspace_sandbox: SandboxServer, turn: int) -> None:
    assert web.post("/machines/9101").status_code == 201
    (entry,) = octaspace_sandbox.journal.entries()
    assert (entry.id, entry.operation, entry.carried_out) == (1, "rent_machines", True)


def test_a_rejection(web: FlaskClient) -> None:
    answer = web.post("/machines/9127")
    assert (answer.status_code, answer.json) == (409, {"rejected": ["node is busy"]})


def test_a_read_is_repeated(
    web: FlaskClient, octaspace_faults: FaultRegistry, octaspace_sandbox: SandboxServer
) -> None:
    octaspace_faults.add("status", status=503, count=1)
    assert web.get("/nodes").status_code == 200
    assert [entry.status for entry in octaspace_sandbox.journal.entries()] == [503, 200]


def test_a_rental_is_not_repeated(
    web: FlaskClient, octaspace_faults: FaultRegistry, octaspace_sandbox: SandboxServer
) -> None:
    octaspace_faults.add("drop_after_read", methods=["POST"], count=1)
    assert web.post("/machines/9101").status_code == 502
    summary = octaspace_sandbox.journal.summary()
    assert (summary["changes"], summary["repeated"]) == (1, [])


@pytest.mark.octaspace(dataset="large", strict_keys=True)
def test_the_client(octaspace_client: octaspace.Client, octaspace_sandbox_clock: ManualClock) -> None:
    assert len(octaspace_client.nodes.list().data) == 700
    machine = octaspace_client.services.mr.search()[0]
    with octaspace_client.services.mr.rent(
        node_id=machine.node_id or 0, disk_size=10, image="ubuntu:24.04"
    ) as session:
        assert session.wait_until_ready().data["is_ready"]
    assert octaspace_sandbox_clock.monotonic() >= 4
