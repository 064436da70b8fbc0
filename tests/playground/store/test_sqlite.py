"""The store's file: private, swept, shared by processes, and not created again."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from playground.store import BrowserState, OneTimeTokens, RequestLog, StoreError
from playground.store.backend import LogLimits
from playground.store.circuit_breaker import OPEN_SECONDS
from playground.store.quotas import ROW_OVERHEAD_BYTES
from playground.store.sqlite import SqliteDatabase
from playground.store.sqlite.schema import VERSION

from .fakes import FakeClock
from .test_store import row

ROOT = Path(__file__).resolve().parents[3]

HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "playground.sqlite3", clock=clock, monotonic=clock.monotonic)
    yield database
    database.close()


def written(folder: Path) -> bytes:
    """Everything in the files of a folder."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_nobody_else_can_read_it(database: SqliteDatabase, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        BrowserState(database, "a").save("key", {"key": "secret"})
        with database.reading():
            files = sorted(path for path in tmp_path.iterdir() if path.suffix != ".lock")
            assert [path.suffix for path in files] == [".sqlite3", ".sqlite3-shm", ".sqlite3-wal"]
            assert [oct(path.stat().st_mode & 0o777) for path in files] == ["0o600"] * 3
    finally:
        os.umask(umask)


def test_a_browser_that_was_away_for_twelve_hours_starts_empty(
    database: SqliteDatabase, clock: FakeClock
) -> None:
    state = BrowserState(database, "a")
    state.save("key", {"key": "secret"})
    for _ in range(4):
        clock.advance(11 * HOUR)
        assert state.load(), "looking at it keeps it alive"
    clock.advance(13 * HOUR)
    assert state.load() == {}
    state.save("look", {"theme": "dark"})
    assert state.load() == {"look": {"theme": "dark"}}, "what had expired does not come back"


