"""The files by which `bin/console` finds running playgrounds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from playground.launcher.running_instances import RunningInstance, announced, running_instances

from ...support.launched_playground import Launched
from ...support.running_playground import ROOT, bare_environment

HERE = RunningInstance("http://127.0.0.1:3000", ("http://127.0.0.1:3101", "http://127.0.0.1:3102"))


def test_a_playground_is_found_while_it_runs(tmp_path: Path) -> None:
    assert running_instances([tmp_path, tmp_path / "missing"]) == []
    with announced(tmp_path, HERE):
        assert running_instances([tmp_path]) == [HERE]
        assert running_instances([tmp_path]) == [HERE], "reading does not take the lock away"
        (file,) = tmp_path.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_killed_playground_is_not_a_running_one(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from playground.launcher.running_instances import RunningInstance, announced\n"
        "with announced(Path(sys.argv[1]), RunningInstance('http://127.0.0.1:3000', ())):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = {**bare_environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, timeout=60)
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    assert running_instances([tmp_path]) == []
    with announced(tmp_path, HERE):
        assert running_instances([tmp_path]) == [HERE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "http://127.0.0.1:3000"}', '{"sandbox_urls": 1}'])
def test_another_file_is_ignored(tmp_path: Path, text: str) -> None:
    with announced(tmp_path, HERE):
        (file,) = tmp_path.iterdir()
        os.truncate(file, 0)
        file.write_text(text)
        assert running_instances([tmp_path]) == []


@pytest.mark.gunicorn
def test_a_launcher_with_a_key_announces_the_endpoints_and_no_key(tmp_path: Path) -> None:
    launched = Launched(
        tmp_path, "--port", "0", "--workers", "1",
        OCTA_API_KEY="sk-operator-1234567", PLAYGROUND_PASSWORD="a-long-password", SECRET_KEY="s" * 20,
    )  # fmt: skip
    try:
        url = launched.address()
        (found,) = running_instances([tmp_path / "state"])
        assert found.url == url
        assert len(found.sandbox_urls) == 2
        assert found.operator_urls == ("https://api.octa.space",)
        (file,) = (tmp_path / "state").glob("running-*")
        text = file.read_text()
        assert not [word for word in ("sk-operator", "a-long-password", "sss") if word in text]
        launched.process.terminate()
        assert launched.wait() == 0
        assert not file.exists()
    finally:
        launched.end()
