"""Four real workers, whichever of them answers, over a file and over Redis."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ..support.redis_server import RedisServer
from ..support.running_playground import RunningPlayground, answers
from ..support.waiting import until
from .remote import Remote

pytestmark = pytest.mark.gunicorn

WORKERS = 4
SETTINGS = "/playground/settings"
READS = "/playground/diagnostics/reads"
REQUESTS = "/playground/requests"


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlayground]:
    environment = {}
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        environment["PLAYGROUND_REDIS_URL"] = server.url
    folder = tmp_path_factory.mktemp(request.param)
    with RunningPlayground(folder, workers=WORKERS, environment=environment) as playground:
        yield playground
    assert (playground.state_dir / "playground.sqlite3").exists() == (request.param == "sqlite")


class Answering:
    """Which workers answer from now on, as the access log has it."""

    def __init__(self, running: RunningPlayground) -> None:
        self._running, self._before = running, len(running.log())

    @property
    def pids(self) -> set[int]:
        return {int(pid) for pid in re.findall(r"<(\d+)>", self._running.log()[self._before :])}


def all_of_them(running: RunningPlayground, look: object) -> None:
    """Look again until every worker has answered."""
    assert callable(look)
    answering = Answering(running)
    wanted = set(running.worker_pids())
    with ThreadPoolExecutor(4) as pool:
        for _ in range(40):
            for looked in [pool.submit(look) for _ in range(4)]:
                looked.result()
            if wanted <= answering.pids:
                return
    raise AssertionError(f"only {answering.pids} of {wanted} answered")


def all_new(running: RunningPlayground, before: set[int]) -> bool:
    pids = set(running.worker_pids())
    return len(pids) == WORKERS and not before & pids


def test_a_browser_is_the_same_to_every_worker(running: RunningPlayground, remote: Remote) -> None:
    remote.post(f"{SETTINGS}/options", max_retries="7")
    remote.post(f"{SETTINGS}/source", kind="sandbox", api_key="sk-known-to-all-of-them")
    remote.post("/playground/theme", theme="dark")
    remote.page("/playground/network")
    number = str(remote.page(REQUESTS).select("#main .calls th a")[0]["href"])
    outcome = remote.post(READS, line="network.info", count="2")

    def look() -> None:
        page = remote.page(SETTINGS)
        assert "max_retries=7" in page.get_text()
        assert "••••them" in page.get_text()
        assert page.html is not None
        assert page.html["data-bs-theme"] == "dark"
        assert "client.network.info()" in remote.page(number).get_text()
        assert "2 calls in" in remote.page(outcome).get_text()

    all_of_them(running, look)


def test_two_browsers_at_once_never_see_each_others(running: RunningPlayground) -> None:
    people = [(Remote(running.url), f"sk-of-person-number-{number}-{number}{number}{number}{number}")
              for number in range(1, 4)]  # fmt: skip

    def live(person: tuple[Remote, str]) -> list[str]:
        browser, key = person
        browser.post(f"{SETTINGS}/source", kind="sandbox", api_key=key)
        pages = []
        for _ in range(6):
            pages += [str(browser.page(path)) for path in (SETTINGS, "/playground/dashboard", REQUESTS)]
        return pages

    with ThreadPoolExecutor(3) as pool:
        seen = list(pool.map(live, people))
    for (browser, key), pages in zip(people, seen, strict=True):
        others = {other[-4:] for _, other in people if other != key}
        for page in pages:
            assert f"••••{key[-4:]}" in page
            assert not [mark for mark in others if f"••••{mark}" in page]
            assert "sk-of-person" not in page
        browser.close()
    keys = {entry.key for entry in running.sandbox.journal.entries() if entry.path == "/nodes"}
    assert len(keys) == 3


def test_a_token_used_from_all_workers_at_once_acts_once(running: RunningPlayground, remote: Remote) -> None:
    answering = Answering(running)
    token = remote.token()
    remote.page(SETTINGS)
    running.sandbox.journal.clear()
    running.sandbox.faults.add("slow", seconds=0.5)

    def press(_: int) -> str:
        return remote.send(READS, csrf_token=token, once="pressed", line="network.info", count="3")

    with ThreadPoolExecutor(12) as pool:
        leads_to = set(pool.map(press, range(12)))
    running.sandbox.faults.remove_all()
    assert len(running.sandbox.journal.entries()) == 3
    assert len(answering.pids) > 1
    (where,) = leads_to
    assert "3 calls in" in remote.page(where).get_text()


@pytest.mark.parametrize("running", ["sqlite"], indirect=True)
def test_a_worker_that_is_killed_takes_nothing_along(running: RunningPlayground, remote: Remote) -> None:
    remote.post(f"{SETTINGS}/options", max_retries="5", keep_alive="true")
    remote.page("/playground/network")
    token = remote.token()
    running.sandbox.journal.clear()
    fault = running.sandbox.faults.add("stall", path="/network")
    victims = set(running.worker_pids())

    def press() -> str:
        fields = {"csrf_token": token, "once": "under way", "line": "network.info", "count": "1"}
        try:
            return remote.send(READS, **fields)
        except requests.RequestException:
            return "gone"

    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(press)
        until(lambda: len(running.sandbox.journal.entries()) == 1)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        assert pressed.result(30) == "gone"
    running.sandbox.faults.remove_fault(fault.id)
    until(
        lambda: len(running.worker_pids()) == WORKERS and not victims & set(running.worker_pids()), within=60
    )
    until(lambda: answers(running.url))

    where = press()
    assert len(running.sandbox.journal.entries()) == 1, "it was sent once, and is not sent again"
    assert "its worker process ended, or the storage failed" in remote.page(where).get_text()
    page = remote.page(SETTINGS)
    assert "max_retries=5" in page.get_text()
    assert "client.network.info()" in remote.page(REQUESTS).get_text()
    assert remote.page("/playground/dashboard").select(".panel")


@pytest.mark.parametrize("running", ["redis"], indirect=True)
def test_a_reload_changes_the_workers_and_nothing_else(running: RunningPlayground, remote: Remote) -> None:
    remote.post(f"{SETTINGS}/options", max_retries="4")
    before = set(running.worker_pids())
    stop, failed = [], []

    def look() -> None:
        while not stop:
            try:
                assert "max_retries=4" in remote.page(SETTINGS).get_text()
            except requests.ConnectionError:
                continue  # a worker may close its listening end of a connection it never took
            except Exception as error:
                failed.append(error)
                return

    with ThreadPoolExecutor(2) as pool:
        looking = [pool.submit(look) for _ in range(2)]
        try:
            os.kill(running.pid, signal.SIGHUP)
            until(lambda: all_new(running, before), within=60)
        finally:
            stop.append(True)
        for each in looking:
            each.result(30)
    assert failed == []
    all_of_them(running, lambda: remote.page(SETTINGS))
    assert "max_retries=4" in remote.page(SETTINGS).get_text()


def test_nothing_of_it_went_wrong(running: RunningPlayground) -> None:
    assert "Traceback" not in running.log()
    assert "Failure" not in running.log()
    for path in running.state_dir.rglob("*"):
        if path.suffix in (".sqlite3", ".sqlite3-wal") or path.name == "secret_key":
            assert path.stat().st_mode & 0o077 == 0
