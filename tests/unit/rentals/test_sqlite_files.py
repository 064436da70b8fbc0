"""The file of a SQLite ledger: private, durable, and refused in one line where it cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

import octaspace
from octaspace.rentals import LedgerBackend, open_ledger
from octaspace.rentals import sqlite_backend as module
from octaspace.rentals.sqlite_backend import SqliteBackend
from tests.support import namespaces
from tests.support.forked_child import in_child

from .entries import new_rental

ROOT = Path(__file__).resolve().parents[3]

NOBODY = 65534


@contextmanager
def umask(mode: int) -> Iterator[None]:
    before = os.umask(mode)
    try:
        yield
    finally:
        os.umask(before)


def sqlite_file(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def in_use(backend: LedgerBackend, word: str) -> str:
    """The message of the error that each way to use the ledger raises."""
    uses: list[Callable[[], object]] = [
        lambda: backend.add(new_rental()),
        lambda: backend.get("e1"),
        lambda: backend.replace(new_rental(), new_rental()),
        backend.open_rentals,
        backend.closed_rentals,
        lambda: backend.remove(new_rental()),
    ]
    messages = set()
    for use in uses:
        with pytest.raises(octaspace.RentalLedgerError, match=word) as raised:
            use()
        messages.add(str(raised.value))
    (message,) = messages
    assert "\n" not in message
    return message


@pytest.mark.parametrize("mode", [0o022, 0o000])
def test_nobody_else_can_read_it(path: Path, mode: int) -> None:
    with umask(mode):
        backend = SqliteBackend(str(path))
        backend.add(new_rental("e1"))
        with closing(sqlite3.connect(path)) as reader:  # keeps the two other files
            reader.execute("SELECT * FROM rentals").fetchall()
            backend.add(new_rental("e2"))
            found = {one.name: oct(one.stat().st_mode & 0o777) for one in path.parent.iterdir()}
    assert found == dict.fromkeys(["rentals.db", "rentals.db-wal", "rentals.db-shm"], "0o600")


def test_a_commit_waits_for_the_disk(path: Path) -> None:
    with SqliteBackend(str(path))._transaction(create=True) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_no_connection_and_no_other_file_is_left(path: Path) -> None:
    backend = SqliteBackend(str(path))
    backend.add(new_rental())
    assert backend.open_rentals()
    assert [one.name for one in path.parent.iterdir()] == ["rentals.db"]


@pytest.mark.parametrize(
    "name",
    [b"with space.db", "Büro-你好.db".encode(), b"a?b=c.db", b"50%.db", b"100%41.db", b"a#b.db",
     b"quo'te\"s.db", b"latin-\xfc.db", b"semi;colon&and.db", b"back\\slash.db"],
)  # fmt: skip
def test_any_file_name(tmp_path: Path, name: bytes) -> None:
    url = f"sqlite:///{quote(os.fsencode(tmp_path) + b'/' + name)}"
    ledger = open_ledger(octaspace.Config(rental_ledger=url).rental_ledger)  # type: ignore[arg-type]
    ledger.backend.add(new_rental())
    assert ledger.backend.get("e1") is not None
    assert os.listdir(os.fsencode(tmp_path)) == [name]
    assert open_ledger(url) is ledger


def test_the_directory_is_not_created(tmp_path: Path) -> None:
    backend = SqliteBackend(str(tmp_path / "missing" / "rentals.db"))
    assert backend.open_rentals() == []
    with pytest.raises(octaspace.RentalLedgerError, match=r"missing/rentals\.db"):
        backend.add(new_rental())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_place_of_the_file(path: Path) -> None:
    path.mkdir()
    in_use(SqliteBackend(str(path)), "rentals.db")
    assert list(path.iterdir()) == []


def test_a_file_in_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    backend = SqliteBackend(str(tmp_path / "file" / "rentals.db"))
    assert backend.open_rentals() == []
    with pytest.raises(octaspace.RentalLedgerError, match=r"file/rentals\.db"):
        backend.add(new_rental())
    assert (tmp_path / "file").read_text() == "content"


def test_a_path_that_cannot_be_looked_at_is_not_an_empty_ledger(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    in_use(SqliteBackend(str(tmp_path / "loop")), "loop")
    with pytest.raises(octaspace.RentalLedgerError):
        SqliteBackend(str(tmp_path / "loop")).exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("kind", ["folder", "file", "entered"])
def test_what_may_not_be_written_is_refused(open_folder: Path, kind: str) -> None:
    """As another user, where this one is root and may do everything."""
    path = open_folder / "rentals.db"
    if kind != "folder":
        SqliteBackend(str(path)).add(new_rental())
    path.parent.chmod({"folder": 0o555, "file": 0o755, "entered": 0o700}[kind])
    if kind == "file":
        path.chmod(0o444)

    def use_as_another_user() -> str:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        elif kind == "entered":
            path.parent.chmod(0o000)
        backend = SqliteBackend(str(path))
        if kind == "folder":
            assert backend.open_rentals() == []
            with pytest.raises(octaspace.RentalLedgerError) as raised:
                backend.add(new_rental("e2"))
            return str(raised.value)
        return in_use(backend, "rentals.db")

    try:
        message = str(in_child(use_as_another_user))
    finally:
        path.parent.chmod(0o755)
    assert str(path) in message
    assert [one.name for one in open_folder.iterdir()] == ([] if kind == "folder" else ["rentals.db"])


@pytest.mark.parametrize(
    "content", [b"this file holds no database " * 50, b"SQLite format 3\0" * 99, b"\0" * 5000]
)
def test_a_file_that_is_no_database(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    in_use(SqliteBackend(str(path)), "rentals.db")
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [0, 1, 5])
def test_the_database_of_another_program_is_not_changed(path: Path, version: int) -> None:
    sqlite_file(path, "CREATE TABLE theirs (value TEXT)", f"PRAGMA user_version={version}")
    before = path.read_bytes()
    in_use(SqliteBackend(str(path)), "another program")
    assert path.read_bytes() == before


def test_a_table_of_the_same_name_does_not_make_a_ledger(path: Path) -> None:
    sqlite_file(path, "CREATE TABLE rentals (film TEXT)")
    in_use(SqliteBackend(str(path)), "another program")


def test_a_newer_version_is_refused_and_not_changed(path: Path) -> None:
    backend = SqliteBackend(str(path))
    backend.add(new_rental())
    sqlite_file(path, "PRAGMA user_version=2")
    before = path.read_bytes()
    message = in_use(backend, "newer version")
    assert "format 2" in message
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    backend = SqliteBackend(str(path))
    assert backend.open_rentals() == []
    backend.add(new_rental())
    assert len(backend.open_rentals()) == 1


@pytest.mark.parametrize(
    "document", ["", "[]", "1", "null", '"x"', '{"id": "e1"}', '{"owner": 1, "claim": 2}']
)
def test_an_entry_that_cannot_be_read_is_said_in_one_line(path: Path, document: str) -> None:
    backend = SqliteBackend(str(path))
    backend.add(new_rental())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE rentals SET document = ?", (document,))
        connection.commit()
    with pytest.raises(octaspace.RentalLedgerError, match="cannot be read") as raised:
        backend.open_rentals()
    assert "\n" not in str(raised.value)


def test_a_file_that_was_removed_is_begun_again(path: Path) -> None:
    backend = SqliteBackend(str(path))
    first = new_rental()
    backend.add(first)
    path.unlink()
    assert backend.get("e1") is None
    assert not backend.replace(first, first.changed())
    assert not path.exists()
    with umask(0):
        backend.add(first)
    assert path.stat().st_mode & 0o777 == 0o600
    assert backend.open_rentals() == [first]


def test_a_file_that_was_replaced_is_the_one_that_is_used(path: Path, tmp_path: Path) -> None:
    backend, other = SqliteBackend(str(path)), SqliteBackend(str(tmp_path / "other.db"))
    backend.add(new_rental("old"))
    other.add(new_rental("new"))
    (tmp_path / "other.db").replace(path)
    assert [one.id for one in backend.open_rentals()] == ["new"]


def test_a_writer_that_takes_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = SqliteBackend(str(path))
    backend.add(new_rental())
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        in_use(backend, "locked")
        other.execute("ROLLBACK")
    assert len(backend.open_rentals()) == 1


def test_relative_paths_are_those_of_the_first_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = octaspace.Config(rental_ledger="sqlite:///rentals.db")
    monkeypatch.chdir("/")
    open_ledger(str(config.rental_ledger)).backend.add(new_rental())
    assert (tmp_path / "rentals.db").exists()


#: Fills a small disk, uses a ledger on it, makes room, and uses it again.
FULL_DISK = """
import json, sys
from pathlib import Path
import octaspace
from octaspace.rentals.sqlite_backend import SqliteBackend
from tests.unit.rentals.entries import new_rental

folder = Path(sys.argv[1])
backend, empty = SqliteBackend(str(folder / "rentals.db")), SqliteBackend(str(folder / "empty.db"))
backend.add(new_rental("before", name="x" * 150))
with open(folder / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
failures = []
for ledger in (backend, empty):
    try:
        ledger.add(new_rental("during", name="x" * 150))
    except octaspace.RentalLedgerError as error:
        failures.append(str(error))
(folder / "filler").unlink()
rental = backend.get("before")
assert backend.replace(rental, rental.changed(uuid="u-1"))
empty.add(new_rental("after"))
print(json.dumps([failures, *([one.id for one in ledger.open_rentals()] for ledger in (backend, empty))]))
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """On a file system of 512 KiB, which exists in a mount namespace only."""
    reason = namespaces.obstacle()
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    folder = namespaces.new_folder()
    try:
        done = subprocess.run(
            namespaces.command(folder, "sh", "-c", mount, "sh", str(disk), sys.executable, FULL_DISK),
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    failures, backend, empty = json.loads(done.stdout)
    assert len(failures) == 2
    assert all(str(disk) in failure and "\n" not in failure for failure in failures)
    assert (backend, empty) == (["before"], ["after"])
