"""The recipes of docs/rentals.md run as they are written: only the paths are those of the test.

The recipe for Celery runs in `tests/software/with_celery.py`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import octaspace
from octaspace.rentals import open_ledger
from octaspace.sandbox import SandboxServer

from ..support.programs import find_program
from ..support.redis_server import RedisServer

PAGE = (Path(__file__).parents[2] / "docs" / "rentals.md").read_text(encoding="utf-8")
KEY = "recipe-key-0123456789"


def block(language: str, beginning: str = "") -> str:
    """The only block of the page in that language that begins like this."""
    found = re.findall(rf"^```{language}\n({re.escape(beginning)}.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, (language, beginning, len(found))
    return str(found[0])


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rentals.db"


@pytest.fixture
def over(octaspace_sandbox: SandboxServer, ledger_url: str) -> Iterator[str]:
    """A session whose deadline has passed."""
    with octaspace.Client(KEY, base_url=octaspace_sandbox.url, rental_ledger=ledger_url) as client:
        answer = client.services.mr.create(
            node_id=9101, disk_size=10, image="ubuntu:24.04", name="over", max_duration=1e-6
        )
        yield answer.data[0]["uuid"]


@pytest.fixture
def here(octaspace_sandbox: SandboxServer, ledger_url: str, tmp_path: Path) -> Here:
    return Here(octaspace_sandbox, ledger_url, tmp_path)


_URL = "sqlite:////var/lib/app/rentals.db?lease=90&reconcile_timeout=120"


class Here:
    """The paths of the test in place of those of the recipes, and the file with the key."""

    def __init__(self, sandbox: SandboxServer, ledger_url: str, folder: Path) -> None:
        self.environment_file = folder / "octaspace.env"
        text = block("sh", "# /etc/app/octaspace.env")
        text = text.replace("your-key", KEY).replace(_URL, ledger_url)
        assert KEY in text
        assert ledger_url in text
        self.environment_file.write_text(f"{text}OCTA_BASE_URL={sandbox.url}\n")
        self._paths = {
            "/etc/app/octaspace.env": str(self.environment_file),
            "/opt/app/.venv/bin/python": sys.executable,
        }

    def put(self, text: str) -> str:
        for path, ours in self._paths.items():
            assert path in text
            text = text.replace(path, ours)
        return text

    def variables(self) -> dict[str, str]:
        lines = self.environment_file.read_text().splitlines()
        words = [shlex.split(line)[0] for line in lines if not line.startswith("#")]
        return dict(word.split("=", 1) for word in words)


def is_running(sandbox: SandboxServer, uuid: str) -> bool:
    return any(session.uuid == uuid for session in sandbox.world.active())


def outcomes(ledger_url: str) -> list[str | None]:
    return [one.outcome for one in open_ledger(ledger_url).backend.closed_rentals()]


def by_cron(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of a line as cron runs it: with /bin/sh and next to no environment."""
    command = line.split(None, 5)[5]
    assert line.split(None, 5)[:5] == ["*"] * 5
    assert "%" not in command, "cron reads it as a line break"
    return subprocess.run(
        ["env", "-i", "SHELL=/bin/sh", "PATH=/usr/bin:/bin", f"HOME={home}", "LOGNAME=app",
         "/bin/sh", "-c", command],
        cwd=home, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


class TestCron:
    """The line of the crontab."""

    def test_it_stops_what_is_over(
        self, here: Here, over: str, octaspace_sandbox: SandboxServer, ledger_url: str, tmp_path: Path
    ) -> None:
        done = by_cron(here.put(block("text")).strip(), tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not is_running(octaspace_sandbox, over)
        assert outcomes(ledger_url) == ["deadline passed"]

    def test_a_failure_is_mailed(
        self, here: Here, over: str, octaspace_sandbox: SandboxServer, tmp_path: Path
    ) -> None:
        octaspace_sandbox.faults.add("status", path="/services/*/stop", status=403)
        done = by_cron(here.put(block("text")).strip(), tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("failed: over, ")
        assert over in done.stderr
        assert KEY not in done.stderr


SERVICE, TIMER, DAEMON = (f"octaspace-reaper{ending}" for ending in (".service", ".timer", "-daemon.service"))


def unit(name: str) -> str:
    return block("ini", f"# /etc/systemd/system/{name}")


def setting(text: str, name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    return str(value)


class TestSystemd:
    """The units, as systemd reads them, and their commands."""

    def test_systemd_accepts_the_units(self, here: Here, tmp_path: Path) -> None:
        program = find_program("systemd-analyze", "systemd")
        for name in (SERVICE, DAEMON):
            # The user of the recipe does not exist here.
            (tmp_path / name).write_text(here.put(unit(name)).replace("User=app", "User=root"))
        (tmp_path / TIMER).write_text(unit(TIMER))
        units = [tmp_path / name for name in (SERVICE, TIMER, DAEMON)]
        done = subprocess.run(
            [program, "verify", "--man=no", "--recursive-errors=no", *units],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_timer_starts_a_round_every_minute(self) -> None:
        timer = unit(TIMER)
        program = find_program("systemd-analyze", "systemd")
        done = subprocess.run(
            [program, "calendar", "--iterations=3", setting(timer, "OnCalendar")],
            capture_output=True, text=True, timeout=60, env={"TZ": "UTC", "LANG": "C"},
        )  # fmt: skip
        minutes = re.findall(r"(\d\d):(\d\d):(\d\d) UTC", done.stdout)
        assert len(minutes) == 3
        assert {second for _, _, second in minutes} == {"00"}
        assert len({minute for _, minute, _ in minutes}) == 3

    def test_a_round(self, here: Here, over: str, octaspace_sandbox: SandboxServer, ledger_url: str) -> None:
        command = setting(here.put(unit(SERVICE)), "ExecStart")
        done = subprocess.run(
            shlex.split(command), cwd="/", env=here.variables(), capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert over in done.stdout
        assert not is_running(octaspace_sandbox, over)
        assert outcomes(ledger_url) == ["deadline passed"]

    def test_the_daemon_runs_until_sigterm(
        self, here: Here, over: str, octaspace_sandbox: SandboxServer
    ) -> None:
        text = here.put(unit(DAEMON))
        assert setting(text, "Restart") == "always"
        process = subprocess.Popen(
            shlex.split(setting(text, "ExecStart")), cwd="/", env=here.variables(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert over in process.stdout.readline()
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
        assert not is_running(octaspace_sandbox, over)


class TestKubernetes:
    """The CronJob, whose ledger is in Redis."""

    @pytest.fixture
    def ledger_url(self, tmp_path: Path) -> Iterator[str]:
        server = RedisServer(tmp_path)
        yield server.url
        server.stop()

    def test_its_command_stops_what_is_over(
        self, over: str, octaspace_sandbox: SandboxServer, ledger_url: str, tmp_path: Path
    ) -> None:
        job: dict[str, Any] = yaml.safe_load(block("yaml"))
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        assert job["metadata"]["name"] == "octaspace-reaper"
        assert job["spec"]["schedule"] == "* * * * *"
        assert job["spec"]["concurrencyPolicy"] in ("Allow", "Forbid", "Replace")
        pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["restartPolicy"] in ("Never", "OnFailure")  # the only values of a job
        (container,) = pod["containers"]
        secrets = {"api-key": KEY, "rental-ledger": ledger_url}
        given = {one["name"]: secrets[one["valueFrom"]["secretKeyRef"]["key"]] for one in container["env"]}
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        (bin_folder / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (bin_folder / "python").chmod(0o700)
        done = subprocess.run(
            container["command"], capture_output=True, text=True, timeout=60, cwd="/",
            env={**given, "OCTA_BASE_URL": octaspace_sandbox.url, "PATH": f"{bin_folder}:/usr/bin:/bin"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert over in done.stdout
        assert not is_running(octaspace_sandbox, over)
        assert outcomes(ledger_url) == ["deadline passed"]
