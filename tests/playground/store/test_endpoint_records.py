"""Records of endpoints, written by several workers, on SQLite and on Redis."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from playground.store import BrowserState, Database, EndpointRecords, open_database
from playground.store.quotas import MIN_BYTES, StoreQuotas

from .databases import Another, databases
from .fakes import FakeClock

ENDPOINT = "https://one.example"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "redis"])
def another(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Another]:
    with databases(request, tmp_path, store_bytes=MIN_BYTES, clock=clock) as another:
        yield another


@pytest.fixture
def database(another: Another) -> Database:
    return another()


def one_more(record: dict[str, Any]) -> dict[str, Any]:
    return {"count": record.get("count", 0) + 1}


def test_many_workers_write_and_nothing_is_lost(another: Another) -> None:
    workers = [EndpointRecords(another(), "a") for _ in range(4)]

    def write(number: int) -> None:
        workers[number % 4].update(ENDPOINT, one_more)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(40)))
    assert workers[0].find([ENDPOINT, "https://other.example"]) == {ENDPOINT: {"count": 40}}
    assert workers[0].find([]) == {}


def test_a_record_belongs_to_one_browser_and_is_forgotten_with_it(
    database: Database, another: Another
) -> None:
    mine, other = EndpointRecords(database, "a"), EndpointRecords(another(), "b")
    mine.update(ENDPOINT, one_more)
    assert other.find([ENDPOINT]) == {}
    other.update(ENDPOINT, one_more)
    BrowserState(another(), "a").forget()
    mine.update(ENDPOINT, one_more)
    assert mine.find([ENDPOINT]) == {}
    assert other.find([ENDPOINT]) == {ENDPOINT: {"count": 1}}


def test_records_have_a_quota(database: Database, clock: FakeClock) -> None:
    records = EndpointRecords(database, "a")
    urls = [f"https://{number}.example" for number in range(12)]
    for url in urls:
        records.update(url, lambda record: {"text": "x" * 10_000})
        clock.advance(1)
    kept = StoreQuotas.of(MIN_BYTES).endpoints.per_browser // 10_400
    assert set(records.find(urls)) == set(urls[-kept:])
    assert kept < len(urls)


def test_a_record_expires(tmp_path: Path, clock: FakeClock) -> None:
    database = open_database(tmp_path, clock=clock)
    records = EndpointRecords(database, "a")
    records.update(ENDPOINT, one_more)
    clock.advance(12 * 3600 + 1)
    assert records.find([ENDPOINT]) == {}
    records.update(ENDPOINT, one_more)
    assert records.find([ENDPOINT]) == {ENDPOINT: {"count": 1}}
    database.close()
