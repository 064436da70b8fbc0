"""The first story: a machine rented in the browser, ready, stopped, and among the recent ones.

Against the playground as `bin/playground` starts it, with its own sandbox and with an external one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from ..support.running_playground import ROOT, bare_environment
from ..support.waiting import until
from .acting import changes, outcome
from .conftest import NewContext

Launch = Callable[..., "Launched"]


class Launched:
    """`bin/playground`, as far as it can be seen from outside."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._log = folder / "launcher.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "playground.launcher", "--port", "0"],
                cwd=ROOT,
                env={**bare_environment(), "PLAYGROUND_STATE_DIR": str(folder / "state"), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self._found() or self.process.poll() is not None, within=60)
        assert self._found(), self.log()
        self.url = str(self._found()[0])

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def family(self) -> set[int]:
        """The launcher, what it started, and what those started."""
        found, fresh = set(), {self.process.pid}
        while fresh:
            found |= fresh
            fresh = {child for pid in fresh for child in _children(pid)} - found
        return found

    def _found(self) -> list[str]:
        return re.findall(r"The playground is at (http://[\w.:]+)", self.log())


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    try:
        return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    launched: list[Launched] = []

    def start(**environment: str) -> Launched:
        launched.append(Launched(tmp_path, **environment))
        return launched[-1]

    yield start
    for each in launched:
        for pid in each.family() if each.process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        each.process.wait()


def rent_wait_stop(page: Page) -> str:
    """The story; the session's id."""
    page.goto("/")
    page.get_by_role("link", name="Services", exact=True).click()
    page.locator("[data-table=offers] tbody").get_by_role("link", name="Rent").nth(3).click()
    page.locator("#image").fill("ubuntu:24.04")
    page.locator("#disk_size").fill("5")
    page.get_by_role("button", name="Review cost").click()
    page.get_by_role("button", name="Rent now").click()
    expect(outcome(page)).to_contain_text("Rented")
    expect(page.locator(".state-line")).to_contain_text("ready", timeout=30_000)
    uuid = page.url.split("?")[0].rpartition("/")[2]

    page.get_by_role("link", name="Sessions", exact=True).first.click()
    row = page.locator("[data-table=sessions] tbody tr", has=page.locator(f'a[href*="{uuid}"]'))
    expect(row).to_contain_text("ready")
    row.get_by_role("link", name="Stop").click()
    page.get_by_label("5 · good").check()
    page.get_by_role("button", name="Stop the session").click()
    expect(outcome(page)).to_contain_text("The session is stopped")

    page.goto("/playground/sessions")
    expect(page.locator(f'main a[href*="{uuid}"]')).to_have_count(0)
    page.get_by_role("link", name="Recent", exact=True).click()
    expect(
        page.locator("[data-table=recent] tbody tr", has=page.locator(f'a[href*="{uuid}"]'))
    ).to_be_visible()
    return uuid


def test_rented_and_stopped_and_nothing_left_behind(launch: Launch, new_context: NewContext) -> None:
    playground = launch()
    page = new_context(base_url=playground.url).new_page()
    rent_wait_stop(page)
    page.context.close()

    family = playground.family()
    assert len(family) >= 5, "launcher, sandbox, Gunicorn and two workers"
    playground.process.send_signal(signal.SIGINT)
    assert playground.process.wait(45) == 0
    until(lambda: not [pid for pid in family if Path(f"/proc/{pid}").exists()])
    assert "Traceback" not in playground.log()


def test_story_against_an_external_sandbox(launch: Launch, new_context: NewContext) -> None:
    with SandboxServer(ports=(0,), ready_after=1.0) as other:
        playground = launch(OCTA_API_KEY="anything", OCTA_BASE_URL=other.url)
        page = new_context(base_url=playground.url).new_page()
        page.goto("/")
        expect(page.locator(".topbar .source")).to_contain_text(other.url.removeprefix("http://"))
        uuid = rent_wait_stop(page)
        assert [entry.operation for entry in changes(other)] == ["rent_machines", "stop_session"]
        assert uuid in other.world.sessions.finished
        page.context.close()
        playground.process.send_signal(signal.SIGTERM)
        assert playground.process.wait(45) == 0
        assert "anything" not in playground.log()