def test_reading_seldom_writes(
    database: SqliteDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = BrowserState(database, "a")
    state.save("look", {"theme": "dark"})
    monkeypatch.setattr(database, "writing", lambda: pytest.fail("it wrote"))
    clock.advance(500)
    assert state.load()


def test_what_expired_is_removed_and_leaves_no_trace(
    database: SqliteDatabase, clock: FakeClock, tmp_path: Path
) -> None:
    BrowserState(database, "a").save("key", {"key": "sk-of-somebody-who-left"})
    RequestLog(database, "a").append([row(line="client.line_of_somebody_who_left()")])
    OneTimeTokens(database, "a").claim("token-of-somebody-who-left")
    assert written(tmp_path).count(b"somebody") >= 3
    clock.advance(13 * HOUR)
    BrowserState(database, "b").save("look", {"theme": "dark"})
    database.close()
    assert b"somebody-who-left" in written(tmp_path), "tokens are kept for days"
    assert b"sk-of-" not in written(tmp_path)
    assert b"line_of_" not in written(tmp_path)
    clock.advance(8 * 24 * HOUR)
    BrowserState(database, "b").save("look", {"theme": "dark"})
    database.close()
    assert b"somebody" not in written(tmp_path)


def test_a_forgotten_key_is_gone_from_the_file(database: SqliteDatabase, tmp_path: Path) -> None:
    state = BrowserState(database, "a")
    state.save("key", {"key": "sk-typed-and-forgotten"})
    state.drop("key")
    state.save("key", {"key": "sk-typed-and-forgotten"})
    state.save("key", {"key": "another"})
    database.close()
    assert b"sk-typed" not in written(tmp_path)


def test_a_log_of_a_thousand_rows_is_filtered_at_once(database: SqliteDatabase) -> None:
    log = RequestLog(database, "a", LogLimits())
    log.append([row(path=f"/nodes/{number}", detail={"answer": "x" * 2_000}) for number in range(1100)])
    assert log.latest(1)[1] == 1000
    assert log.latest(10, text="/nodes/99")[1] == 10


def test_the_tables_of_another_version_are_replaced(tmp_path: Path, database: SqliteDatabase) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("CREATE TABLE calls (something TEXT)")
        connection.execute("CREATE TABLE older (something TEXT)")
        connection.commit()
    RequestLog(database, "a").append([row()])
    assert RequestLog(database, "a").latest(1)[1] == 1
    with database.reading() as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'older'").fetchall()


def at_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")


class TestAnotherVersion:
    """A schema that has changed between two versions of the app."""

    def test_a_form_is_not_carried_out_again(self, database: SqliteDatabase) -> None:
        tokens = OneTimeTokens(database, "a")
        assert tokens.claim("with a result")
        tokens.finish("with a result", {"ok": True})
        assert tokens.claim("under way")
        RequestLog(database, "a").append([row()])
        database.close()
        at_version(database.path, VERSION - 1)
        newer = SqliteDatabase(database.path, clock=database.clock)
        after = OneTimeTokens(newer, "a")
        assert not after.claim("with a result")
        assert after.result("with a result") == {"ok": True}
        assert not after.claim("under way")
        assert RequestLog(newer, "a").latest(1)[1] == 0, "other tables are replaced"
        with newer.reading() as connection:
            counted = connection.execute(
                "SELECT bytes FROM usage WHERE kind = 'claims' AND browser = 'a'"
            ).fetchone()
        assert counted["bytes"] == 2 * ROW_OVERHEAD_BYTES
        newer.close()

    def test_a_browser_stays_forgotten(self, database: SqliteDatabase) -> None:
        BrowserState(database, "a").save("look", {"theme": "dark"})
        BrowserState(database, "a").forget()
        database.close()
        at_version(database.path, VERSION - 1)
        newer = SqliteDatabase(database.path, clock=database.clock)
        assert BrowserState(newer, "a").load() is None
        newer.close()

    def test_a_newer_one_is_not_touched(self, database: SqliteDatabase) -> None:
        """During an upgrade, an old worker must not replace the tables of the new ones."""
        assert OneTimeTokens(database, "a").claim("used")
        database.close()
        at_version(database.path, VERSION + 1)
        before = database.path.read_bytes()
        older = SqliteDatabase(database.path)
        with pytest.raises(StoreError, match="newer version of the playground") as raised:
            older.check()
        assert str(database.path) in str(raised.value)
        assert database.path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"this is no database, and never was one " * 50, b"SQLite format 3\0" * 99]
)
def test_a_broken_file_is_said_in_one_line(database: SqliteDatabase, content: bytes) -> None:
    database.path.write_bytes(content)
    with pytest.raises(StoreError) as raised:
        database.check()
    assert f"{database.path} is damaged" in str(raised.value)
    assert "move the file away" in raised.value.advice
    assert str(database.path.parent) not in raised.value.advice
    assert "\n" not in str(raised.value)
    database.path.unlink()
    database.check()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteDatabase(tmp_path / "file" / "playground.sqlite3").check()


def test_a_file_that_was_removed_is_not_made_again(database: SqliteDatabase, tmp_path: Path) -> None:
    """With an empty file in its place, each form that was sent could be sent once more."""
    tokens = OneTimeTokens(database, "a")
    assert tokens.claim("one")
    generation = database.generation()
    for path in tmp_path.iterdir():
        path.unlink()
    for use in (lambda: tokens.claim("two"), lambda: BrowserState(database, "a").load(), database.check):
        with pytest.raises(StoreError, match="was removed or replaced while the playground runs") as raised:
            use()
        assert "restart the playground" in raised.value.advice
        assert str(tmp_path) not in raised.value.advice
    later = SqliteDatabase(database.path, generation=generation)
    with pytest.raises(StoreError, match="was removed or replaced"):
        later.check()
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_its_place_is_not_used(database: SqliteDatabase, tmp_path: Path) -> None:
    assert OneTimeTokens(database, "a").claim("one")
    generation = database.generation()
    another = SqliteDatabase(tmp_path / "another.sqlite3")
    another.check()
    another.close()
    database.close()  # writes its journal back
    os.replace(another.path, database.path)
    later = SqliteDatabase(database.path, generation=generation)
    for each in (database, later):
        with pytest.raises(StoreError, match="was removed or replaced"):
            OneTimeTokens(each, "a").claim("one")
    restarted = SqliteDatabase(database.path)
    assert OneTimeTokens(restarted, "a").claim("one")
    restarted.close()


