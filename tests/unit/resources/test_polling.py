"""`wait_until_ready`: ends with the session, with the timeout, or with a permanent error."""

from __future__ import annotations

from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock

from .conftest import API

INFO = f"{API}/services/u-1/info"


def wait(client: Client, **options: Any) -> octaspace.Response[Any]:
    return client.services.session("u-1").wait_until_ready(**options)


def test_it_asks_until_the_session_is_ready(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    answers = [{"progress": "pending"}, {"progress": "pulling image"}, {"is_ready": True, "progress": "x"}]
    requests_mock.get(INFO, [{"json": answer} for answer in answers])
    seen: list[Any] = []
    response = wait(client, interval=3.0, on_progress=lambda response: seen.append(response.data))
    assert response.data == answers[-1]
    assert seen == answers
    assert clock.slept == [3.0, 3.0]


def test_against_the_sandbox(sandbox: SandboxServer, sandbox_client: Client, clock: FakeClock) -> None:
    offer = sandbox_client.services.mr.search()[0]
    uuid = sandbox_client.services.mr.create(node_id=offer.node_id, disk_size=10, image="i").data[0]["uuid"]
    assert sandbox_client.services.session(uuid).wait_until_ready().data["is_ready"] is True
    assert sum(clock.slept) == 4.0


def test_the_time_is_over(client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock) -> None:
    requests_mock.get(INFO, json={"progress": "pulling\x1b[31m image"})
    with pytest.raises(octaspace.TimeoutError, match=r"not ready within 5 s; .*pulling") as caught:
        wait(client, timeout=5.0)
    assert caught.value.phase == "total"
    assert "\x1b" not in str(caught.value)
    assert clock.slept == [2.0, 2.0, 1.0]


def test_each_look_may_take_what_is_left(
    client: Client, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    limits: list[float | None] = []

    def send(request: Any, *, timeout: float | None = None, sink: Any = None) -> Any:
        limits.append(timeout)
        clock.advance(4.0)
        raise octaspace.TimeoutError("hangs", phase="total")

    monkeypatch.setattr(client, "send", send)
    with pytest.raises(octaspace.TimeoutError, match="TimeoutError") as caught:
        wait(client, timeout=10.0, interval=1.0)
    assert limits == [10.0, 5.0]
    assert isinstance(caught.value.__cause__, octaspace.TimeoutError)


@pytest.mark.parametrize(
    "info", [{"progress": "failed"}, {"finished_at": 1795424428000}, {"progress": "Error", "is_ready": False}]
)
def test_a_session_that_ended_raises(
    info: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(INFO, json=info)
    with pytest.raises(octaspace.Error, match="u-1 ended before it was ready") as caught:
        wait(client)
    assert type(caught.value) is octaspace.Error
    assert caught.value.response is not None
    assert caught.value.response.data == info
    assert clock.slept == []


def test_progress_that_repeats_the_key_is_told_without_it(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(INFO, json={"uuid": "u-1", "progress": "failed: sk-secret"})
    with pytest.raises(octaspace.Error, match=r"failed: \*\*\*") as caught:
        wait(client)
    assert "sk-secret" not in str(caught.value)


def test_a_time_that_was_never_set_is_no_end(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(INFO, json={"finished_at": "0001-01-01T00:00:00Z", "progress": "running"})
    assert wait(client).ok


def test_an_info_in_a_list_of_one_is_read(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(INFO, json=[{"is_ready": True}])
    assert wait(client).data == [{"is_ready": True}]


@pytest.mark.parametrize("data", [[], [{"is_ready": True}] * 2, "ready", None, 7])
def test_an_answer_that_is_no_object_says_nothing(
    data: Any, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(INFO, [{"json": data}, {"json": {"is_ready": True}}])
    assert wait(client).data == {"is_ready": True}


BROKEN: list[dict[str, Any]] = [
    {"text": '{"is_ready": NaN}', "headers": {"Content-Type": "application/json"}},
    {"text": "<html>Maintenance</html>", "headers": {"Content-Type": "text/html"}},
    {"text": "", "headers": {"Content-Type": "application/json"}},
    {"status_code": 204},
]


@pytest.mark.parametrize("broken", BROKEN, ids=["bad JSON", "HTML", "empty", "204"])
def test_a_broken_answer_is_waited_out_like_a_502(
    broken: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(INFO, [broken, {"json": {"is_ready": True}}])
    assert wait(client).data == {"is_ready": True}
    assert clock.slept == [2.0]


def test_broken_answers_to_the_end_are_told_by_the_timeout(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(INFO, **BROKEN[1])
    with pytest.raises(octaspace.TimeoutError, match="InvalidResponseError") as caught:
        wait(client, timeout=5.0)
    assert isinstance(caught.value.__cause__, octaspace.InvalidResponseError)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_waiting_does_not_mend_raises_at_once(
    status: int, client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(INFO, status_code=status)
    with pytest.raises(octaspace.ApiError) as caught:
        wait(client)
    assert caught.value.status == status
    assert clock.slept == []


def test_what_passes_is_waited_out(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    light = client.with_options(max_retries=0)
    requests_mock.get(
        INFO,
        [
            {"status_code": 503},
            {"status_code": 408},
            {"status_code": 429, "headers": {"Retry-After": "7"}},
            {"exc": ConnectionError},
            {"json": {"is_ready": True}},
        ],
    )
    assert wait(light).ok
    assert clock.slept == [2.0, 2.0, 7.0, 2.0]


def test_a_request_that_hangs_ends_with_the_time(sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall", path="/services/*")
    with Client("sk-secret", base_url=sandbox.url, read_timeout=None) as client:
        with pytest.raises(
            octaspace.TimeoutError, match=r"not ready within 0\.2 s; .*TimeoutError"
        ) as caught:
            client.services.session("u-1").wait_until_ready(timeout=0.2, interval=0)
        assert caught.value.phase == "total"
        assert client.transport_stats()["requests"] == 1


def test_an_interrupt_ends_the_waiting(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(INFO, exc=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        wait(client)
    assert requests_mock.call_count == 1


def test_what_on_progress_asks_for_is_not_waited_out(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(INFO, json={})
    requests_mock.get(f"{API}/accounts/balance", status_code=503)
    with pytest.raises(octaspace.ServiceUnavailableError):
        wait(client, on_progress=lambda _: client.accounts.balance())


def test_what_on_progress_raises_ends_the_waiting(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(INFO, json={})

    def cancel(response: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        wait(client, on_progress=cancel)
