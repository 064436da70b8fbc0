"""`bin/console`: a prompt with a client ready, with and without IPython; scripts through a pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from octaspace.sandbox import SandboxServer

from ..support.running_playground import ROOT, bare_environment
from ..support.waiting import until

SESSION = ROOT / "bin" / "console_session.py"
ENVIRONMENT = {**bare_environment(), "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def piped(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SESSION)],
        input=script, cwd=folder, env={**ENVIRONMENT, **environment},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


class Terminal:
    """The console in a pseudo-terminal."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(SESSION)],
            cwd=folder, env={**ENVIRONMENT, **environment},
            stdin=inside, stdout=inside, stderr=inside,
        )  # fmt: skip
        os.close(inside)
        os.set_blocking(self._terminal, False)
        self.shown = ""

    def shows(self, text: str) -> None:
        until(lambda: text in self._read(), within=60)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def _read(self) -> str:
        with contextlib.suppress(OSError):  # no output yet, or closed
            self.shown += os.read(self._terminal, 65536).decode()
        return self.shown


def test_a_script_from_a_pipe_is_run_on_a_sandbox(tmp_path: Path) -> None:
    done = piped("for page in range(2):\n    print(client.network.info().status)\n", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n200\n", "")


def test_failing_script_exits_with_an_error(tmp_path: Path) -> None:
    done = piped("print('before')\nclient.nodes.find(-1)\nprint('after')", tmp_path)
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert "NotFoundError" in done.stderr
    assert piped("raise SystemExit(3)", tmp_path).returncode == 3
    assert piped("", tmp_path).returncode == 0


def test_key_selects_the_api(tmp_path: Path) -> None:
    with SandboxServer(ports=(0,)) as sandbox:
        script = "print(client.accounts.balance().status)"
        done = piped(script, tmp_path, OCTA_API_KEY="anything", OCTA_BASE_URL=sandbox.url)
        assert (done.returncode, done.stdout) == (0, "200\n")
        assert [entry.path for entry in sandbox.journal.entries()] == ["/accounts/balance"]
        assert "anything" not in done.stdout + done.stderr


def test_base_url_without_key_is_used(tmp_path: Path) -> None:
    with SandboxServer(ports=(0,)) as sandbox:
        done = piped("print(client.network.info().status)", tmp_path, OCTA_BASE_URL=sandbox.url)
        assert (done.returncode, done.stdout) == (0, "200\n")
        assert [entry.path for entry in sandbox.journal.entries()] == ["/network"]


def test_an_argument_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SESSION), "script.py"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "unrecognized arguments: script.py" in done.stderr


@pytest.mark.parametrize("variable", ["OCTA_POOL_SIZE", "OCTA_BASE_URL"])
def test_invalid_variable_is_a_one_line_error(tmp_path: Path, variable: str) -> None:
    done = piped("", tmp_path, OCTA_API_KEY="anything", **{variable: "many"})
    assert done.returncode == 1
    assert done.stderr.startswith("console: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_prompt_has_a_client(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.shows("sandbox (set OCTA_API_KEY")
        terminal.type("client.network.info().status + 1000\n")
        terminal.shows("1200")
        terminal.type("flask_octaspace.OctaSpace, octaspace.Client\n")
        terminal.shows("octaspace._client.Client")
        terminal.type("client.nodes.find(-1)\n")
        terminal.shows("octaspace.errors.NotFoundError: ")
        assert "IPython" not in terminal.shown
        assert "another exception" not in terminal.shown
        terminal.type("\x04")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


def test_ipython_is_used_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "IPython.py").write_text(
        "def start_ipython(argv, user_ns):\n"
        "    print('IPython', argv, user_ns['client'].network.info().status)\n"
    )
    terminal = Terminal(tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
    try:
        terminal.shows("Try: client.network.info().data")
        terminal.shows("IPython ['--no-banner'] 200")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
