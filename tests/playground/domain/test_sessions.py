"""Sessions as pages show them: what they cost as time passes, and how a list is summed up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from playground.domain.sessions import session_list


def entry(number: int, *, ready: bool = True, **more: Any) -> dict[str, Any]:
    prices = {"base_usd": 5000, "currency_usd": True, "market_price": 0.25}
    given = {"charge_amount": 10**18, "service": "mr", "prices": prices, **more}
    return {"uuid": f"5c0f-{number}", "is_ready": ready, **given}


def test_a_ready_session_is_charged_by_the_hour() -> None:
    sessions = session_list([entry(1), entry(2, ready=False), entry(3, prices=None)])
    assert [one.charging for one in sessions.sessions] == [Decimal(2), 0, 0]
    assert sessions.charging == 2
    assert sessions.charged == 3 * 10**18


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "No active sessions"),
        ([entry(1)], "1 active session: 1 ready"),
        ([entry(1), entry(2, ready=False), entry(3)], "3 active sessions: 2 ready, 1 starting"),
    ],
)
def test_the_summary_of_a_list_is_what_a_refresh_announces(entries: list[Any], words: str) -> None:
    assert session_list(entries).summary == words


@pytest.mark.parametrize(
    ("more", "text"), [({}, "starting"), ({"progress": "queued"}, "queued"), ({"status": "boot"}, "boot")]
)
def test_a_session_that_waits_says_how_far_it_is(more: dict[str, str], text: str) -> None:
    (one,) = session_list([entry(1, ready=False, **more)]).sessions
    assert one.badge == ("warn", "hourglass-split", text)
