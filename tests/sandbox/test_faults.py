"""Each kind of fault as a client on a bare socket meets it, and what the journal says was carried out."""

from __future__ import annotations

import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from octaspace.sandbox import KINDS, OPTIONS, ManualClock, SandboxServer

from ..support.waiting import until
from .api import MakeApi
from .raw_client import RawClient

RENT = b'[{"node_id": 9101, "disk_size": 1, "image": "ubuntu:24.04"}]'


def rent(raw: RawClient) -> None:
    raw.request("POST /services/mr", body=RENT)


def carried_out(sandbox: SandboxServer) -> int:
    """How many rentals there are above the seeded ones, which must be what the journal says as well."""
    happened = len(sandbox.world.active()) - 6
    assert happened == sum(entry.carried_out for entry in sandbox.journal.entries() if entry.change)
    return happened


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 504, 599])
def test_status(sandbox: SandboxServer, raw: RawClient, status: int) -> None:
    sandbox.faults.add("status", status=status)
    rent(raw)
    answer = raw.answer()
    assert answer.status == status
    assert answer.headers["x-request-id"] == sandbox.journal.entries()[0].request_id
    html = status in (502, 504)
    if status != 304:
        assert answer.headers["content-type"] == ("text/html" if html else "application/json")
        assert html or {"error", "message"} == set(answer.json())
    assert carried_out(sandbox) == 0
    [entry] = sandbox.journal.entries()
    assert (entry.fault, entry.status, entry.done) == ("status", status, True)
    sandbox.faults.remove_all()
    rent(raw)  # On the same connection.
    assert raw.answer().status == 200
    assert carried_out(sandbox) == 1


