"""The history of an endpoint: since when it fails, its errors, and a time line of a bounded size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from playground.domain.endpoint_attempts import AttemptResult, attempt_results
from playground.domain.endpoint_history import MINUTES, EndpointHistory

#: Any time, at the start of a minute.
NOW = 60.0 * 29_000_000


def result(at: float, *, failed: bool = False, **fields: Any) -> AttemptResult:
    given = {"elapsed": 0.1, "status": 503 if failed else 200, "kind": "ServerError" if failed else None}
    return AttemptResult(NOW + at, failed=failed, **{**given, **fields})


def saved(history: EndpointHistory) -> EndpointHistory:
    return EndpointHistory.from_record(json.loads(json.dumps(history.record)))


def history_of(*results: AttemptResult) -> EndpointHistory:
    """Each result added by another worker, through the store."""
    history = EndpointHistory()
    for each in results:
        history.add([each])
        history = saved(history)
    return history


def test_an_endpoint_fails_since_the_first_failure_after_its_last_success() -> None:
    first = [result(0), result(1, failed=True), result(2, failed=True)]
    assert history_of(*first).failing_since == NOW + 1
    assert history_of(*first, result(3)).failing_since is None
    assert history_of(*first, result(3), result(4, failed=True)).failing_since == NOW + 4


def test_attempts_of_other_workers_come_late() -> None:
    assert history_of(result(5), result(1, failed=True)).failing_since is None
    assert history_of(result(5, failed=True), result(1, failed=True)).failing_since == NOW + 1
    between = history_of(result(1, failed=True), result(5, failed=True), result(3))
    assert between.failing_since == NOW + 5
    assert between.answered_at == NOW + 3


def test_errors_are_grouped_by_class_and_status() -> None:
    history = history_of(
        result(1, failed=True, kind="BadGatewayError", status=502, message="one", call=1),
        result(9, failed=True, kind="BadGatewayError", status=502, message="three", call=3, is_last=True),
        result(4, failed=True, kind="BadGatewayError", status=502, message="two", call=2),
        result(5, failed=True, kind="TimeoutError", status=None, phase="read", cooldown=16.0, call=4),
        result(10, kind="NotFoundError", status=404, call=5),
    )
    found = [
        (group.words, group.count, group.first - NOW, group.last - NOW, group.call)
        for group in history.groups
    ]
    assert found == [
        ("NotFoundError (404)", 1, 10, 10, 5),
        ("BadGatewayError (502)", 3, 1, 9, 3),
        ("TimeoutError (read timeout)", 1, 5, 5, 4),
    ]
    assert [group.calls for group in history.groups] == [0, 1, 0]
    assert history.last_error is not None
    assert (history.last_error.kind, history.last_error.message) == ("BadGatewayError", "three")
    assert history.cooldowns == [(NOW + 5, NOW + 21)]


def test_minutes_have_their_attempts_errors_and_latencies() -> None:
    history = EndpointHistory()
    history.add(result(-60 + each, elapsed=0.01 * (each + 1)) for each in range(20))
    history.add([result(0, failed=True, status=None, elapsed=8.0)])
    at, last = history.timeline(NOW)[-2]
    assert (at, last.attempts, last.errors) == (NOW - 60, 20, 0)
    assert last.median == pytest.approx(0.1, rel=0.06)
    assert last.p95 == pytest.approx(0.19, rel=0.06)
    total = history.total(NOW)
    assert (total.attempts, total.errors, total.answered) == (21, 1, 20)
    assert total.rate == pytest.approx(1 / 21)
    assert total.median == last.median, "an attempt without a response has no latency"
    assert EndpointHistory().total(NOW).rate is None
    assert EndpointHistory().total(NOW).median is None


def test_cooldowns_of_several_workers_are_one_when_they_overlap() -> None:
    history = history_of(
        result(0, failed=True, cooldown=16.0),
        result(5, failed=True, cooldown=16.0),
        result(40, failed=True, cooldown=16.0),
    )
    assert history.cooldowns == [(NOW, NOW + 21), (NOW + 40, NOW + 56)]


def test_it_is_bounded() -> None:
    history = EndpointHistory()
    for minute in range(200):
        at = 60.0 * minute
        history.add(
            result(at + each / 4, failed=each % 2 == 0, kind=f"E{minute}" if each % 2 == 0 else None,
                elapsed=0.001 * 1.1**each, cooldown=0.1 if each % 2 == 0 else None, message="x" * 300)
            for each in range(200)
        )  # fmt: skip
    assert len(history.minutes) == MINUTES + 1
    assert len(history.groups) == 30
    assert len(history.cooldowns) == 60
    assert len(json.dumps(history.record)) < 64 * 1024
    assert len(history.timeline(NOW + 60 * 199)) == MINUTES
    assert history.total(NOW + 60 * 400).attempts == 0


def test_an_error_is_dropped_12_hours_after_it_occurred_last() -> None:
    hour = 3600.0
    history = history_of(
        result(0, failed=True, kind="Old"),
        result(0, failed=True, kind="Repeated"),
        result(hour, failed=True, kind="Repeated"),
        result(12.5 * hour),
    )
    assert [group.kind for group in history.groups] == ["Repeated"]


def attempt(endpoint: str, verdict: str, **fields: Any) -> dict[str, Any]:
    nothing = {"status": None, "error": None, "phase": None, "reason": None, "cooldown": None}
    return {"endpoint": endpoint, "verdict": verdict, "start": 0.0, "elapsed": 1.0, **nothing, **fields}


def row(*attempts: dict[str, Any], error: str | None = None) -> dict[str, Any]:
    return {"at": NOW, "error": error, "detail": {"attempts": list(attempts), "message": "the message"}}


def test_each_attempt_of_a_call_counts_for_its_own_endpoint() -> None:
    lost = attempt("a", "failover", error="ConnectionError", reason="refused", cooldown=16.0)
    busy = attempt("b", "retry", status=503, start=1.0)
    found = attempt_results([row(lost, busy, attempt("b", "ok", status=200, start=3.0))], [7])
    (at_a,) = found["a"]
    assert (at_a.at, at_a.failed, at_a.kind, at_a.message) == (NOW + 1, True, "ConnectionError", "refused")
    assert (at_a.cooldown, at_a.call, at_a.is_last) == (16.0, 7, False)
    first, second = found["b"]
    assert (first.failed, first.kind, first.status, first.message) == (
        True,
        "ServiceUnavailableError",
        503,
        "",
    )
    assert (second.at, second.failed, second.kind, second.is_last) == (NOW + 4, False, None, True)


@pytest.mark.parametrize(
    ("status", "error", "failed", "kind"),
    [
        (200, None, False, None),
        (200, "InvalidResponseError", True, "InvalidResponseError"),
        (200, "UnexpectedShapeError", True, "UnexpectedShapeError"),
        (200, "ProvisionRejectedError", False, None),
        (401, "AuthenticationError", False, "AuthenticationError"),
        (404, "NotFoundError", False, "NotFoundError"),
        (429, "RateLimitError", True, "RateLimitError"),
        (500, "ServerError", True, "ServerError"),
    ],
)
def test_what_an_answer_says_of_the_endpoint(
    status: int, error: str | None, failed: bool, kind: str | None
) -> None:
    (found,) = attempt_results([row(attempt("a", "raise", status=status), error=error)], [1])["a"]
    assert (found.failed, found.kind, found.is_last) == (failed, kind, True)


def test_a_closed_idle_connection_and_a_full_pool_say_nothing_of_the_endpoint() -> None:
    stale = attempt("a", "fresh-socket", error="ConnectionError")
    full = attempt("a", "raise", error="TimeoutError", phase="pool")
    assert attempt_results([row(stale), row(full, error="TimeoutError")], [1, 2]) == {}
