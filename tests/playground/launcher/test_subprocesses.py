"""Processes of the launcher: how they are asked to stop."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from playground.launcher.subprocesses import Child

from ...support.waiting import until

#: Writes how many SIGTERM it has had, and ends at SIGUSR1.
_COUNTS = """
import pathlib, signal, time
log, heard, ended = pathlib.Path("log"), [], []

def hear(*_):
    heard.append(1)
    log.write_text(str(len(heard)))

signal.signal(signal.SIGTERM, hear)
signal.signal(signal.SIGUSR1, lambda *_: ended.append(1))
log.write_text("0")
while not ended:
    time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_process_is_asked_to_stop_once(tmp_path: Path) -> None:
    """For some programs, such as ours, a second signal means to stop at once."""
    child = Child("The counter", [sys.executable, "-c", _COUNTS], tmp_path, os.environ)
    log = tmp_path / "log"
    try:
        until(lambda: log.exists() and log.read_text() == "0")
        child.ask_to_stop()
        until(lambda: log.read_text() == "1")
        child.ask_to_stop()
        child.process.send_signal(signal.SIGUSR1)
        assert child.process.wait(60) == 0
        assert log.read_text() == "1"
    finally:
        child.stop(lambda: True)
