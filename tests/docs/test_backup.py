"""The backups of docs/deployment.md: made while the ledger is in use, and restored."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import pytest

import octaspace
from octaspace.rentals import open_ledger
from octaspace.sandbox import SandboxServer

from ..support.programs import find_program
from ..support.redis_server import RedisServer
from ..support.running_playground import bare_environment
from ..support.waiting import until
from .deployment import REDIS_PASSWORD, ROOT, command, redis_options

KEY = "backup-key-0123456789"
MACHINE = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rentals.db"


@pytest.fixture
def client(octaspace_sandbox: SandboxServer, ledger_file: Path) -> Iterator[octaspace.Client]:
    ledger_file.parent.mkdir(mode=0o700)
    with octaspace.Client(
        KEY, base_url=octaspace_sandbox.url, rental_ledger=f"sqlite:///{ledger_file}"
    ) as client:
        yield client


def back_up(ledger_file: Path, target: Path) -> None:
    """The command of the page."""
    _, *words = command("python3 -c 'import sqlite3")
    paths = {
        "/var/lib/octaspace-playground/rentals.db": str(ledger_file),
        "/var/backups/rentals.db": str(target),
    }
    assert set(paths) < set(words)
    subprocess.run([sys.executable, *(paths.get(word, word) for word in words)], check=True, timeout=60)


def listed(target: Path, api: str) -> str:
    """What the ledger lists, with the command of the page."""
    _, *words = command("/srv/flask-octaspace/.venv/bin/python -m octaspace.rentals list")
    words = [word.replace("/var/backups/rentals.db", str(target)) for word in words]
    environment = {**bare_environment(), "OCTA_API_KEY": KEY, "OCTA_BASE_URL": api}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_a_backup_while_it_is_in_use(
    client: octaspace.Client, octaspace_sandbox: SandboxServer, ledger_file: Path, tmp_path: Path
) -> None:
    client.services.mr.create(**MACHINE, name="before", max_duration=3600)
    stop, made = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            made.append(client.services.mr.create(**MACHINE, name=f"during-{len(made)}", max_duration=3600))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(made) > 2, within=60)
        command_line, *rest = command("umask")
        assert (command_line, rest) == ("umask", ["077"])
        previous = os.umask(0o077)
        try:
            back_up(ledger_file, tmp_path / "backup.db")
        finally:
            os.umask(previous)
    finally:
        stop.set()
        writer.join(60)
    text = listed(tmp_path / "backup.db", octaspace_sandbox.url)
    assert "before" in text
    assert "during-0" in text
    assert (tmp_path / "backup.db").stat().st_mode & 0o077 == 0


def test_an_old_ledger(
    client: octaspace.Client, octaspace_sandbox: SandboxServer, ledger_file: Path, tmp_path: Path
) -> None:
    """The table of the page: what a reaper does with a ledger that was restored."""

    def rent(name: str, duration: float) -> str:
        return str(client.services.mr.create(**MACHINE, name=name, max_duration=duration).data[0]["uuid"])

    stopped, extended = rent("stopped", 3600), rent("extended", 1e-6)
    back_up(ledger_file, tmp_path / "backup.db")
    client.services.session(stopped).stop()
    since = rent("since", 1e-6)
    url = f"sqlite:///{tmp_path}/backup.db?reconcile_timeout=1"
    environment = {
        **bare_environment(), "OCTA_API_KEY": KEY, "OCTA_BASE_URL": octaspace_sandbox.url,
        "OCTA_RENTAL_LEDGER": url,
    }  # fmt: skip

    def reap() -> None:
        subprocess.run(
            [sys.executable, "-m", "octaspace.rentals", "reap"], cwd=ROOT, env=environment, check=True,
            capture_output=True, timeout=60,
        )  # fmt: skip

    def open_names() -> set[str | None]:
        return {one.name for one in open_ledger(url).backend.open_rentals()}

    reap()
    running = {session.uuid for session in octaspace_sandbox.world.active()}
    assert extended not in running, "its old deadline has passed"
    assert since in running, "no entry names it"
    until(lambda: reap() or "stopped" not in open_names(), within=60)
    assert open_names() == set()


def redis_cli(beginning: str, server: RedisServer, places: Mapping[str, str] = MappingProxyType({})) -> str:
    """The output of a command of the page, with the password as the page passes it.

    Args:
        beginning: How the command begins.
        server: The server that takes the place of that of the page.
        places: Further words, and what takes their place.
    """
    _, assignment = command("export REDISCLI_AUTH")
    name, _, password = assignment.partition("=")
    assert password == REDIS_PASSWORD
    _, *words = command(beginning)
    places = {"10.0.0.10": "127.0.0.1", "6379": str(server.port), **places}
    done = subprocess.run(
        [find_program("redis-cli", "redis-server"), *(places.get(word, word) for word in words)],
        env={**bare_environment(), name: password}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "WRONGPASS" not in done.stdout + done.stderr
    return done.stdout.strip()


def test_a_snapshot_of_redis(octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
    """With redis.conf, which requires a password."""
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:

        def started(folder: Path, *options: str) -> RedisServer:
            server = RedisServer(folder, *redis_options(), *options, password=REDIS_PASSWORD)
            stack.callback(server.stop)
            return server

        old = started(folders[0])
        with octaspace.Client(KEY, base_url=octaspace_sandbox.url, rental_ledger=old.url) as renting:
            renting.services.mr.create(**MACHINE, name="kept", max_duration=3600)
        assert redis_cli("redis-cli -h 10.0.0.10 -p 6379 ping", old) == "PONG"
        snapshot = {"/var/backups/playground.rdb": str(folders[1] / "dump.rdb")}
        redis_cli("redis-cli -h 10.0.0.10 -p 6379 --rdb", old, snapshot)
        restored = started(folders[1], "--appendonly", "no")
        assert redis_cli("redis-cli -h 10.0.0.10 -p 6379 config set", restored) == "OK"
        with restored.client() as redis:
            until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], within=60)
        restored.stop()
        again = started(folders[1])
        assert [one.name for one in open_ledger(again.url).backend.open_rentals()] == ["kept"]
