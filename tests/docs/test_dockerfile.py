"""The Dockerfile, without Docker: its files are there and sufficient, and its commands run."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from ..support.running_playground import answers, bare_environment, free_port
from ..support.waiting import until
from .deployment import PAGE, ROOT, environment_of

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PYTHON = ".venv/bin/python"


def instructions(name: str) -> list[str]:
    """The arguments of each instruction with that name."""
    return re.findall(rf"^{name} (.*)$", TEXT, re.MULTILINE)


def copied() -> dict[str, str]:
    """The paths that are copied, each with its path in the image."""
    found = {}
    for line in instructions("COPY"):
        *sources, target = line.split()
        for source in sources:
            found[source] = source if target == "./" else target
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in /app, without `.venv`."""
    folder = tmp_path_factory.mktemp("app")
    for source, target in copied().items():
        (folder / target).parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, folder / target)
    return folder


def environment(folder: Path, port: int, **given: str) -> dict[str, str]:
    """The variables of the image, with another port and state folder; the copied modules come first."""
    (line,) = instructions("ENV")
    variables = environment_of(line.replace(" ", "\n"))
    assert variables["PLAYGROUND_BIND"] == "0.0.0.0:3000"
    assert variables["PLAYGROUND_STATE_DIR"] in instructions("VOLUME")
    return {
        **bare_environment(), **variables, "PLAYGROUND_BIND": f"0.0.0.0:{port}",
        "PLAYGROUND_STATE_DIR": str(folder / "state"), "PLAYGROUND_WORKERS": "1", **given,
    }  # fmt: skip


def command(words: list[str], port: int) -> list[str]:
    first, *rest = words
    assert first == PYTHON
    return [sys.executable, *(word.replace(":3000/", f":{port}/") for word in rest)]


def test_every_copied_path_is_in_the_repository_and_is_sent_to_the_builder() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    sent = {line[1:] for line in ignore if line.startswith("!")}
    assert sent == set(copied())
    for path in copied():
        assert any(fnmatch(line, path) or line.startswith(f"{path}/") for line in tracked.splitlines()), path


def test_the_installation_has_its_files(image: Path) -> None:
    """What `bin/environment.py` and the build of the package read."""
    (run,) = [line for line in instructions("RUN") if "environment.py" in line]
    assert run.split() == ["python", "bin/environment.py", "playground"]
    tree = ast.parse((image / "bin" / "environment.py").read_text())
    assert any(isinstance(node, ast.Dict) and "playground" in ast.unparse(node) for node in ast.walk(tree))
    project = (image / "pyproject.toml").read_text()
    for name in ("constraints.txt", *re.findall(r'^(?:readme|path) = "(.+)"$', project, re.MULTILINE)):
        assert (image / name).is_file(), name
    for name in ("LICENSE", "octaspace", "flask_octaspace", "octaspace_pytest.py"):
        assert (image / name).exists(), name


def test_it_holds_no_secret_and_is_not_root() -> None:
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    names = " ".join(instructions("ENV") + instructions("ARG"))
    assert not re.search(r"PASSWORD|KEY|REDIS|LEDGER", names)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running(image: Path, tmp_path: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    (words,) = instructions("CMD")
    given = {"PLAYGROUND_PASSWORD": "correct horse battery", "PLAYGROUND_HOSTS": "qa.example"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command(json.loads(words), port), cwd=image, env=environment(tmp_path, port, **given),
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.gunicorn
def test_its_command_and_its_health_check(
    image: Path, tmp_path: Path, port: int, running: subprocess.Popen[bytes]
) -> None:
    until(lambda: answers(f"http://127.0.0.1:{port}"), within=60)
    (line,) = instructions("HEALTHCHECK")
    words = command(json.loads(line.partition("CMD ")[2]), port)
    assert subprocess.run(words, env=bare_environment(), timeout=60).returncode == 0
    opened = os.readlink(f"/proc/{running.pid}/cwd")
    assert opened == str(image)
    running.terminate()
    assert running.wait(60) == 0
    done = subprocess.run(words, env=bare_environment(), capture_output=True, timeout=60)
    assert done.returncode != 0, "nothing answers any more"


def test_without_a_password_the_start_is_refused(image: Path, tmp_path: Path, port: int) -> None:
    (words,) = instructions("CMD")
    done = subprocess.run(
        command(json.loads(words), port), cwd=image, env=environment(tmp_path, port),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "set PLAYGROUND_PASSWORD first" in done.stderr


def test_the_page_says_that_it_is_not_built_here() -> None:
    section = PAGE.partition("\n## Docker\n")[2].partition("\n## ")[0]
    assert "No test builds the image" in section
