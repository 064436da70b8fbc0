"""Each command of docs/deployment.md is run by a test, or is marked as not run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.settings import ProcessSettings

from .deployment import FOLDER, PAGE, ROOT, blocks, command, commands_of

#: The tests that run commands of the page, by how the command begins.
RUN = {
    "python3 bin/environment.py": "test_deployment_page.py::test_the_installation_is_complete",
    "python3 -c 'import secrets": "test_deployment_page.py::test_a_signing_key",
    "umask": "test_backup.py::test_a_backup_while_it_is_in_use",
    "python3 -c 'import sqlite3": "test_backup.py::back_up",
    "/srv/flask-octaspace/.venv/bin/python -m octaspace.rentals list": "test_backup.py::listed",
    "export REDISCLI_AUTH": "test_backup.py::redis_cli",
    "redis-cli -h 10.0.0.10 -p 6379 ping": "test_backup.py::test_a_snapshot_of_redis",
    "redis-cli -h 10.0.0.10 -p 6379 --rdb": "test_backup.py::test_a_snapshot_of_redis",
    "redis-cli -h 10.0.0.10 -p 6379 config set": "test_backup.py::test_a_snapshot_of_redis",
    "curl --fail": "test_systemd_units.py::test_no_request_is_lost_over_a_reload_and_a_restart",
}


def _blocks() -> Iterator[tuple[str, bool]]:
    """Each block of commands, and whether it is marked."""
    for found in re.finditer(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        before = PAGE[: found.start()].rstrip().rpartition("\n\n")[2]
        yield found[1], before.startswith("**Not run by our tests**: ")


def test_each_command_is_run_or_marked() -> None:
    open_commands = [line for block, marked in _blocks() if not marked for line in commands_of(block)]
    assert open_commands
    assert [line for line in open_commands if not line.startswith(tuple(RUN))] == []
    assert [
        beginning for beginning in RUN if not any(line.startswith(beginning) for line in open_commands)
    ] == []


def test_only_the_python_of_the_installation_runs_its_modules() -> None:
    """Another one of the machine does not have the packages; in a container the folder is the current one."""
    used = re.findall(r"(\S*python[\d.]*) -m (?!venv)", PAGE)
    assert used
    assert set(used) <= {"/srv/flask-octaspace/.venv/bin/python", ".venv/bin/python"}
    in_containers = [line for block in blocks("console") for line in commands_of(block) if " .venv" in line]
    assert all(line.startswith("docker run ") for line in in_containers)
    assert used.count(".venv/bin/python") == len(in_containers)
    playground = (ROOT / "docs" / "playground.md").read_text()
    assert set(re.findall(r"(\S*python[\d.]*) -m", playground)) == {"`.venv/bin/python", ".venv/bin/python"}


@pytest.mark.parametrize("beginning", list(RUN))
def test_the_test_runs_the_command_of_the_page(beginning: str) -> None:
    name, _, function = RUN[beginning].partition("::")
    text = (ROOT / "tests" / "docs" / name).read_text()
    (node,) = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    called = [
        node.args[0]
        for node in ast.walk(node)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("command", "redis_cli")
    ]
    assert beginning in [one.value for one in called if isinstance(one, ast.Constant)]


def test_each_file_is_on_the_page() -> None:
    shown = set(re.findall(r"^```\{literalinclude\} deployment/(\S+)$", PAGE, re.MULTILINE))
    assert shown == {path.name for path in FOLDER.iterdir()}


def test_the_installation_is_complete() -> None:
    """The command of the page in an environment that is up to date: it has nothing to do."""
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("the tests run in another environment, and this would change .venv")
    first, *words = command("python3 bin/environment.py")
    assert first == "python3"
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_a_signing_key() -> None:
    _, *words = command("python3 -c 'import secrets")
    key = subprocess.check_output([sys.executable, *words], text=True, timeout=60).strip()
    assert ProcessSettings.read({"SECRET_KEY": key}, Path("state")).secret_key == key
