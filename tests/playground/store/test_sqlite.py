"""The store's file: private, swept, shared by processes, created again when necessary."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from playground.store import BrowserState, OneTimeTokens, RequestLog, StoreError
from playground.store.backend import LogLimits
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


def test_a_removed_file_is_made_again(database: SqliteDatabase, tmp_path: Path) -> None:
    BrowserState(database, "a").save("look", {"theme": "dark"})
    database.close()
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(StoreError):
        BrowserState(database, "a").load()
    assert BrowserState(database, "a").load() == {}
    BrowserState(database, "a").save("look", {"theme": "light"})


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
