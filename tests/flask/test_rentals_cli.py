"""`flask octaspace rentals` and `flask octaspace reap`, and deadlines in `flask octaspace call`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from flask_octaspace import OctaSpace
from octaspace.rentals import Rental, open_ledger
from octaspace.sandbox import SandboxServer

from ..support.redis_server import RedisServer

KEY = "app-key-0123456789"
RENTAL = ["services.mr.create", "node_id=9101", "disk_size=10", "image=ubuntu:24.04", "--yes"]
AT_ONCE = "max_duration=0.000001"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rentals.db"


@pytest.fixture
def app(octaspace_sandbox: SandboxServer, url: str) -> Flask:
    return app_with(octaspace_sandbox, OCTASPACE_RENTAL_LEDGER=url)


def app_with(sandbox: SandboxServer, **config: object) -> Flask:
    app = Flask("renting")
    app.config.update({"OCTASPACE_API_KEY": KEY, "OCTASPACE_BASE_URLS": sandbox.urls, **config})
    OctaSpace(app)
    return app


def run(app: Flask, *words: str) -> Result:
    result = app.test_cli_runner().invoke(args=["octaspace", *words])
    assert KEY not in result.output + result.stderr
    return result


def rent(app: Flask, *words: str) -> str:
    result = run(app, "call", *RENTAL, *words)
    assert result.exit_code == 0, result.stderr
    return str(json.loads(result.stdout)[0]["uuid"])


def entry(url: str) -> Rental:
    (rental,) = open_ledger(url).backend.open_rentals()
    return rental


def is_running(sandbox: SandboxServer, uuid: str) -> bool:
    return any(session.uuid == uuid for session in sandbox.world.active())


def test_the_entries_of_the_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    uuid = rent(app, "name=nightly", "max_duration=7200")
    (listed,) = json.loads(run(app, "rentals", "--json").stdout)
    assert (listed["name"], listed["session"], listed["state"], listed["own_account"]) == (
        "nightly", uuid, "active", True,
    )  # fmt: skip
    names, line = run(app, "rentals").stdout.splitlines()
    assert names.split()[0] == "name"
    assert line.startswith("nightly")
    assert line.endswith(uuid)


def test_a_round(app: Flask, octaspace_sandbox: SandboxServer) -> None:
    over, lives = rent(app, "name=over", AT_ONCE), rent(app, "name=lives", "max_duration=60")
    dry = run(app, "reap", "--dry-run")
    assert (dry.exit_code, is_running(octaspace_sandbox, over)) == (0, True)
    assert dry.stdout.startswith("would be stopped: over, ")
    done = run(app, "reap")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "1 stopped, 0 failed, 1 left running"
    assert not is_running(octaspace_sandbox, over)
    assert is_running(octaspace_sandbox, lives)
    assert [one["name"] for one in json.loads(run(app, "rentals", "--json").stdout)] == ["lives"]
    assert len(json.loads(run(app, "rentals", "--json", "--all").stdout)) == 2


def test_a_stop_that_fails_is_exit_code_1(app: Flask, octaspace_sandbox: SandboxServer) -> None:
    rent(app, "name=over", AT_ONCE)
    octaspace_sandbox.faults.add("status", path="/services/*/stop", status=403)
    report = run(app, "reap", "--json")
    assert report.exit_code == 1
    (item,) = json.loads(report.stdout)["items"]
    assert item["result"] == "failed"
    assert "403" in item["detail"]


@pytest.mark.parametrize("words", [["rentals"], ["reap"], ["reap", "--every", "60"]])
def test_without_a_ledger(octaspace_sandbox: SandboxServer, words: list[str]) -> None:
    result = run(app_with(octaspace_sandbox), *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "OCTASPACE_RENTAL_LEDGER" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_without_a_key(
    octaspace_sandbox: SandboxServer, app: Flask, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCTA_API_KEY", raising=False)
    rent(app, "name=nightly")
    keyless = app_with(octaspace_sandbox, OCTASPACE_API_KEY=None, OCTASPACE_RENTAL_LEDGER=url)
    refused = run(keyless, "reap")
    assert refused.exit_code == 2
    assert "OCTASPACE_API_KEY" in refused.stderr
    (listed,) = json.loads(run(keyless, "rentals", "--json").stdout)
    assert (listed["cost_octa"], listed["own_account"]) == (None, None)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon"])
def test_a_period_that_cannot_be_used(app: Flask, text: str) -> None:
    result = run(app, "reap", "--every", text)
    assert result.exit_code == 2
    assert "--every" in result.stderr


def test_a_file_that_does_not_exist_yet(app: Flask, tmp_path: Path) -> None:
    for command in ("rentals", "reap"):
        result = run(app, command)
        assert result.exit_code == 0
        assert str(tmp_path / "rentals.db") in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_that_of_the_directory_in_which_the_app_was_made(
    octaspace_sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_with(octaspace_sandbox, OCTASPACE_RENTAL_LEDGER="sqlite:///rentals.db")
    monkeypatch.chdir("/")
    rent(app, "name=nightly")
    assert (tmp_path / "rentals.db").stat().st_mode & 0o777 == 0o600
    assert str(tmp_path / "rentals.db") in run(app, "config").stdout


def test_the_real_command_runs_until_sigterm(octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\n"
        "from flask_octaspace import OctaSpace\n"
        "app = Flask('shop')\n"
        "app.config.from_prefixed_env()\n"
        "OctaSpace(app)\n"
    )
    app = app_with(octaspace_sandbox, OCTASPACE_RENTAL_LEDGER=f"sqlite:///{tmp_path}/rentals.db")
    over = rent(app, "name=over", AT_ONCE)
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "shop", "octaspace", "reap", "--every", "60"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={
            **os.environ,
            "FLASK_OCTASPACE_BASE_URL": octaspace_sandbox.url,
            "FLASK_OCTASPACE_API_KEY": KEY,
            "FLASK_OCTASPACE_RENTAL_LEDGER": "sqlite:///rentals.db",
        },
    )  # fmt: skip
    assert process.stdout is not None
    assert over in process.stdout.readline()
    assert process.stdout.readline().endswith(" 1 stopped, 0 failed, 0 left running\n")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert not is_running(octaspace_sandbox, over)


class TestDeadlinesOfCalls:
    """`max_duration=` and `deadline=` of `flask octaspace call services.….create`."""

    def test_max_duration(self, app: Flask, url: str) -> None:
        rent(app, "name=2026", "max_duration=3600")
        rental = entry(url)
        assert rental.name == "2026", "text stays text"
        assert rental.deadline is not None
        assert rental.deadline.since(rental.created) == pytest.approx(3600)

    @pytest.mark.parametrize("zone", ["+00:00", "Z", "z"])
    def test_deadline(self, app: Flask, url: str, zone: str) -> None:
        end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)
        rent(app, f"deadline={end:%Y-%m-%dT%H:%M:%S}{zone}")
        rental = entry(url)
        assert rental.deadline is not None
        # The difference of the two clocks, read one after the other.
        assert rental.deadline.wall == pytest.approx(end.timestamp(), abs=5)

    @pytest.mark.parametrize(
        ("word", "said"),
        [
            (
                "deadline=tomorrow",
                "deadline: a time such as 2026-12-01T10:00:00Z is expected, not 'tomorrow'",
            ),
            ("deadline=2100", "deadline: a time such as"),
            ("deadline=2020-01-01T00:00:00Z", "deadline has passed"),
            ("deadline=2100-01-01T00:00:00", "no time zone"),
            ("deadline=2100-01-01T00:00:00Z", "more than ten years"),
            ("max_duration=0", "max_duration must be"),
            ("max_duration=-5", "max_duration must be"),
            ("max_duration=soon", "max_duration must be"),
        ],
    )
    def test_what_cannot_be_used(
        self, app: Flask, octaspace_sandbox: SandboxServer, word: str, said: str
    ) -> None:
        result = run(app, "call", *RENTAL, word)
        assert result.exit_code == 2
        assert said in result.stderr
        assert octaspace_sandbox.journal.entries() == []

    def test_null_is_none(self, app: Flask, octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
        rent(app, "deadline=null", "name=null", "max_duration=null")
        assert not (tmp_path / "rentals.db").exists(), "without a name and a deadline nothing is recorded"

    def test_without_a_ledger(self, octaspace_sandbox: SandboxServer) -> None:
        result = run(app_with(octaspace_sandbox), "call", *RENTAL, "max_duration=60")
        assert result.exit_code == 1
        assert "needs a rental ledger" in result.stderr
        assert octaspace_sandbox.journal.entries() == []


class TestRedis:
    """A ledger in Redis, whose URL has a password."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        server = RedisServer(tmp_path)
        with server.client() as client:
            client.acl_setuser(
                "renter", enabled=True, passwords=["+secret-word"], keys=["*"], commands=["+@all"]
            )
        yield server
        server.stop()

    @pytest.fixture
    def url(self, server: RedisServer) -> str:
        return server.url.replace("//", "//renter:secret-word@")

    def test_the_password_is_shown_nowhere(
        self, app: Flask, octaspace_sandbox: SandboxServer, server: RedisServer
    ) -> None:
        over = rent(app, "name=over", AT_ONCE)
        results = [run(app, *words) for words in (["config"], ["rentals"], ["reap"], ["rentals", "--all"])]
        assert [result.exit_code for result in results] == [0, 0, 0, 0]
        assert not is_running(octaspace_sandbox, over)
        server.stop()
        results += [away := run(app, "rentals"), run(app, "reap")]
        assert away.exit_code == 1
        for result in results:
            assert "secret-word" not in result.output + result.stderr
        assert "redis://***@127.0.0.1" in results[0].stdout