def test_a_status_after_the_work_is_done(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("status", status=500, carry_out=True)
    rent(raw)
    assert raw.answer().status == 500
    assert carried_out(sandbox) == 1


@pytest.mark.parametrize(("body", "length"), [("json", None), ("html", None), ("empty", "0")])
def test_the_body_of_a_status(sandbox: SandboxServer, raw: RawClient, body: str, length: str | None) -> None:
    sandbox.faults.add("status", status=500, body=body)
    raw.request("GET /accounts")
    answer = raw.answer()
    assert answer.headers.get("content-type") == {"json": "application/json", "html": "text/html"}.get(body)
    assert length in (None, answer.headers["content-length"])
    raw.request("HEAD /accounts")
    assert raw.answer(head_only=True).headers["content-length"] == answer.headers["content-length"]
    raw.request("GET /accounts")
    assert raw.answer().status == 500


def test_retry_after_in_seconds_and_as_a_date(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("status", status=429, retry_after=1.5)
    raw.request("GET /accounts")
    assert raw.answer().headers["retry-after"] == "1.5"
    sandbox.faults.remove_all()
    sandbox.faults.add("status", status=503, retry_after=3600, retry_after_date=True)
    raw.request("GET /accounts")
    date = parsedate_to_datetime(raw.answer().headers["retry-after"]).timestamp()
    assert 1800 < date - time.time() <= 3600
    sandbox.faults.remove_all()
    sandbox.faults.add("status", status=503)
    raw.request("GET /accounts")
    assert "retry-after" not in raw.answer().headers


def test_slow(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("slow", seconds=600)
    sandbox.faults.add("slow", seconds=300)
    rent(raw)
    until(lambda: sandbox.journal.entries() != [])
    assert raw.is_silent()
    [entry] = sandbox.journal.entries()
    assert (entry.done, entry.status, entry.carried_out) == (False, None, False)
    sandbox.faults.remove_all()  # Removing the fault ends the delay.
    assert raw.answer().status == 200
    assert (entry.fault, entry.delayed, entry.status, entry.done) == ("slow", 900, 200, True)
    assert carried_out(sandbox) == 1


def test_slow_really_waits(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("slow", seconds=0.1)
    begun = time.monotonic()
    raw.request("GET /network")
    raw.answer()
    assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("slow_first", [True, False])
def test_slow_combines_with_another_in_any_order(
    sandbox: SandboxServer, raw: RawClient, slow_first: bool
) -> None:
    for kind in ("slow", "status") if slow_first else ("status", "slow"):
        sandbox.faults.add(kind, seconds=0.01 if kind == "slow" else None)
    raw.request("GET /network")
    assert raw.answer().status == 503
    [entry] = sandbox.journal.entries()
    assert (entry.fault, entry.delayed) == ("status", 0.01)


@pytest.mark.parametrize("carry_out", [None, False])
def test_stall(sandbox: SandboxServer, raw: RawClient, carry_out: bool | None) -> None:
    sandbox.faults.add("stall", carry_out=carry_out)
    rent(raw)
    until(lambda: any(entry.done for entry in sandbox.journal.entries()))
    assert raw.is_silent()
    assert carried_out(sandbox) == (carry_out is None)
    sandbox.faults.remove_all()
    assert raw.rest() == b""
    [entry] = sandbox.journal.entries()
    assert (entry.fault, entry.status) == ("stall", None)


def test_a_client_that_leaves_ends_the_stall(sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall")
    with RawClient(sandbox.ports[0]) as raw:
        raw.request("GET /network")
        until(lambda: any(entry.done for entry in sandbox.journal.entries()))
        assert sandbox.endpoints()[0]["connections"] == 1
    until(lambda: sandbox.endpoints()[0]["connections"] == 0)


@pytest.mark.parametrize("kind", ["stall_body", "truncate"])
def test_half_an_answer(sandbox: SandboxServer, raw: RawClient, kind: str) -> None:
    raw.request("GET /apps")
    whole = raw.answer().body
    sandbox.faults.add(kind)
    raw.request("GET /apps")
    if kind == "stall_body":
        while not raw.buffer.endswith(whole[: len(whole) // 2]):
            assert raw.more()
        assert raw.is_silent()
        sandbox.faults.remove_all()
    head, _, body = raw.rest().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2]


@pytest.mark.parametrize("kind", ["stall_body", "truncate", "garbage", "html", "close_after", "drip"])
def test_after_these_the_change_has_been_carried_out(
    sandbox: SandboxServer, raw: RawClient, kind: str
) -> None:
    sandbox.faults.add(kind, seconds=0.02 if kind == "drip" else None)
    rent(raw)
    assert raw.socket.recv(12) == b"HTTP/1.1 200"
    assert carried_out(sandbox) == 1
    assert sandbox.journal.entries()[0].status == 200


def test_an_empty_body_can_be_cut_short_as_well(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.reset(dataset="loose")
    for _ in range(4):  # The fifth error of this set has no body (Q16).
        raw.request("GET /nodes/1")
        raw.answer()
    sandbox.faults.add("truncate")
    raw.request("GET /nodes/1")
    head, _, body = raw.rest().partition(b"\r\n\r\n")
    assert b"Content-Length: 2" in head
    assert body == b""


def test_drip(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("drip", seconds=0.1)
    begun = time.monotonic()
    raw.request("GET /apps")
    assert raw.more()
    assert len(raw.buffer) < 1000
    assert len(raw.answer().json()) == 11
    assert time.monotonic() - begun >= 0.09
    raw.request("GET /network")
    assert raw.answer().status == 200


def test_drop_before_read_carries_nothing_out(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("drop_before_read")
    rent(raw)
    with pytest.raises(ConnectionResetError):  # Closed with an unread request on it.
        raw.rest()
    assert carried_out(sandbox) == 0
    [entry] = sandbox.journal.entries()
    assert (entry.method, entry.path, entry.operation, entry.change) == (
        "POST",
        "/services/mr",
        "rent_machines",
        True,
    )
    assert (entry.body, entry.key, entry.status, entry.fault) == ("", None, None, "drop_before_read")


def test_drop_before_read_at_the_reuse_of_a_connection(sandbox: SandboxServer, raw: RawClient) -> None:
    raw.request("GET /network")
    raw.answer()
    sandbox.faults.add("drop_before_read", count=1)
    rent(raw)
    with pytest.raises(ConnectionResetError):
        raw.rest()
    assert carried_out(sandbox) == 0
    with RawClient(sandbox.ports[0]) as fresh:
        rent(fresh)
        assert fresh.answer().status == 200


@pytest.mark.parametrize("carry_out", [None, True, False])
@pytest.mark.parametrize("kind", ["drop_after_read", "reset"])
def test_drop_after_read_carries_the_change_out(
    sandbox: SandboxServer, raw: RawClient, kind: str, carry_out: bool | None
) -> None:
    sandbox.faults.add(kind, carry_out=carry_out)
    rent(raw)
    if kind == "reset":
        with pytest.raises(ConnectionResetError):
            raw.rest()
    else:
        assert raw.rest() == b""
    assert carried_out(sandbox) == (carry_out is not False)
    [entry] = sandbox.journal.entries()
    assert (entry.status, entry.fault, entry.done) == (None, kind, True)
    assert entry.body == RENT.decode()


def test_refuse_closes_the_port_until_it_is_healed(
    sandbox: SandboxServer, raw: RawClient, make_api: MakeApi
) -> None:
    port = sandbox.ports[0]
    raw.request("GET /network")
    raw.answer()
    fault = sandbox.faults.add("refuse", endpoint=port)
    assert raw.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert [endpoint["listening"] for endpoint in sandbox.endpoints()] == [False, True]
    assert make_api(sandbox.urls[1]).get("/accounts").status_code == 200
    second = sandbox.faults.add("refuse")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sandbox.ports[1]))
    sandbox.faults.remove_fault(fault.id)  # The other one still closes both.
    assert [endpoint["listening"] for endpoint in sandbox.endpoints()] == [False, False]
    sandbox.faults.remove_fault(second.id)
    for url in sandbox.urls:
        assert make_api(url).get("/network").status_code == 200
    assert sandbox.ports[0] == port


def test_refuse_before_the_start() -> None:
    sandbox = SandboxServer(ports=(0, 0))
    sandbox.faults.add("refuse")
    with sandbox:
        assert [endpoint["listening"] for endpoint in sandbox.endpoints()] == [False, False]
        sandbox.faults.remove_all()
        assert [endpoint["listening"] for endpoint in sandbox.endpoints()] == [True, True]


def test_close_after_says_keep_alive_and_closes(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("close_after")
    raw.request("GET /network")
    answer = raw.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")
    assert raw.rest() == b""


def test_garbage_and_html(sandbox: SandboxServer, raw: RawClient) -> None:
    sandbox.faults.add("garbage", count=1)
    sandbox.faults.add("html", count=1)
    raw.request("GET /accounts")
    garbage = raw.answer()
    assert (garbage.status, garbage.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="utf-8"):
        garbage.json()
    raw.request("GET /accounts")
    html = raw.answer()
    assert (html.status, html.headers["content-type"]) == (200, "text/html")
    assert html.body.startswith(b"<!DOCTYPE html>")


def test_rate_limit(sandbox: SandboxServer, raw: RawClient, clock: ManualClock) -> None:
    sandbox.faults.add("rate_limit", per_second=2)

    def ask(times: int) -> list[int]:
        answers = []
        for _ in range(times):
            raw.request("GET /accounts")
            answers.append(raw.answer())
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.headers["retry-after"] for answer in refused} <= {"1"}
        return [answer.status for answer in answers]

    assert ask(4) == [200, 200, 429, 429]
    clock.advance(0.5)
    assert ask(1) == [429]
    clock.advance(0.5)
    assert ask(3) == [200, 200, 429]
    with RawClient(sandbox.ports[1]) as other:  # Each endpoint counts for itself.
        other.request("GET /accounts")
        assert other.answer().status == 200


def test_every_kind_is_in_the_tests_above() -> None:
    tried = {"status", "slow", "stall", "stall_body", "drip", "drop_before_read", "drop_after_read", "reset"}
    tried |= {"refuse", "truncate", "close_after", "garbage", "html", "rate_limit"}
    assert set(KINDS) == set(OPTIONS) == tried
