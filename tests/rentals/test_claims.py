"""The right of one reaper to stop a rental."""

from __future__ import annotations

import pytest

from octaspace.rentals import LedgerTime, RentalOwner
from octaspace.rentals.rental import Claim

from .conftest import DEAD_PID


@pytest.mark.parametrize(
    ("later", "over"), [(0, False), (59, False), (-0.5, False), (60, True), (-3600, True), (3600, True)]
)
def test_a_claim_of_a_living_process_ends_after_its_time(later: float, over: bool) -> None:
    """One that is slightly in the future was made after the time was read; a clock that was set ends it."""
    since = LedgerTime("boot", 5000.0, 1_800_000_000.0)
    assert Claim(RentalOwner.current(), since, 60).is_over(since.after(later)) is over


def test_a_claim_of_another_boot_or_a_dead_process_is_over() -> None:
    since, me = LedgerTime("boot", 5000.0, 1_800_000_000.0), RentalOwner.current()
    assert Claim(me, LedgerTime("earlier boot", 5000.0, 1_800_000_000.0), 60).is_over(since)
    dead = RentalOwner(me.host, me.boot_id, DEAD_PID, "1", me.pid_namespace)
    assert Claim(dead, since, 60).is_over(since)
