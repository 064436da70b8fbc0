"""The stores: each test with `another` or `database` runs with SQLite and with Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.store import Database

from .databases import Another, databases


@pytest.fixture(params=["sqlite", "redis"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Another]:
    with databases(request, tmp_path) as another:
        yield another


@pytest.fixture
def database(another: Another) -> Database:
    return another()
