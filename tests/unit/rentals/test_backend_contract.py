"""What every storage of a ledger does: SQLite, Redis, and Redis as a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from octaspace.rentals import LedgerBackend, open_ledger
from tests.support.redis_server import RedisServer

from .entries import new_rental


@pytest.fixture(params=["sqlite", "redis", "cluster"])
def backend(request: pytest.FixtureRequest, path: Path) -> LedgerBackend:
    if request.param == "sqlite":
        return open_ledger(f"sqlite:///{path}").backend
    if request.param == "redis":
        return open_ledger(request.getfixturevalue("redis_url")).backend
    cluster: RedisServer = request.getfixturevalue("redis_cluster")
    with cluster.client() as client:
        client.flushall()
    return open_ledger(cluster.url).backend


def test_an_empty_ledger_has_no_entries(backend: LedgerBackend) -> None:
    assert backend.get("e1") is None
    assert backend.open_rentals() == []
    assert backend.closed_rentals() == []
    assert not backend.replace(new_rental(), new_rental())
    backend.remove(new_rental())


def test_reading_creates_no_file(path: Path) -> None:
    backend = open_ledger(f"sqlite:///{path}").backend
    assert not backend.exists()
    assert backend.open_rentals() == backend.closed_rentals() == []
    assert backend.get("e1") is None
    backend.check_writable()
    assert not path.exists()
    backend.add(new_rental())
    assert backend.exists()


def test_the_check_for_writes_changes_nothing(backend: LedgerBackend) -> None:
    rental = new_rental()
    backend.add(rental)
    backend.check_writable()
    assert backend.open_rentals() == [rental]


def test_an_entry_is_read_as_it_was_written(backend: LedgerBackend) -> None:
    rental = new_rental(
        name='Müller\'s "job" \\ 你好 %s {x} 🚀', node_id=2**53 + 1, deadline=new_rental(at=0.1).created
    )
    backend.add(rental)
    assert backend.get("e1") == rental
    assert backend.open_rentals() == [rental]


def test_adding_twice_keeps_one_entry(backend: LedgerBackend) -> None:
    rental = new_rental()
    backend.add(rental)
    backend.add(rental)
    assert backend.open_rentals() == [rental]


def test_only_the_version_that_was_read_is_replaced(backend: LedgerBackend) -> None:
    first = new_rental()
    second, other = first.changed(uuid="u-2"), first.changed(uuid="u-other")
    backend.add(first)
    assert backend.replace(first, second)
    assert not backend.replace(first, other)
    assert backend.get("e1") == second


def test_a_write_repeated_after_a_lost_answer_succeeds(backend: LedgerBackend) -> None:
    first = new_rental()
    second = first.changed(uuid="u-2")
    backend.add(first)
    assert backend.replace(first, second)
    assert backend.replace(first, second)
    assert backend.get("e1") == second


def test_closed_entries_are_separate_and_may_be_opened_again(backend: LedgerBackend) -> None:
    rental = new_rental()
    closed = rental.changed(closed=rental.created, outcome="not made")
    opened = closed.changed(closed=None, outcome=None, uuid="u-1")
    backend.add(rental)
    assert backend.replace(rental, closed)
    assert (backend.open_rentals(), backend.closed_rentals()) == ([], [closed])
    assert backend.get("e1") == closed
    assert backend.replace(closed, opened)
    assert (backend.open_rentals(), backend.closed_rentals()) == ([opened], [])


def test_entries_are_listed_oldest_first(backend: LedgerBackend) -> None:
    for id, at in (("b", 3000.0), ("c", 1000.0), ("a", 3000.0), ("d", 2000.0)):
        backend.add(new_rental(id, at=at))
        backend.add(new_rental(f"{id}-closed", at=at, closed=new_rental().created, outcome="stopped"))
    assert [one.id for one in backend.open_rentals()] == ["c", "d", "a", "b"]
    assert [one.id for one in backend.closed_rentals()] == ["c-closed", "d-closed", "a-closed", "b-closed"]


def test_an_entry_is_removed_unless_it_was_changed(backend: LedgerBackend) -> None:
    closed = new_rental(closed=new_rental().created, outcome="stopped")
    newer = closed.changed(name="x")
    backend.add(closed)
    backend.replace(closed, newer)
    backend.remove(closed)
    assert backend.closed_rentals() == [newer]
    backend.remove(newer)
    assert backend.closed_rentals() == []
    assert backend.get("e1") is None


def test_several_objects_see_the_same_entries(url: str) -> None:
    one = open_ledger(url).backend
    another = open_ledger(f"{url}?lease=30").backend
    assert another is not one
    one.add(new_rental())
    assert another.get("e1") == new_rental(revision=one.open_rentals()[0].revision)


def test_the_clock_goes_on(backend: LedgerBackend) -> None:
    first, second = backend.now(), backend.now()
    assert second.since(first) >= 0
    assert first.epoch == second.epoch != ""
