"""`python -m octaspace.rentals` as a process, against the sandbox and real ledgers."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import octaspace
from octaspace.rentals import RentalOwner, open_ledger
from octaspace.sandbox import ManualClock, SandboxServer

from ..support.fault_server import FaultServer, answer
from ..support.redis_server import RedisServer
from ..support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
KEY = "ledger-key-0123456789"
Run = Callable[..., "subprocess.CompletedProcess[str]"]

#: What passes for a deadline in the past by the time a process has started.
AT_ONCE = 1e-6


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rentals.db"


@pytest.fixture
def environment(octaspace_sandbox: SandboxServer, url: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OCTA", "COLUMNS", "FLASK"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "OCTA_API_KEY": KEY,
        "OCTA_BASE_URL": octaspace_sandbox.url,
        "OCTA_RENTAL_LEDGER": url,
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "octaspace.rentals", *words],
            env={**environment, **variables}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        for text in (done.stdout, done.stderr):
            assert "Traceback" not in text
            assert KEY not in text
        return done

    return run


@pytest.fixture
def client(octaspace_sandbox: SandboxServer, url: str) -> Iterator[octaspace.Client]:
    with octaspace.Client(KEY, base_url=octaspace_sandbox.url, rental_ledger=url) as client:
        yield client


def create(client: octaspace.Client, name: str, max_duration: float | None = None) -> str:
    answer = client.services.mr.create(
        node_id=9101, disk_size=10, image="ubuntu:24.04", name=name, max_duration=max_duration
    )
    return str(answer.data[0]["uuid"])


def posts(sandbox: SandboxServer) -> list[str]:
    """The paths of the changes that were sent, rentals excluded."""
    sent = [entry.path for entry in sandbox.journal.entries() if entry.method == "POST"]
    return [path for path in sent if path.endswith("/stop")]


def running(sandbox: SandboxServer) -> set[str]:
    return {session.uuid for session in sandbox.world.active()}


class TestList:
    """`list`: the entries of a ledger, with what the API says of their sessions."""

    def test_values(
        self,
        run: Run,
        client: octaspace.Client,
        octaspace_sandbox: SandboxServer,
        octaspace_sandbox_clock: ManualClock,
    ) -> None:
        first, second = create(client, "nightly", 7200), create(client, "long")
        octaspace_sandbox_clock.advance(3600)
        sessions = {item["uuid"]: item for item in client.sessions.list().data}
        done = run("list", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        nightly, long = json.loads(done.stdout)
        assert (nightly["name"], nightly["session"], nightly["node_id"]) == ("nightly", first, 9101)
        assert (nightly["service"], nightly["state"], nightly["session_state"]) == ("mr", "active", "ready")
        assert 7000 < nightly["deadline_in"] < 7200
        assert nightly["own_account"] is True
        wei = octaspace.types.Session.from_api(sessions[first]).charge_amount
        assert octaspace.octa_to_wei(nightly["cost_octa"]) == wei
        assert wei
        assert (long["name"], long["session"], long["deadline"], long["deadline_in"]) == (
            "long", second, None, None,
        )  # fmt: skip
        assert nightly["owner"].endswith(f":{os.getpid()}")

    def test_table(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer, tmp_path: Path
    ) -> None:
        uuid = create(client, "nightly", 7200)
        listed = len(octaspace_sandbox.journal.entries())
        done = run("list")
        names, line = done.stdout.splitlines()
        assert names.split()[:4] == ["name", "service", "node", "state"]
        assert line.startswith("nightly  mr       9101  active")
        assert "in 1 h 59 min" in line
        assert line.endswith(uuid)
        entries = octaspace_sandbox.journal.entries()[listed:]
        assert [(entry.method, entry.path) for entry in entries] == [("GET", "/sessions")]

    def test_closed_entries_are_listed_on_request(self, run: Run, client: octaspace.Client) -> None:
        create(client, "open")
        create(client, "over", AT_ONCE)
        run("reap")
        assert [one["name"] for one in json.loads(run("list", "--json").stdout)] == ["open"]
        both = {one["name"]: one for one in json.loads(run("list", "--json", "--all").stdout)}
        assert both["over"]["state"] == "closed"
        assert both["over"]["outcome"] == "deadline passed"
        assert both["open"]["state"] == "active"

    def test_entries_of_another_account(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer, url: str
    ) -> None:
        create(client, "ours")
        with octaspace.Client(
            "another-key-01234", base_url=octaspace_sandbox.url, rental_ledger=url
        ) as other:
            create(other, "theirs")
        ours, theirs = json.loads(run("list", "--json").stdout)
        assert (ours["own_account"], theirs["own_account"]) == (True, False)
        assert ours["cost_octa"] is not None
        assert (theirs["cost_octa"], theirs["session_state"]) == (None, None)
        marked = [line for line in run("list").stdout.splitlines() if "(other account)" in line]
        assert [line.split()[0] for line in marked] == ["theirs"]

    def test_without_a_key_nothing_is_sent(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        create(client, "nightly")
        sent = len(octaspace_sandbox.journal.entries())
        done = run("list", "--json", OCTA_API_KEY="")
        (entry,) = json.loads(done.stdout)
        assert (done.returncode, entry["cost_octa"], entry["session_state"], entry["own_account"]) == (
            0, None, None, None,
        )  # fmt: skip
        assert len(octaspace_sandbox.journal.entries()) == sent

    def test_sessions_that_cannot_be_listed(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        uuid = create(client, "nightly")
        octaspace_sandbox.faults.add("status", path="/sessions", status=403)
        done = run("list", "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)[0]["session"] == uuid
        assert "GET /sessions: 403" in done.stderr

    def test_a_session_that_is_gone(self, run: Run, client: octaspace.Client) -> None:
        client.services.session(create(client, "nightly")).stop()
        assert json.loads(run("list", "--json").stdout)[0]["session_state"] == "not listed"

    def test_hostile_text_is_one_line_each(self, run: Run, client: octaspace.Client, url: str) -> None:
        create(client, "plain")
        ledger = open_ledger(url)
        (plain,) = ledger.backend.open_rentals()
        hostile = "\x1b[2J\x1b]0;title\x07\r\nname\u202egnp.exe\u2028x\u0000\x9b31m\ud800"
        owner = RentalOwner("host\n\x1b[1m", "boot", 1, "0", label="\x07bell\nlabel")
        ledger.backend.add(replace(plain, id="0", name=hostile, owner=owner, uuid="u\nu\x1b[0m"))
        for columns in ("", "40"):
            done = run("list", COLUMNS=columns)
            assert done.returncode == 0
            assert [text for text in done.stdout if not text.isprintable() and text != "\n"] == []
        assert len(run("list").stdout.splitlines()) == 3
        assert len(run("list", COLUMNS="40").stdout.splitlines()) == 2 * 10 + 1
        assert {one["id"] for one in json.loads(run("list", "--json").stdout)} == {"0", plain.id}

    def test_a_time_that_the_calendar_does_not_have(
        self, run: Run, client: octaspace.Client, url: str
    ) -> None:
        create(client, "plain", 3600)
        ledger = open_ledger(url)
        (plain,) = ledger.backend.open_rentals()
        far = replace(plain.created, wall=1e30, seconds=1e30)
        ledger.backend.add(replace(plain, created=far, deadline=far))
        done = run("list", "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)[0]["since"] is None

    @pytest.mark.parametrize("columns", [20, 40, 79])
    def test_narrow_terminals(self, run: Run, client: octaspace.Client, columns: int) -> None:
        uuid = create(client, "rendering the long film, part 日本語 of 7", 7200)
        lines = run("list", COLUMNS=str(columns)).stdout.splitlines()
        assert max(map(len, lines)) <= columns
        assert [line.split()[0] for line in lines][:3] == ["name", "service", "node"]
        if columns > 60:
            assert lines[-1].split() == ["session", uuid]

    @pytest.mark.parametrize(("columns", "lines"), [(300, 2), (60, 10)])
    def test_a_real_terminal(
        self, environment: dict[str, str], client: octaspace.Client, columns: int, lines: int
    ) -> None:
        create(client, "nightly", 7200)
        reading, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        done = subprocess.run(
            [sys.executable, "-m", "octaspace.rentals", "list"], env=environment, stdout=terminal, timeout=60
        )
        os.close(terminal)
        printed = b""
        with suppress(OSError):  # the end of a terminal
            while part := os.read(reading, 65536):
                printed += part
        os.close(reading)
        assert done.returncode == 0
        assert len(printed.decode().splitlines()) == lines

    def test_a_ledger_that_does_not_exist_yet(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "rentals.db"
        for words in (["list"], ["reap"]):
            done = run(*words)
            assert (done.returncode, done.stderr) == (0, "")
            assert str(path) in done.stdout
        assert json.loads(run("list", "--json").stdout) == []
        assert json.loads(run("reap", "--json").stdout)["items"] == []
        assert not path.exists()

    def test_a_ledger_of_the_command_line_has_to_exist(self, run: Run, tmp_path: Path) -> None:
        """Who reads a backup must not take a mistyped path for an empty ledger."""
        for words in (["list"], ["list", "--json"], ["list", "--all"]):
            done = run(*words, "--ledger", f"sqlite:///{tmp_path}/backup.db")
            assert (done.returncode, done.stdout) == (1, "")
            (line,) = done.stderr.splitlines()
            assert f"{tmp_path}/backup.db does not exist" in line
            assert "--ledger" in line
        # A reaper may start before the first rental.
        assert run("reap", "--ledger", f"sqlite:///{tmp_path}/backup.db").returncode == 0

    def test_a_relative_path_is_that_of_the_current_directory(self, run: Run) -> None:
        done = run("list", OCTA_RENTAL_LEDGER="sqlite:///here.db")
        assert str(Path.cwd() / "here.db") in done.stdout

    def test_a_ledger_that_may_not_be_seen(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        for command in ("list", "reap"):
            done = run(command, "--ledger", f"sqlite:///{tmp_path}/loop/rentals.db")
            assert done.returncode == 1, "success would hide a reaper that sees nothing"
            assert "RentalLedgerError" in done.stderr

    def test_a_file_of_another_program(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "rentals.db").write_bytes(b"no database" * 100)
        for command in ("list", "reap"):
            done = run(command)
            assert (done.returncode, done.stdout) == (1, "")
            assert len(done.stderr.splitlines()) == 1

    def test_a_closed_pipe(self, environment: dict[str, str], client: octaspace.Client) -> None:
        create(client, "nightly")
        for words in (["list"], ["list", "--json"]):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run(
                [sys.executable, "-m", "octaspace.rentals", *words],
                env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=60,
            )  # fmt: skip
            os.close(writing)
            assert (done.returncode, done.stderr) == (1, b"")

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    def test_a_full_disk(self, environment: dict[str, str], client: octaspace.Client) -> None:
        create(client, "nightly")
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "octaspace.rentals", "list"],
                env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60,
            )  # fmt: skip
        assert (done.returncode, done.stderr) == (1, b"")

    def test_a_terminal_that_is_not_utf8(self, run: Run, client: octaspace.Client) -> None:
        create(client, "日本語")
        done = run("list", PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert "\\u65e5\\u672c\\u8a9e" in done.stdout


class TestReap:
    """`reap`: one round."""

    def test_it_stops_what_has_passed_its_deadline(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over, lives = create(client, "over", AT_ONCE), create(client, "lives", 3600)
        others = running(octaspace_sandbox) - {over}
        done = run("reap")
        assert (done.returncode, done.stderr) == (0, "")
        line, summary = done.stdout.splitlines()
        assert line.startswith("stopped: over, ")
        assert over in line
        assert "deadline passed" in line
        assert summary == "1 stopped, 0 failed, 1 left running"
        assert running(octaspace_sandbox) == others
        assert lives in others
        assert run("reap").stdout == "0 stopped, 0 failed, 1 left running\n"
        assert posts(octaspace_sandbox) == [f"/services/{over}/stop"]

    def test_dry_run(self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer) -> None:
        over = create(client, "over", AT_ONCE)
        for _ in range(2):
            done = run("reap", "--dry-run")
            assert done.returncode == 0
            assert done.stdout.startswith("would be stopped: over, ")
            assert over in done.stdout
        assert posts(octaspace_sandbox) == []

    def test_json(self, run: Run, client: octaspace.Client) -> None:
        over = create(client, "over", AT_ONCE)
        report = json.loads(run("reap", "--json").stdout)
        assert (report["ok"], report["living"], report["dry_run"], report["problem"]) == (True, 0, False, "")
        (item,) = report["items"]
        assert (item["result"], item["reason"], item["name"], item["session"]) == (
            "stopped", "deadline passed", "over", over,
        )  # fmt: skip

    def test_a_stop_that_fails(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over = create(client, "over", AT_ONCE)
        octaspace_sandbox.faults.add("status", path="/services/*/stop", status=403)
        done = run("reap")
        assert done.returncode == 1
        assert done.stderr.startswith("failed: over, ")
        assert f"POST /services/{over}/stop: 403" in done.stderr
        assert "0 stopped, 1 failed" in done.stdout
        octaspace_sandbox.faults.remove_all()
        assert run("reap").returncode == 0
        assert over not in running(octaspace_sandbox)

    def test_sessions_that_cannot_be_listed(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over = create(client, "over", AT_ONCE)
        octaspace_sandbox.faults.add("status", path="/sessions", status=403)
        done = run("reap")
        assert done.returncode == 1
        assert "GET /sessions: 403" in done.stderr
        assert over not in running(octaspace_sandbox), "a known session is stopped nevertheless"

    def test_entries_of_another_account_are_not_touched(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over = create(client, "over", AT_ONCE)
        done = run("reap", OCTA_API_KEY="another-key-01234")
        assert done.stdout == "0 stopped, 0 failed, 0 left running, 1 of other accounts not touched\n"
        assert over in running(octaspace_sandbox)

    def test_a_closed_pipe_prevents_no_stop(
        self, environment: dict[str, str], client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over = create(client, "over", AT_ONCE)
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "octaspace.rentals", "reap"],
            env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")
        assert over not in running(octaspace_sandbox)

    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
    def test_a_process_without_streams_stops_nevertheless(
        self,
        environment: dict[str, str],
        client: octaspace.Client,
        octaspace_sandbox: SandboxServer,
        closed: str,
    ) -> None:
        over = create(client, "over", AT_ONCE)
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "{sys.executable}" -m octaspace.rentals reap {closed}'],
            env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert over not in running(octaspace_sandbox)

    def test_ctrl_c(
        self, environment: dict[str, str], client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        create(client, "over", AT_ONCE)
        octaspace_sandbox.faults.add("stall", path="/sessions")
        process = start(environment, "reap")
        until(lambda: "/sessions" in [entry.path for entry in octaspace_sandbox.journal.entries()])
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        assert (process.returncode, output, errors) == (130, "", "")

    def test_the_key_in_answers_is_masked(self, environment: dict[str, str], url: str) -> None:
        listing = [{"uuid": f"u-{KEY}", "service": "mr", "node_id": 1, "progress": KEY}]
        with FaultServer(after=answer({"message": f"{KEY} may not"}, status=403)) as api:
            with octaspace.Client(KEY, base_url=api.url, rental_ledger=url) as client:
                api.then(answer([{"uuid": f"u-{KEY}"}]))
                create(client, "over", AT_ONCE)
            api.then(answer(listing))
            for words in (["list"], ["reap"], ["list", "--json"]):
                done = subprocess.run(
                    [sys.executable, "-m", "octaspace.rentals", *words],
                    env={**environment, "OCTA_BASE_URL": api.url}, capture_output=True, text=True, timeout=60,
                )  # fmt: skip
                assert KEY not in done.stdout + done.stderr
                assert "***" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "variables", "named"),
    [
        (["list"], {"OCTA_RENTAL_LEDGER": ""}, "OCTA_RENTAL_LEDGER"),
        (["reap"], {"OCTA_RENTAL_LEDGER": ""}, "OCTA_RENTAL_LEDGER"),
        (["reap"], {"OCTA_API_KEY": ""}, "OCTA_API_KEY"),
        (["reap"], {"OCTA_API_KEY": '"quoted"'}, "api_key"),
        (["list"], {"OCTA_POOL_SIZE": "many"}, "OCTA_POOL_SIZE"),
        (["list", "--ledger", "mysql://user:secret@host/0"], {}, "sqlite:///path"),
        (["list", "--ledger", "sqlite://rentals.db"], {}, "three slashes"),
        (["list", "--ledger", "redis://user:secret@:x/0"], {}, "redis://host:6379/0"),
        (["reap", "--every", "0"], {}, "--every"),
        (["reap", "--every", "nan"], {}, "--every"),
        (["reap", "--every", "-5"], {}, "--every"),
        (["reap", "--every", "\x1b[2Jsoon"], {}, "--every"),
        (["reap", "now"], {}, "now"),
        (["stop"], {}, "stop"),
        ([], {}, "list"),
    ],
)
def test_wrong_usage(
    run: Run, octaspace_sandbox: SandboxServer, words: list[str], variables: dict[str, str], named: str
) -> None:
    done = run(*words, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert "secret" not in done.stderr
    assert "\x1b" not in done.stderr
    assert octaspace_sandbox.journal.entries() == []


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "octaspace.rentals", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class TestEvery:
    """`reap --every`: rounds until a signal."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_rounds_until_a_signal(
        self,
        environment: dict[str, str],
        client: octaspace.Client,
        octaspace_sandbox: SandboxServer,
        number: signal.Signals,
    ) -> None:
        create(client, "lives", 3600)
        process = start(environment, "reap", "--every", "0.1")
        assert process.stdout is not None
        assert process.stdout.readline().endswith(" 0 stopped, 0 failed, 1 left running\n")
        over = create(client, "over", AT_ONCE)
        assert over in process.stdout.readline()
        assert process.stdout.readline().endswith(" 1 stopped, 0 failed, 1 left running\n")
        assert over not in running(octaspace_sandbox)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")

    def test_a_signal_ends_a_round_that_waits_for_the_api(
        self, environment: dict[str, str], client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        create(client, "over", AT_ONCE)
        octaspace_sandbox.faults.add("stall", path="/sessions")
        process = start({**environment, "OCTA_READ_TIMEOUT": "600"}, "reap", "--every", "600")
        until(lambda: "/sessions" in [entry.path for entry in octaspace_sandbox.journal.entries()])
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        assert (process.returncode, output, errors) == (0, "", "")

    def test_a_signal_ends_the_wait_between_rounds(self, environment: dict[str, str]) -> None:
        process = start(environment, "reap", "--every", "86400")
        assert process.stdout is not None
        assert "does not exist" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0

    def test_a_round_that_fails_is_reported_and_the_next_goes_on(
        self,
        environment: dict[str, str],
        client: octaspace.Client,
        octaspace_sandbox: SandboxServer,
        tmp_path: Path,
    ) -> None:
        over = create(client, "over", AT_ONCE)
        octaspace_sandbox.faults.add("status", status=403)
        process = start(environment, "reap", "--every", "0.1")
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().split(" ", 1)[1].startswith("failed: over, ")
        assert "GET /sessions: 403" in process.stderr.readline()
        ledger, moved = tmp_path / "rentals.db", tmp_path / "moved.db"
        ledger.rename(moved)
        ledger.mkdir()
        read_until(process.stderr, "RentalLedgerError")
        ledger.rmdir()
        moved.rename(ledger)
        octaspace_sandbox.faults.remove_all()
        read_until(process.stdout, " stopped: over, ")
        assert over not in running(octaspace_sandbox)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0

    def test_a_ledger_that_was_removed_gets_its_open_entries_again(
        self, environment: dict[str, str], client: octaspace.Client, url: str, tmp_path: Path
    ) -> None:
        create(client, "lives", 3600)
        process = start(environment, "reap", "--every", "0.1")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        for path in tmp_path.glob("rentals.db*"):
            path.unlink()
        line = process.stderr.readline()
        assert "has lost 1 open rentals, and they were written again" in line
        assert [one.name for one in open_ledger(url).backend.open_rentals()] == ["lives"]
        process.terminate()
        process.communicate(timeout=20)

    def test_rentals_that_only_it_knows_are_named_when_it_ends(
        self, environment: dict[str, str], client: octaspace.Client, tmp_path: Path
    ) -> None:
        folder = tmp_path / "state"
        folder.mkdir()
        ledger = f"sqlite:///{folder}/rentals.db"
        uuid = create(client.with_options(rental_ledger=ledger), "lives", 3600)
        process = start({**environment, "OCTA_RENTAL_LEDGER": ledger}, "reap", "--every", "0.1")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        folder.rename(tmp_path / "moved")
        read_until(process.stderr, "cannot be written again")
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert errors.splitlines()[-1].endswith(f"stop their sessions by hand: {uuid}")

    def test_json_is_one_line_for_each_round(
        self, environment: dict[str, str], client: octaspace.Client
    ) -> None:
        create(client, "lives", 3600)
        process = start(environment, "reap", "--every", "0.1", "--json")
        assert process.stdout is not None
        rounds = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert [one["living"] for one in rounds] == [1, 1, 1]
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0

    def test_a_closed_pipe_ends_no_reaper(
        self, environment: dict[str, str], client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        create(client, "lives", 3600)
        process = start(environment, "reap", "--every", "0.1")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        over = create(client, "over", AT_ONCE)
        until(lambda: over not in running(octaspace_sandbox))
        over = create(client, "over, too", AT_ONCE)
        until(lambda: over not in running(octaspace_sandbox))
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stderr.close()


def read_until(stream: Any, words: str) -> None:
    while words not in (line := stream.readline()):
        assert line, "the process has ended"


class TestRedis:
    """The same with a ledger in Redis."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[RedisServer]:
        server = RedisServer(tmp_path)
        yield server
        server.stop()

    @pytest.fixture
    def url(self, server: RedisServer) -> str:
        return server.url

    def test_list_and_reap(
        self, run: Run, client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        over, lives = create(client, "over", AT_ONCE), create(client, "lives", 3600)
        assert [one["session"] for one in json.loads(run("list", "--json").stdout)] == [over, lives]
        assert run("reap").stdout.splitlines()[-1] == "1 stopped, 0 failed, 1 left running"
        assert [one["session"] for one in json.loads(run("list", "--json").stdout)] == [lives]
        assert lives in running(octaspace_sandbox)
        assert over not in running(octaspace_sandbox)

    def test_a_server_that_is_away(self, run: Run, server: RedisServer) -> None:
        server.stop()
        for command in ("list", "reap"):
            done = run(command, "--ledger", server.url.replace("//", "//user:secret@"))
            assert (done.returncode, done.stdout) == (1, "")
            assert len(done.stderr.splitlines()) == 1
            assert "RentalLedgerError" in done.stderr
            assert "secret" not in done.stderr
