"""`follow_logs`: no line twice, none lost, and an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock
from tests.support.waiting import until

from .conftest import API


class Logs:
    """A session whose answers are scripted; it ends when the script does."""

    def __init__(self, *answers: Any, last: Any = None) -> None:
        self._answers, self._last = list(answers), last

    def read(self, recent: bool) -> Any:
        if recent:
            if self._last is None:
                raise octaspace.NotFoundError("gone")
            return self._last
        if not self._answers:
            raise octaspace.NotFoundError("ended")
        return self._answers.pop(0)

    def lines(self) -> list[str]:
        with Client() as client:
            client.send = self._send  # type: ignore[method-assign]
            return list(client.services.session("u-1").follow_logs(interval=0))

    def _send(self, request: octaspace.Request, **_: Any) -> octaspace.Response[Any]:
        ready = {"is_ready": True}
        data = ready if request.path.endswith("/info") else self.read("recent" in request.params)
        return octaspace.Response(status=200, headers={}, data=data)


def logs(*messages: str, container: str = "") -> dict[str, Any]:
    return {
        "system": [{"ts": number, "msg": text} for number, text in enumerate(messages)],
        "container": container,
    }


def test_lines_come_once_as_the_log_grows() -> None:
    session = Logs(
        logs("Pulling\nStatus: ok\n"),
        logs("Pulling\nStatus: ok\n", container="a\nb\n"),
        logs("Pulling\nStatus: ok\n", "Started", container="a\nb\nc\n"),
        last=logs("Pulling\nStatus: ok\n", "Started", "Stopped", container="a\nb\nc\nd"),
    )
    assert session.lines() == ["Pulling", "Status: ok", "a", "b", "Started", "c", "Stopped", "d"]


def test_equal_lines_are_different_lines() -> None:
    session = Logs(logs(container="x\nx\n"), logs(container="x\nx\nx\n"), last=logs(container="x\nx\nx\nx\n"))
    assert session.lines() == ["x", "x", "x", "x"]


def test_q13_entries_under_other_names_and_a_container_that_is_a_list() -> None:
    entries = [
        {"timestamp": "2026-11-25T10:00:00Z", "level": "info", "message": "Started"},
        {"time": 7, "text": "Ready\nGo"},
    ]
    assert Logs(entries[:1], entries, last=entries).lines() == ["Started", "Ready", "Go"]
    answer = {"system": entries[:1], "container": ["a", "b\n", {"line": 3, "text": "c"}]}
    assert Logs(answer, last=answer).lines() == ["Started", "a", "b", "c"]


def test_the_end_seen_in_an_info_in_a_list(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/services/u-1/info", json=[{"uuid": "u-1", "finished_at": 5}])
    requests_mock.get(f"{API}/services/u-1/logs", json={"system": [], "container": "x\n"})
    assert list(client.services.session("u-1").follow_logs(interval=0)) == ["x"]


def test_a_line_without_its_end_is_held_back() -> None:
    session = Logs(logs(container="ste"), logs(container="step 1\nst"), last=logs(container="step 1\nstep 2"))
    assert session.lines() == ["step 1", "step 2"]


def test_a_log_that_loses_its_beginning() -> None:
    session = Logs(
        {"system": [{"ts": 1, "msg": "a"}, {"ts": 2, "msg": "b"}], "container": "1\n2\n3\n"},
        {"system": [{"ts": 2, "msg": "b"}, {"ts": 3, "msg": "c"}], "container": "2\n3\n4\n"},
        last={"system": [{"ts": 9, "msg": "z"}], "container": "8\n9\n"},
    )
    assert session.lines() == ["a", "b", "1", "2", "3", "c", "4", "z", "8", "9"]


def test_q13_the_older_shape_where_lines_appear_in_the_middle() -> None:
    session = Logs(["s1", "c1"], ["s1", "s2", "c1", "c2"], last=["s1", "s2", "c1", "c2", "c2"])
    assert session.lines() == ["s1", "c1", "s2", "c2", "c2"]


def test_an_ended_session_that_answers_with_nothing_repeats_nothing() -> None:
    session = Logs(logs("a", container="b\n"), logs(), last=logs("a", container="b\nc"))
    assert session.lines() == ["a", "b", "c"]


def test_the_last_answer_before_the_end_is_not_forgotten(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    """The session ends between the logs and the info, and what is asked for then answers with nothing."""
    requests_mock.get(f"{API}/services/u-1/logs", json=logs("a", container="b\nc"))
    requests_mock.get(f"{API}/services/u-1/logs?recent=true", json=logs())
    requests_mock.get(f"{API}/services/u-1/info", status_code=404)
    assert list(client.services.session("u-1").follow_logs()) == ["a", "b", "c"]


def test_an_endpoint_that_lags_behind_repeats_nothing() -> None:
    session = Logs(
        logs("a", "b", container="1\n2\n"),
        logs("a", container="1\n"),
        logs("a", "b", "c", container="1\n2\n3\n"),
    )
    assert session.lines() == ["a", "b", "1", "2", "c", "3"]


def test_a_message_that_goes_on() -> None:
    session = Logs(
        {"system": [{"ts": 1, "msg": "Pulling\n"}]}, {"system": [{"ts": 1, "msg": "Pulling\n10 %\nDone\n"}]}
    )
    assert session.lines() == ["Pulling", "10 %", "Done"]


def test_only_line_feeds_end_a_line() -> None:
    odd = "a\x0bb\x85c\u2028d"
    assert Logs(logs(f"{odd}\n\nz", container=f"{odd}\n10 %\r20 %\n")).lines() == [
        odd,
        "",
        "z",
        odd,
        "10 %\r20 %",
    ]


def test_a_line_end_in_two_pieces() -> None:
    session = Logs(
        logs(container="a\r"), logs(container="a\r\nb\r\nc\r"), last=logs(container="a\r\nb\r\nc\r")
    )
    assert session.lines() == ["a", "b", "c"]


def test_a_line_that_was_held_back_when_all_of_the_log_went() -> None:
    session = Logs(logs(container="a\nhalf"), logs(container="other\nthing\n"))
    assert session.lines() == ["a", "half", "other", "thing"]


def test_q13_the_older_shape_with_equal_lines_at_both_ends() -> None:
    session = Logs(["", "start", ""], ["", "pulled", "start", "", "up"])
    assert session.lines() == ["", "start", "", "pulled", "up"]


def test_windows_line_ends_and_odd_shapes() -> None:
    session = Logs(
        {"system": [{"ts": 1}, "text", {"msg": None}], "container": "a\r\nb\r\n"}, None, {"system": 7}
    )
    assert session.lines() == ["text", "a", "b"]


def test_a_session_that_never_was(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/services/u-1/logs", status_code=404)
    with pytest.raises(octaspace.NotFoundError):
        list(client.services.session("u-1").follow_logs())


def test_the_end_seen_in_info_alone(client: Client, requests_mock: requests_mock.Mocker) -> None:
    """A deployment that answers `/logs` of an ended session without `recent`, with nothing in it."""
    requests_mock.get(f"{API}/services/u-1/logs", json={"system": [], "container": ""})
    requests_mock.get(f"{API}/services/u-1/logs?recent=true", json=logs("a", container="b\n"))
    requests_mock.get(f"{API}/services/u-1/info", status_code=404)
    assert list(client.services.session("u-1").follow_logs()) == ["a", "b"]


def test_what_goes_wrong_between_two_looks_ends_it(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(f"{API}/services/u-1/logs", [{"json": logs("a")}, {"status_code": 403}])
    requests_mock.get(f"{API}/services/u-1/info", json={"is_ready": True})
    lines = client.services.session("u-1").follow_logs()
    assert next(lines) == "a"
    with pytest.raises(octaspace.PermissionError):
        next(lines)
    assert list(lines) == []


def test_one_that_nobody_follows_any_longer_asks_no_more(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(f"{API}/services/u-1/logs", json=logs("a", "b"))
    requests_mock.get(f"{API}/services/u-1/info", json={"is_ready": True})
    lines = client.services.session("u-1").follow_logs(interval=3)
    assert requests_mock.call_count == 0  # not before the first line is asked for
    assert next(lines) == "a"
    lines.close()  # type: ignore[attr-defined]
    assert requests_mock.call_count == 1
    assert clock.slept == []


@pytest.mark.parametrize("dataset", ["default", "loose"])
def test_against_the_sandbox(dataset: str, sandbox: SandboxServer, sandbox_client: Client) -> None:
    sandbox.reset(dataset=dataset)
    offer = sandbox_client.services.mr.search()[0]
    uuid = sandbox_client.services.mr.create(node_id=offer.node_id, disk_size=10, image="i").data[0]["uuid"]
    session = sandbox_client.services.session(uuid)
    lines: list[str] = []
    for line in session.follow_logs(interval=5.0):
        lines.append(line)
        if line == "step 30 loss 0.0323":
            session.stop()
    answer = session.logs(recent=True).data
    if isinstance(answer, dict):
        whole = [line for entry in answer["system"] for line in entry["msg"].splitlines()]
        whole += answer["container"].splitlines()
    else:
        whole = [line for entry in answer for line in entry.splitlines()]
    assert sorted(lines) == sorted(whole)
    assert len(set(lines)) == len(lines)
    assert "listening on 0.0.0.0" in lines


LOGS, INFO = f"{API}/services/u-1/logs", f"{API}/services/u-1/info"


def follow(client: Client, **options: Any) -> Iterator[str]:
    return client.services.session("u-1").follow_logs(**options)


def test_on_idle_at_each_look_that_brought_nothing(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(LOGS, [{"json": logs("a")}, {"json": logs("a")}, {"status_code": 403}])
    requests_mock.get(INFO, json={"is_ready": True})
    idle: list[float] = []
    lines = follow(client, interval=3, on_idle=lambda: idle.append(clock.now))
    assert next(lines) == "a"
    with pytest.raises(octaspace.PermissionError):
        next(lines)
    assert idle == [1003.0]


def test_what_on_idle_raises_ends_it(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(LOGS, json=logs())
    requests_mock.get(INFO, json={"is_ready": True})

    def cancel() -> None:
        raise octaspace.ServerError("cancelled")  # one of the errors after which it polls again

    lines = follow(client, on_idle=cancel)
    with pytest.raises(octaspace.ServerError, match="cancelled"):
        next(lines)
    assert list(lines) == []
    assert requests_mock.call_count == 2


def test_the_timeout_ends_it_quietly_and_gives_what_was_held_back(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(LOGS, json=logs("a", container="b\nhalf"))
    requests_mock.get(INFO, json={"is_ready": True})
    assert list(follow(client, timeout=5)) == ["a", "b", "half"]
    assert clock.slept == [2.0, 2.0, 1.0]


def test_each_request_may_take_what_is_left(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    limits: list[float | None] = []

    def send(request: octaspace.Request, *, timeout: float | None = None, sink: Any = None) -> Any:
        limits.append(timeout)
        clock.advance(1)
        ready = request.path.endswith("/info")
        return octaspace.Response(status=200, headers={}, data={"is_ready": True} if ready else logs())

    with Client.from_config(octaspace.Config(), clock=clock.clock()) as client:
        monkeypatch.setattr(client, "send", send)
        assert list(follow(client, interval=3, timeout=8)) == []
    assert limits == [8, 7, 3, 2]


def test_a_request_that_hangs_ends_with_the_time(sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall", path="/services/*")
    with Client("sk-secret", base_url=sandbox.url, read_timeout=None) as client:
        assert list(follow(client, timeout=0.2, interval=0)) == []
        assert client.transport_stats()["requests"] == 1


def test_what_passes_is_waited_out(
    client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    light = client.with_options(max_retries=0)
    requests_mock.get(
        LOGS,
        [
            {"status_code": 503},
            {"status_code": 408},
            {"text": "<html>", "headers": {"Content-Type": "text/html"}},
            {"exc": ConnectionError},
            {"json": logs("a")},
            {"status_code": 429, "headers": {"Retry-After": "5"}},
            {"json": logs("a", "b")},
            {"status_code": 404},
        ],
    )
    requests_mock.get(f"{LOGS}?recent=true", [{"status_code": 502}, {"json": logs("a", "b", "c")}])
    requests_mock.get(INFO, [{"json": {}}, {"status_code": 500}])
    looks: list[float] = []
    lines = follow(light, on_idle=lambda: looks.append(clock.now))
    assert list(lines) == ["a", "b", "c"]
    assert clock.slept == [2.0] * 4 + [2.0] + [2.0, 2.0, 1.0] + [2.0] + [2.0]
    # At each of the failures, and twice in the longer wait that the API has asked for.
    assert looks == [1000.0, 1002.0, 1004.0, 1006.0, 1010.0, 1012.0, 1014.0, 1017.0]


def test_a_log_that_is_larger_than_is_read_ends_it(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(LOGS, json=logs(*"abcdefgh"))
    for option in ("max_response_bytes", "max_json_values"):
        small = client.with_options(**{option: 10})  # type: ignore[misc]
        with pytest.raises(octaspace.InvalidResponseError, match=option):
            next(follow(small))


def test_the_lines_of_a_look_come_before_what_goes_wrong_after_it(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(LOGS, json=logs("a"))
    requests_mock.get(INFO, status_code=403)
    lines = follow(client)
    assert next(lines) == "a"
    with pytest.raises(octaspace.PermissionError):
        next(lines)


@pytest.mark.parametrize("odd", [{}, {"ts": 1}, {"msg": None}, None, 7, [], {"ts": 10**5000, "msg": "x"}])
def test_an_entry_without_a_message_loses_no_other(odd: Any) -> None:
    whole = [{"ts": 1, "msg": "a"}, odd, {"ts": 2, "msg": "b"}]
    for answer in ({"system": whole}, whole, {"system": [], "container": ["a\n", odd, "b"]}):
        lines = Logs(answer, last=answer).lines()
        assert [line for line in lines if line in ("a", "b")] == ["a", "b"]


def test_a_client_that_is_closed_while_it_waits_ends_it_at_once(sandbox: SandboxServer) -> None:
    uuid = running_session(sandbox)
    lines: list[str] = []
    with Client("sk-secret", base_url=sandbox.url) as client:
        session = client.with_options(max_retries=0).services.session(uuid)
        following = threading.Thread(target=lambda: lines.extend(session.follow_logs(interval=86400)))
        following.start()
        until(lambda: client.transport_stats()["requests"] == 2)
        client.close()
        following.join(60)
        assert not following.is_alive()
    assert "Container started" in "\n".join(lines)


def test_a_client_that_is_closed_during_a_request_ends_it_after_that(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    light = client.with_options()

    def answer(request: Any, context: Any) -> Any:
        light.close()
        return logs("a", container="b")

    requests_mock.get(LOGS, json=answer)
    assert list(follow(light)) == ["a", "b"]
    assert requests_mock.call_count == 1


def test_a_client_that_was_closed_before_is_an_error(client: Client) -> None:
    client.close()
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        list(follow(client))


def running_session(sandbox: SandboxServer) -> str:
    with Client("sk-secret", base_url=sandbox.url) as client:
        return next(item["uuid"] for item in client.sessions.list().data if item["is_ready"])