def open_descriptors(folder: Path) -> list[str]:
    """The files of a folder that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return sorted(path for path in found if path.startswith(str(folder)))


def test_a_connection_in_use_is_closed_when_its_use_ends_after_the_store_was_closed(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """A job writes its end while its worker closes the store."""
    tokens = OneTimeTokens(database, "a")
    with database.writing() as connection:
        database.close()
        assert open_descriptors(tmp_path)
        connection.execute("SELECT 1").fetchone()
    assert open_descriptors(tmp_path) == []
    assert tokens.claim("one")  # a later use opens another one, and closes it
    assert not tokens.claim("one")
    assert open_descriptors(tmp_path) == []


def test_a_file_that_is_removed_while_it_is_opened_leaves_no_connection(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.check()
    database.close()
    opening = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = opening(*args, **options)
        connection.execute("SELECT count(*) FROM store").fetchone()
        database.path.unlink()
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(StoreError, match="was removed or replaced"):
        database.check()
    assert open_descriptors(tmp_path) == []


def test_a_transaction_that_cannot_be_rolled_back_leaves_no_connection(
    database: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(sqlite3.Connection):
        def rollback(self) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    database.check()
    database.close()
    opening = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: opening(*args, **options, factory=Failing)
    )
    with pytest.raises(StoreError, match="disk I/O error"), database.writing():
        raise ValueError("of the caller")
    assert open_descriptors(tmp_path) == []


def test_a_writer_that_never_ends_is_waited_for_once(
    database: SqliteDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.store.sqlite.connection._BUSY_SECONDS", 0.0)
    tokens = OneTimeTokens(database, "a")
    tokens.claim("one")
    database.close()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        for says in ("database is locked", "locked by another process a moment ago"):
            with pytest.raises(StoreError, match=says):
                tokens.claim("two")
        assert tokens.find("one") is not None, "reading needs no lock"
        clock.advance(OPEN_SECONDS + 0.1)
        with pytest.raises(StoreError, match="database is locked"):
            tokens.claim("two")
    clock.advance(OPEN_SECONDS + 0.1)
    assert tokens.claim("two")
    assert tokens.claim("three")


def test_a_file_keeps_its_generation(database: SqliteDatabase) -> None:
    generation = database.generation()
    database.close()
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    upgraded = SqliteDatabase(database.path, generation=generation)
    assert upgraded.generation() == generation
    upgraded.close()


def test_a_claim_waits_for_the_disk(database: SqliteDatabase) -> None:
    """After a power failure, a form must not be carried out again."""
    full, normal = 2, 1
    seen: list[int] = []
    with database.writing(durable=True) as connection:
        seen += connection.execute("PRAGMA synchronous").fetchone()
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    with database.writing() as connection:
        seen += connection.execute("PRAGMA synchronous").fetchone()
    assert seen == [full, normal]
    statements: list[str] = []
    with database.reading() as connection:
        connection.set_trace_callback(statements.append)
    assert OneTimeTokens(database, "a").claim("one")
    assert statements.index("PRAGMA synchronous=FULL") < statements.index("BEGIN IMMEDIATE")
    assert database.durability_warning() is None


def test_what_is_raised_undoes_what_was_written(database: SqliteDatabase) -> None:
    def write() -> None:
        with database.writing() as connection:
            connection.execute(
                "INSERT INTO tokens (browser, token, at, until, owner) VALUES ('a', 'one', 0, 9e9, '')"
            )
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert OneTimeTokens(database, "a").find("one") is None


def test_a_forked_child_opens_its_own(database: SqliteDatabase) -> None:
    BrowserState(database, "a").save("look", {"theme": "dark"})
    pid = os.fork()
    if not pid:
        try:
            assert BrowserState(database, "a").load() == {"look": {"theme": "dark"}}
            BrowserState(database, "a").save("look", {"theme": "light"})
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert BrowserState(database, "a").load() == {"look": {"theme": "light"}}


def test_processes_that_start_at_once_make_one_file(database: SqliteDatabase) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from playground.store import OneTimeTokens, open_database\n"
        "sys.stdin.readline()\n"
        "for number in range(20):\n"
        "    assert OneTimeTokens(open_database(Path(sys.argv[1])), 'a').claim(f'{os.getpid()} {number}')\n"
    )
    command = [sys.executable, "-c", script, str(database.path.parent)]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        _, problems = process.communicate(timeout=60)
        assert process.returncode == 0, problems
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone()[0] == 60
