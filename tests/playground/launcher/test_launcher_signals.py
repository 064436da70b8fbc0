"""What `bin/playground` does at SIGTERM, SIGHUP and the end of its terminal, and what it finishes first."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from requests import Response, Session

from octaspace.rentals import open_ledger

from ...support.launched_playground import Launched, LaunchedInTerminal, runs
from ...support.running_playground import answers
from ...support.waiting import until
from .launched_processes import named

pytestmark = pytest.mark.gunicorn

ARGUMENTS = ("--port", "0", "--workers", "1")


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    launched = Launched(tmp_path, *ARGUMENTS)
    yield launched
    launched.end()


def test_a_slow_rental_is_answered_before_the_sandbox_stops(launched: Launched, tmp_path: Path) -> None:
    """The sandbox carries it out; the worker, which waits for that, answers the browser."""
    url = launched.address()
    browser = Session()
    form = f"{url}/playground/services/vpn/rent"
    question = post(browser, form, browser.get(form).text, step="review", node_id="9301", subkind="wg",
                    max_duration="1", name="slow")  # fmt: skip
    gunicorn = named(launched, "gunicorn")[0]
    environment = Path(f"/proc/{gunicorn}/environ").read_text().split("\0")
    (control,) = (line.partition("=")[2] for line in environment if "SANDBOX_CONTROL=" in line)
    control += "/_sandbox"
    slow = {"kind": "slow", "seconds": 3, "methods": ["POST"]}
    assert Session().post(f"{control}/faults", json=slow, headers={"X-Sandbox": "1"}).status_code == 201
    answered: list[Response] = []
    pressed = threading.Thread(
        target=lambda: answered.append(post(browser, question.url, question.text, redirects=False))
    )
    pressed.start()
    until(lambda: is_under_way(control), within=30)
    launched.process.terminate()
    pressed.join(60)
    assert launched.wait() == 0
    assert launched.left_behind() == set()
    (answer,) = answered
    assert answer.status_code in (302, 303)
    assert "/playground/sessions/" in answer.headers["Location"]
    (rental,) = open_ledger(f"sqlite:///{tmp_path}/state/rentals.db").backend.open_rentals()
    assert rental.uuid is not None
    assert rental.uuid in answer.headers["Location"]


def ignores_hangup(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = (line.split()[1] for line in lines if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (signal.SIGHUP - 1) & 1)


def post(browser: Session, address: str, page: str, redirects: bool = True, **fields: str) -> Response:
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    data = {"csrf_token": token[1], **fields}
    return browser.post(address, data=data, timeout=60, allow_redirects=redirects)


def is_under_way(control: str) -> bool:
    return bool(Session().get(f"{control}/faults").json()["faults"][0]["fired"])


def test_without_a_terminal_hangup_reloads_the_workers(launched: Launched) -> None:
    url = launched.address()
    before = named(launched, "gunicorn")
    others = named(launched, "octaspace.sandbox") + named(launched, "playground.reaper")
    launched.process.send_signal(signal.SIGHUP)
    until(lambda: not runs(before[1]), within=60)
    assert answers(url)
    launched.address()  # which looks for its processes again
    after = named(launched, "gunicorn")
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert others == named(launched, "octaspace.sandbox") + named(launched, "playground.reaper")
    launched.process.terminate()
    assert launched.wait() == 0
    assert launched.left_behind() == set()
    assert "Handling signal: hup" in launched.text()


@pytest.mark.parametrize("keys", [b"\x03", None], ids=["Ctrl-C", "closed"])
def test_at_the_end_of_its_terminal_it_stops(tmp_path: Path, keys: bytes | None) -> None:
    launched = LaunchedInTerminal(tmp_path, *ARGUMENTS, shell='exec "$@"')
    try:
        launched.address()
        if keys is None:
            launched.close_terminal()
        else:
            launched.type(keys)
        assert launched.wait() == 0
        assert launched.left_behind() == set()
        assert len(launched.family) >= 3
        assert "Traceback" not in launched.text()
    finally:
        launched.end()


def test_with_nohup_it_outlives_its_terminal(tmp_path: Path) -> None:
    launched = LaunchedInTerminal(
        tmp_path, *ARGUMENTS, shell='nohup "$@" >launcher.log 2>&1 & echo $! >pid; exec sleep 1000'
    )
    try:
        url = launched.address()
        pid = int((tmp_path / "pid").read_text())
        everything = launched.family
        assert len(everything) >= 5
        launched.close_terminal()
        assert launched.wait() == -signal.SIGHUP, "the shell of this terminal"
        assert ignores_hangup(pid)
        assert all(map(ignores_hangup, named(launched, "octaspace.sandbox")))
        assert all(map(ignores_hangup, named(launched, "playground.reaper")))
        os.kill(pid, signal.SIGHUP)
        assert answers(url)
        assert launched.left_behind() == everything
        os.kill(pid, signal.SIGTERM)
        until(lambda: not launched.left_behind(), within=60)
        assert "Handling signal: hup" not in launched.text()
    finally:
        launched.end()
