"""Deadlines that are mistakes, rejected before anything is sent."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest

from octaspace.rentals.deadlines import checked_duration

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def it_is_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", NOW.timestamp)


def test_no_limit() -> None:
    assert checked_duration(None, None) is None


@pytest.mark.parametrize("seconds", [0.001, 1, 7200, 86400.5, 10 * 365 * 86400])
def test_seconds(seconds: float) -> None:
    assert checked_duration(seconds, None) == seconds


@pytest.mark.parametrize(
    "value",
    [0, -1, -0.0, "7200", "2h", True, False, math.nan, math.inf, -math.inf, 1e12, 10**400, 10**5000,
     b"1", [1], timedelta(hours=2), 1j],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_duration_that_is_no_number_of_seconds(value: object) -> None:
    with pytest.raises(ValueError, match="max_duration") as raised:
        checked_duration(value, None)
    assert type(value).__name__ in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_deadline_in_any_time_zone() -> None:
    for hours in (-11, 0, 5.5, 13):
        zone = timezone(timedelta(hours=hours))
        assert checked_duration(None, (NOW + timedelta(hours=2)).astimezone(zone)) == 7200.0


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (NOW, "passed"),
        (NOW - timedelta(seconds=1), "passed"),
        (NOW.replace(tzinfo=None) + timedelta(hours=2), "time zone"),
        (datetime.max, "time zone"),
        (NOW + timedelta(days=365 * 11), "ten years"),
        (7200, "int"),
        ("2026-06-01T14:00:00Z", "str"),
        (NOW.date(), "date"),
        (timedelta(hours=2), "timedelta"),
    ],
    ids=str,
)
def test_a_deadline_that_cannot_be_used(value: object, word: str) -> None:
    with pytest.raises(ValueError, match="deadline") as raised:
        checked_duration(None, value)
    assert word in str(raised.value)


def test_not_both() -> None:
    with pytest.raises(ValueError, match="max_duration or deadline"):
        checked_duration(60, NOW + timedelta(hours=1))
