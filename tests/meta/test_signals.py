"""The tests pass when they are started with signals ignored, e.g. by `nohup bin/test &` in a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ..support.running_playground import ROOT

#: Prints the numbers of the signals that were ignored when it started.
IGNORED = """
import signal
print(*(int(number) for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN))
"""

#: Ignores what a shell ignores for a command in the background, and `nohup`; then becomes the command.
IGNORING = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are not inherited on this system")


def test_child_processes_receive_every_signal() -> None:
    done = subprocess.run([sys.executable, "-c", IGNORED], capture_output=True, text=True, check=True)
    # Python itself ignores these two in each process.
    assert {int(number) for number in done.stdout.split()} == {signal.SIGPIPE, signal.SIGXFSZ}


def test_the_tests_pass_with_signals_ignored() -> None:
    tests = [
        f"tests/meta/test_signals.py::{test_child_processes_receive_every_signal.__name__}",
        "tests/unit/resources/test_rent.py::test_ctrl_c_stops_the_session",
    ]
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        [sys.executable, "-c", IGNORING, *pytest_command],
        capture_output=True, text=True, cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr
