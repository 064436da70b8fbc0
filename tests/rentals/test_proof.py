"""A small part of `benchmarks/reaper.py`: no rental outlives its owner, ends early, or is made twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.reaper import prove, table

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]


@pytest.mark.parametrize("ledger", ["sqlite", "redis"])
def test_rentals_of_owners_that_are_killed_at_any_line(ledger: str) -> None:
    result = prove(ledger, rentals=16, processes=6, seed=15)
    assert result.ok, "\n".join([table([result]), *result.notes])
    assert (result.orphans, result.early, result.twice, result.foreign) == (0, 0, 0, 0)
    assert result.made >= 16
    assert result.killed > 0
    assert result.stopped_by_reapers > 0
