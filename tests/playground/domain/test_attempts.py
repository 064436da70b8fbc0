"""What followed each attempt: the end of the call decides for the last one."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from octaspace.observer import AttemptVerdict
from playground.domain.attempts import ACTIONS, with_actions


def actions(verdicts: list[str], **end: Any) -> list[tuple[str, str]]:
    return [
        (action.severity, action.words)
        for _, action in with_actions([{"verdict": v} for v in verdicts], **end)
    ]


def test_each_verdict_of_the_sdk_has_an_action_that_looks_different() -> None:
    assert {action.name for action in ACTIONS} == {*get_args(AttemptVerdict), "cache"}
    assert (
        len({action.words for action in ACTIONS}) == len({action.icon for action in ACTIONS}) == len(ACTIONS)
    )


@pytest.mark.parametrize(
    ("verdicts", "end", "expected"),
    [
        (["ok"], {}, [("good", "returned")]),
        (["ok"], {"error": "InvalidResponseError"}, [("bad", "raised InvalidResponseError")]),
        (["failover", "ok"], {"error": "X"}, [("idle", "failover"), ("bad", "raised X")]),
        (
            ["failover", "retry", "fresh-socket", "retry", "raise"],
            {"error": "ServerError"},
            [
                ("idle", "failover"), ("warn", "retry 1"), ("idle", "new connection"), ("warn", "retry 2"),
                ("bad", "raised ServerError"),
            ],
        ),
        (["retry", "raise"], {"cache": "stale"}, [("warn", "retry 1"), ("warn", "returned from the cache")]),
        (["ok"], {"cache": "miss"}, [("good", "returned")]),
        (["raise"], {"error": "ServerError", "cache": "miss"}, [("bad", "raised ServerError")]),
        ([], {"error": "ConfigurationError"}, []),
    ],
)  # fmt: skip
def test_what_followed_each_attempt(
    verdicts: list[str], end: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert actions(verdicts, **end) == expected
