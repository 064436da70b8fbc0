"""Without the package redis: one clear line, before anything is sent; ledgers in files do not need it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import octaspace
from octaspace.rentals import open_ledger
from tests.unit.rentals.entries import new_rental


@pytest.fixture(autouse=True)
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the import of redis fail."""
    for name in [
        name for name in sys.modules if name.split(".")[0] == "redis" or name.endswith("redis_backend")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)


def test_one_clear_line() -> None:
    url = "redis://app:hunter2@ledger.example/0"
    with pytest.raises(octaspace.RentalLedgerError) as raised:
        open_ledger(url)
    assert "pip install 'Flask-OctaSpace[redis]'" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_nothing_is_rented() -> None:
    """There is no such server: a request would fail otherwise."""
    with (
        octaspace.Client("k" * 64, base_url="http://127.0.0.1:1", rental_ledger="redis://host/0") as client,
        pytest.raises(octaspace.RentalLedgerError, match=r"Flask-OctaSpace\[redis\]"),
        client.services.mr.rent(node_id=9101, disk_size=5, image="ubuntu:24.04"),
    ):
        pytest.fail("the block ran")


def test_a_file_needs_no_other_package(path: Path) -> None:
    open_ledger(f"sqlite:///{path}").backend.add(new_rental())
    assert path.exists()
