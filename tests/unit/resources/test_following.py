"""`follow_logs`: no line twice, none lost, and an end."""

from __future__ import annotations

from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.resources.services.following import follow_logs
from playground.sandbox import SandboxServer

from .conftest import API


class Logs:
    """A session whose answers are scripted; it ends when the script does."""

    def __init__(self, *answers: Any, last: Any = None) -> None:
        self._answers, self._last = list(answers), last

    def read(self, recent: bool | None) -> Any:
        if recent:
            if self._last is None:
                raise octaspace.NotFoundError("gone")
            return self._last
        if not self._answers:
            raise octaspace.NotFoundError("ended")
        return self._answers.pop(0)

    def lines(self) -> list[str]:
        return list(follow_logs(self.read, lambda: {"is_ready": True}, lambda: None))


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
