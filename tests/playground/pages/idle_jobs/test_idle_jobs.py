"""Idle jobs: found by node and job; their logs in every shape the API has."""

from __future__ import annotations

import base64
import gzip

import pytest

from octaspace import UnexpectedShapeError
from octaspace.key_mask import KeyMask
from octaspace.sandbox import SandboxServer
from playground.pages.idle_jobs import views as idle_jobs

from ...browsing import Visitor

JOBS = "/playground/idle-jobs"


def packed(text: str) -> dict[str, str]:
    return {"data": base64.b64encode(gzip.compress(text.encode())).decode()}


def test_nothing_is_called_before_somebody_asks(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(JOBS)
    assert sandbox.journal.entries() == []
    assert page.select(f'a[href="{JOBS}?node=69&job=42"]')


def test_half_a_question_is_said_at_its_field(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(f"{JOBS}?node=69")
    assert page.find(id="job-error") is not None
    assert page.find(id="node-error") is None
    assert sandbox.journal.entries() == []


@pytest.mark.parametrize("job", ["node=9001&job=41", "node=9002&job=42", "node=9003&job=43"])
def test_logs_are_read_in_all_three_shapes(visitor: Visitor, job: str) -> None:
    panel = visitor.panel(f"{JOBS}?{job}", "logs")
    lines = panel.select("#job-log")[0].get_text().strip().split("\n")
    assert lines[0] == "xmrig 6.21 starting"
    assert lines[-1].startswith("Epoch 10/10 loss")
    assert "11 lines" in panel.get_text()


def test_a_job_says_how_it_is(visitor: Visitor) -> None:
    running = visitor.panel(f"{JOBS}?node=69&job=42", "job")
    assert "running" in running.get_text()
    assert running.select("[data-ticking]")[0]["data-ticking"] == "3600"
    failed = visitor.panel(f"{JOBS}?node=9004&job=44", "job")
    assert "CUDA out of memory" in failed.get_text()
    assert not failed.select("[data-ticking]")
    assert failed.select('a[href="/playground/nodes/9004"]')


def test_the_python_line_is_what_was_called(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(f"{JOBS}?node=69&job=42")
    lines = [line.get_text() for line in page.select(".sdk-call-line")]
    assert lines == [
        "client.idle_jobs.find(node_id=69, job_id=42)",
        "client.idle_jobs.logs(node_id=69, job_id=42)",
    ]
    assert sorted(entry.path for entry in sandbox.journal.entries() if "idle" in entry.path) == [
        "/idle_jobs/69/42",
        "/idle_jobs/69/42/logs",
    ]


def test_a_job_that_is_not_there(visitor: Visitor) -> None:
    page = visitor.page(f"{JOBS}?node=69&job=1")
    cards = page.select("#main .problem")
    assert len(cards) == 2
    assert all("NotFoundError" in card.get_text() for card in cards)


@pytest.mark.parametrize("node", ["..", "%00", "a%0Ab"])
def test_an_id_that_cannot_be_part_of_a_path_is_a_card(
    visitor: Visitor, sandbox: SandboxServer, node: str
) -> None:
    page = visitor.page(f"{JOBS}?node={node}&job=1")
    assert len(page.select("#main .problem")) == 2
    assert [entry.path for entry in sandbox.journal.entries() if "idle" in entry.path] == []


def test_one_panel_may_fail_alone(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/idle_jobs/69/42/logs")
    page = visitor.page(f"{JOBS}?node=69&job=42")
    assert [bool(panel.select(".problem")) for panel in page.select("[data-panel]")] == [False, True]


def test_the_whole_log_is_a_text_file(visitor: Visitor) -> None:
    answer = visitor.get(f"{JOBS}/log.txt?node=9001&job=41")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.get_data(as_text=True).count("\n") == 11
    assert visitor.get(f"{JOBS}/log.txt?node=69&job=1").status_code == 502
    assert visitor.get(f"{JOBS}/log.txt?node=69").status_code == 404


def test_hostile_logs_are_text(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for job in ("node=9001&job=41", "node=9002&job=42", "node=9003&job=43"):
        page = visitor.page(f"{JOBS}?{job}")
        assert not page.select("main script, main img")
        assert "\x1b" not in str(page)
        assert "\u202e" not in str(page)
    text = visitor.get(f"{JOBS}/log.txt?node=9003&job=43").get_data(as_text=True)
    assert "\x1b" not in text


def test_of_a_long_log_the_end_is_shown() -> None:
    log = idle_jobs.read_log(packed("\n".join(f"line {number}" for number in range(5000))), KeyMask(None))
    assert log.count == 5000
    assert log.left_out == 4000
    assert log.lines[-1] == "line 4999"


def test_a_log_that_unpacks_to_more_than_it_should_is_refused() -> None:
    bomb = packed("\0" * (idle_jobs._MAX_BYTES + 1))
    with pytest.raises(UnexpectedShapeError, match="unpacks to more"):
        idle_jobs.read_log(bomb, KeyMask(None))
    with pytest.raises(UnexpectedShapeError, match="unpacks to more"):
        idle_jobs.read_text(bomb, KeyMask(None))


@pytest.mark.parametrize("data", [None, 3, {"data": 3}, {"data": "!"}, [3]])
def test_a_shape_nobody_foresaw_is_no_log(data: object) -> None:
    with pytest.raises(UnexpectedShapeError):
        idle_jobs.read_log(data, KeyMask(None))
