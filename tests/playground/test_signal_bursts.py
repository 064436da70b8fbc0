"""Every program of ours ends cleanly under a burst of stop signals, in whatever line they hit it.

A supervisor, a terminal and a launcher may each send one, within a millisecond.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from octaspace.sandbox import SandboxServer

from ..support.launched_playground import Launched
from ..support.running_playground import ROOT, answers, bare_environment
from ..support.waiting import until

_REAP = ["-m", "octaspace.rentals", "reap", "--every", "0.1"]
_REAPER = ["-m", "playground.reaper"]
_SANDBOX = ["-m", "octaspace.sandbox", "--port", "0"]


@pytest.fixture
def api() -> Iterator[str]:
    with SandboxServer() as sandbox:
        yield sandbox.url


def is_prepared(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> bool:
    """Whether it has a handler for SIGTERM, as Linux sees it; Python itself has one for SIGINT."""
    assert process.poll() is None, process.communicate()
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (mask,) = (line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


def send_burst(process: subprocess.Popen[str] | subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Twenty signals, some within one line of the program."""
    for count in range(20):
        if process.poll() is not None:
            return
        process.send_signal(number)
        time.sleep(0.0005 * (count % 4))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [_REAP, _REAPER, _SANDBOX], ids=["reap", "reaper", "sandbox"])
def test_a_burst_ends_it_cleanly(words: list[str], number: signal.Signals, api: str, tmp_path: Path) -> None:
    environment = {
        **bare_environment(),
        "PYTHONPATH": str(ROOT),
        "OCTA_API_KEY": "some-key",
        "OCTA_BASE_URL": api,
        "OCTA_RENTAL_LEDGER": f"sqlite:///{tmp_path}/rentals.db",
        "PLAYGROUND_STATE_DIR": str(tmp_path / "state"),
        "PLAYGROUND_SANDBOX_URLS": api,
        "PLAYGROUND_REAPER_SECONDS": "1",
    }
    with ExitStack() as processes:
        # Several at once; each is hit at another place.
        started = [
            processes.enter_context(
                subprocess.Popen(
                    [sys.executable, *words], env=environment, cwd=tmp_path,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
            )
            for _ in range(4)
        ]  # fmt: skip
        try:
            for count, process in enumerate(started):
                until(lambda process=process: is_prepared(process), within=60)  # type: ignore[misc]
                time.sleep(0.05 * count)
                send_burst(process, number)
            for process in started:
                _, errors = process.communicate(timeout=60)
                assert (process.returncode, errors) == (0, "")
        finally:
            for process in started:
                process.kill()


@pytest.mark.gunicorn
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_burst_ends_the_launcher_and_all_it_started(number: signal.Signals, tmp_path: Path) -> None:
    launched = Launched(tmp_path, "--port", "0", "--workers", "1")
    try:
        launched.address()
        send_burst(launched.process, number)
        assert launched.wait() == 0
        until(lambda: not launched.left_behind(), within=60)
        assert "Traceback" not in launched.text()
    finally:
        launched.end()


@pytest.mark.gunicorn
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("children", [0, 1, 2, 3])
def test_a_burst_ends_the_launcher_while_it_starts(children: int, tmp_path: Path) -> None:
    """During its imports, and when it has started the sandbox, Gunicorn and the reaper."""
    launched = Launched(tmp_path, "--port", "0", "--workers", "1")
    try:
        until(lambda: is_prepared(launched.process), within=60)
        until(lambda: len(launched.find_family()) >= children, within=60)
        send_burst(launched.process, signal.SIGTERM)
        assert launched.wait() == 0
        until(lambda: not launched.left_behind(), within=60)
        assert "Traceback" not in launched.text()
    finally:
        launched.end()


@pytest.mark.gunicorn
def test_a_burst_of_reloads_leaves_it_working(tmp_path: Path) -> None:
    launched = Launched(tmp_path, "--port", "0", "--workers", "1")
    try:
        url = launched.address()
        send_burst(launched.process, signal.SIGHUP)
        until(lambda: "Handling signal: hup" in launched.text(), within=60)
        assert answers(url)
        launched.find_family()
        launched.process.terminate()
        assert launched.wait() == 0
        until(lambda: not launched.left_behind(), within=60)
    finally:
        launched.end()
