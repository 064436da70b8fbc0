"""The JSON text of an entry: what is read is what was written, and everything else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from octaspace.rentals import LedgerTime, Rental, RentalOwner
from octaspace.rentals.rental import Claim

NOW = LedgerTime("boot", 10.5, 1_800_000_000)
OWNER = RentalOwner("host", "boot", 7, "123", "pid:[1]", "user 42")
ENTRY = Rental(
    id="a", account="f" * 32, service="mr", node_id=9101, owner=OWNER, created=NOW, renewed=NOW.after(30),
    name="nightly", lease=90, deadline=NOW.after(7200), uuid="u-1", claim=Claim(OWNER, NOW, 60.0),
    outcome="lease over", closed=NOW,
)  # fmt: skip


def test_an_entry_is_read_as_it_was_written() -> None:
    assert Rental.from_json(ENTRY.to_json()) == ENTRY
    bare = Rental(id="a", account="f", service="vpn", node_id=1, owner=OWNER, created=NOW, renewed=NOW)
    assert Rental.from_json(bare.to_json()) == bare


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["id"], 5), (["account"], None), (["service"], []), (["node_id"], "9101"), (["node_id"], 1.5),
        (["name"], 7), (["lease"], "90"), (["lease"], float("nan")), (["lease"], float("inf")),
        (["released"], None), (["uuid"], 1), (["outcome"], {}), (["revision"], None), (["owner"], None),
        (["owner"], {"host": "h"}), (["created"], None), (["created"], 5), (["created", "epoch"], 1),
        (["renewed", "seconds"], "soon"), (["renewed", "seconds"], float("nan")),
        (["deadline", "wall"], None), (["deadline", "wall"], float("inf")), (["deadline", "zone"], "UTC"),
        (["closed"], True), (["claim"], "mine"), (["claim", "seconds"], None), (["claim", "since"], None),
        (["colour"], "red"), (["thread"], "7"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(path: list[str], value: Any) -> None:
    data = json.loads(ENTRY.to_json())
    place = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError, match="not an entry of a rental ledger"):
        Rental.from_json(json.dumps(data))


@pytest.mark.parametrize("name", json.loads(ENTRY.to_json()))
def test_a_missing_value_is_refused(name: str) -> None:
    data = json.loads(ENTRY.to_json())
    del data[name]
    with pytest.raises(ValueError, match="not an entry of a rental ledger"):
        Rental.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "null", "5", '"a"', "{", "{}", "\x00", "[" * 5000])
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|not an entry"):
        Rental.from_json(text)
