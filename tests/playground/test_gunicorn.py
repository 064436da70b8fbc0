"""The app under real Gunicorn, as the launcher starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.sandbox import SandboxServer

from ..support.waiting import until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.gunicorn

Start = Callable[..., subprocess.Popen[str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str) -> list[str]:
    conf = "playground/gunicorn.conf.py"
    return [sys.executable, "-m", "gunicorn", "-c", conf, *arguments, "playground:create_app()"]


def test_two_workers_answer_and_stop_cleanly(sandbox: SandboxServer, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "PLAYGROUND_BIND": f"127.0.0.1:{port}",
        "PLAYGROUND_STATE_DIR": str(tmp_path / "state"),
        "PLAYGROUND_SANDBOX_URLS": ",".join(sandbox.urls),
    }
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(), cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                    return bool(answer.read() == b"ok\n")
            except OSError:
                return False

        until(answers, within=30)
        url = f"http://127.0.0.1:{port}/playground/dashboard?secret=in-the-query"
        with urllib.request.urlopen(url, timeout=20) as page:
            assert b"Active sessions" in page.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert "Traceback" not in text
    assert "in-the-query" not in text


def test_an_open_address_is_refused_without_a_password(tmp_path: Path) -> None:
    environment = {**os.environ, "PLAYGROUND_STATE_DIR": str(tmp_path)}
    result = subprocess.run(
        command("-b", f"0.0.0.0:{free_port()}"),
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode != 0
    assert "PLAYGROUND_PASSWORD" in result.stderr
