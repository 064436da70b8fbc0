"""Which session belongs to which entry."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from octaspace import Response, UnexpectedShapeError
from octaspace.rentals import LedgerTime, Rental, RentalOwner
from octaspace.rentals.matching import ApiClock, listed_sessions, match_by_id, match_by_node, unlabelled
from octaspace.types import Session

WALL = 1_795_000_000.0


def entry(id: str, *, node_id: int = 1, service: Any = "vpn", at: float = 0.0) -> Rental:
    time = LedgerTime("boot", at, WALL + at)
    owner = RentalOwner("host", "boot", 1, "")
    return Rental(id, "account", service, node_id, owner, time, time, lease=90.0)


def session(uuid: str, *, node_id: int = 1, service: str = "vpn", at: float = 1.0) -> Session:
    return Session.from_api({"uuid": uuid, "service": service, "node_id": node_id, "started_at": WALL + at})


def matched(
    entries: list[Rental], sessions: list[Session], *, taken: set[str] | None = None, abandoned: str = ""
) -> dict[str, str | None]:
    return match_by_node(entries, sessions, taken=taken or set(), abandoned=abandoned.split(), patience=120.0)


def test_one_session_and_one_entry() -> None:
    assert matched([entry("a")], [session("u")]) == {"a": "u"}


@pytest.mark.parametrize(
    "other",
    [
        session("u", node_id=2),
        session("u", service="render"),
        session("u", at=-3600.0),
        session("u", at=3600.0),
    ],
    ids=["node", "service", "earlier", "later"],
)
def test_a_session_that_does_not_fit(other: Session) -> None:
    assert matched([entry("a")], [other]) == {}


def test_a_session_without_a_start_time_may_be_the_entrys() -> None:
    unknown = Session.from_api({"uuid": "v", "service": "vpn", "node_id": 1})
    assert matched([entry("a")], [unknown], abandoned="a") == {"a": None}
    assert matched([entry("a")], [unknown, session("u")], abandoned="a") == {"a": None}


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_the_calendar_of_the_ledger_may_be_wrong(ahead: float) -> None:
    """The header `Date` of the list tells the API's time."""
    made, other = session("u", at=ahead), session("v", at=0.0)
    date = formatdate(WALL + 90.0 + ahead, usegmt=True)
    answer: Response[Any] = Response(status=200, headers={"Date": date}, data=[])
    now = LedgerTime("boot", 90.0, WALL + 90.0)
    arguments: dict[str, Any] = {"taken": (), "abandoned": ("a",), "patience": 120.0}
    found = match_by_node([entry("a")], [made, other], clock=ApiClock.of(answer, now), **arguments)
    assert found == {"a": "u"}
    # The host's calendar was set by as much since the entry was written: the boot clock tells.
    now = LedgerTime("boot", 90.0, WALL + 90.0 + ahead)
    assert match_by_node([entry("a")], [made, other], clock=ApiClock(now), **arguments) == {"a": "u"}


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Nov 2026 11:11:11 GMT"])
def test_a_list_without_a_date(date: str | None) -> None:
    headers = {} if date is None else {"Date": date}
    answer: Response[Any] = Response(status=200, headers=headers, data=[])
    now = LedgerTime("boot", 90.0, WALL)
    assert ApiClock.of(answer, now) == ApiClock(now, 0.0)


def test_a_session_of_another_entry_does_not_fit() -> None:
    assert matched([entry("a")], [session("u")], taken={"u"}) == {}
    assert matched([entry("a")], [session("u")], taken={"U"}) == {}
    assert matched([entry("a")], [session("u"), session("v")], taken={"u"}) == {"a": "v"}


def test_two_sessions_are_undecided_even_if_the_entry_is_abandoned() -> None:
    """One of them was started by somebody else."""
    assert matched([entry("a")], [session("u"), session("v")]) == {"a": None}
    assert matched([entry("a")], [session("u"), session("v")], abandoned="a") == {"a": None}


def test_a_living_owner_on_the_same_node_makes_it_undecided() -> None:
    assert matched([entry("a"), entry("b")], [session("u")], abandoned="a") == {"a": None, "b": None}


def test_abandoned_entries_of_one_node_share_its_sessions() -> None:
    entries = [entry("a"), entry("b", at=5.0)]
    assert matched(entries, [session("u")], abandoned="a b") in ({"a": "u"}, {"b": "u"})
    found = matched(entries, [session("u"), session("v")], abandoned="a b")
    assert set(found) == {"a", "b"}
    assert set(found.values()) == {"u", "v"}
    assert matched(entries, [session("u"), session("v"), session("w")], abandoned="a b") == {
        "a": None, "b": None,
    }  # fmt: skip


def test_the_entry_with_the_fewest_choices_chooses_first() -> None:
    entries = [entry("a"), entry("b", at=400.0)]
    sessions = [session("u", at=100.0), session("v", at=401.0)]
    assert matched(entries, sessions, abandoned="a b") == {"a": "u", "b": "v"}


def test_nodes_and_services_are_separate() -> None:
    entries = [entry("a"), entry("b", node_id=2), entry("c", service="render")]
    sessions = [session("u"), session("v", node_id=2), session("w", service="render")]
    assert matched(entries, sessions) == {"a": "u", "b": "v", "c": "w"}


def test_a_machine_is_found_by_its_id_only() -> None:
    assert matched([entry("a", service="mr")], [session("u", service="mr")]) == {}
    item = {"uuid": "u", "service": "mr", "user_envs": '{"OCTASPACE_RENTAL_ID": "a"}'}
    assert match_by_id(listed_sessions([item, {"uuid": "v"}])) == {"a": "u"}


@pytest.mark.parametrize(
    ("fields", "is_unlabelled"),
    [
        ({}, True),
        ({"user_envs": None}, True),
        ({"user_envs": 7}, True),
        ({"user_envs": {}}, False),
        ({"user_envs": {"A": "b"}}, False),
        ({"user_envs": '{"A": "b"}'}, False),
    ],
)
def test_a_machine_whose_variables_are_not_sent_may_be_the_entrys(
    fields: dict[str, Any], is_unlabelled: bool
) -> None:
    """Without `user_envs`, it is neither known to be the entry's, nor known to be another."""
    item = {"uuid": "u", "service": "mr", "node_id": 1, "started_at": WALL + 1.0, **fields}
    assert unlabelled([item, None]) == ({"u"} if is_unlabelled else set())
    found = match_by_node(
        [entry("a", service="mr")], listed_sessions([item]),
        taken=(), abandoned=("a",), patience=120.0, unlabelled=unlabelled([item]),
    )  # fmt: skip
    assert found == ({"a": None} if is_unlabelled else {})


def test_unreadable_and_ended_items_are_omitted() -> None:
    items = [None, 7, {}, {"uuid": 5}, {"uuid": "u"}, {"uuid": "v", "finished_at": 1_795_000_000}]
    assert [one.uuid for one in listed_sessions(items)] == ["u"]


@pytest.mark.parametrize("data", [None, {}, "", {"sessions": []}])
def test_data_that_is_no_list(data: object) -> None:
    with pytest.raises(UnexpectedShapeError):
        listed_sessions(data)
