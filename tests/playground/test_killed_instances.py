"""Two instances on one Redis: one is killed, and the other knows the outcome of its forms and jobs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from ..support.redis_server import RedisServer
from ..support.running_playground import RunningPlayground
from ..support.waiting import until
from .pages.lab.test_lab import LAB, PLAN
from .pages.rent.renting import MACHINE, SERVICES_PAGE
from .remote import Remote

pytestmark = pytest.mark.gunicorn

#: What the instances of one deployment have in common.
DEPLOYMENT = {"PLAYGROUND_NAME": "team", "SECRET_KEY": "the same key in every instance of it"}


class Instances:
    """Two instances with one sandbox, that of the first."""

    def __init__(self, killed: RunningPlayground, other: RunningPlayground) -> None:
        self.killed, self.other, self.sandbox = killed, other, killed.sandbox

    def kill(self) -> None:
        """End all processes of one instance without any warning."""
        pids = [self.killed.pid, *self.killed.worker_pids()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def instances(tmp_path: Path, redis_server: RedisServer) -> Iterator[Instances]:
    redis_server.start()
    with redis_server.client() as client:
        client.flushall()
    for name in ("killed", "other"):
        (tmp_path / name).mkdir()
    shared = {**DEPLOYMENT, "PLAYGROUND_REDIS_URL": redis_server.url}
    with RunningPlayground(tmp_path / "killed", workers=1, environment=shared) as killed:
        sandbox = killed.sandbox
        same = {
            "PLAYGROUND_SANDBOX_URLS": ",".join(sandbox.urls),
            "PLAYGROUND_SANDBOX_CONTROL": sandbox.control_url.rpartition("/")[0],
        }
        with RunningPlayground(tmp_path / "other", workers=1, environment={**shared, **same}) as other:
            yield Instances(killed, other)


def test_a_killed_instance_leaves_neither_a_question_nor_a_lock(instances: Instances) -> None:
    sandbox = instances.sandbox
    before = {rental.uuid for rental in sandbox.world.active()}
    first, second = Remote(instances.killed.url), Remote(instances.other.url)
    token = first.token()
    second._session.cookies = first._session.cookies  # one browser, behind a load balancer
    question = first.post(f"{SERVICES_PAGE}/mr/rent", step="review", **MACHINE)
    first.post(f"{LAB}/fire", **{**PLAN, "kind": "reads", "count": "200", "threads": "1"})
    slow = sandbox.faults.add("stall", methods=["POST"])

    def press(remote: Remote) -> str:
        with suppress(requests.RequestException):
            return remote.send(question, csrf_token=token)
        return "gone"

    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(press, first)
        until(lambda: [entry for entry in sandbox.journal.entries() if entry.path == "/services/mr"])
        assert press(second) == f"/playground/outcome/{question.rpartition('/')[2]}", "it is under way"
        instances.kill()
        assert pressed.result(60) == "gone"
    sandbox.faults.remove_fault(slow.id)
    until(lambda: {rental.uuid for rental in sandbox.world.active()} != before)
    (uuid,) = {rental.uuid for rental in sandbox.world.active()} - before
    where = press(second)
    assert where.startswith(f"/playground/sessions/{uuid}")
    assert "It was rented" in second.page(where).get_text()
    assert len([entry for entry in sandbox.journal.entries() if entry.method == "POST"]) == 1

    # The job of the killed process is lost at once, and another may begin.
    assert not second.page(LAB).select("[data-watch]")
    started = second.post(f"{LAB}/fire", **{**PLAN, "kind": "reads", "count": "3", "threads": "1"})
    assert "run=" in started
    page: BeautifulSoup = second.page(started)
    assert "already in progress" not in page.get_text()
    first.close()
    second.close()
