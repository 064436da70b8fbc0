"""The beginning of long answers as JSON: the text of `json.dumps`, but without secrets, and cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from playground.sdk.json_start import json_start
from playground.sdk.redaction import MAX_LEVELS, TOO_DEEP, WITHHELD

_ENTRY: dict[str, Any] = {
    "text": 'a "quoted" text,\nwith é and \u202e', "int": 10**30, "float": 1.5e-7, "nan": float("nan"),
    "none": None, "yes": True, "empty": [{}, [], ""], "nested": {"list": [1, [2, {"three": 3}]]},
    "config": "a-key", "envs": {}, "token": None,
}  # fmt: skip


@pytest.mark.parametrize("value", [[_ENTRY] * 30, {"entries": [_ENTRY] * 30, "password": "secret"}])
def test_the_text_is_that_of_the_whole_value_without_its_secrets(value: Any) -> None:
    text = json_start(value, 5000, 100)
    whole = json.dumps(value, indent=2, ensure_ascii=False)
    shown = whole.replace('"a-key"', json.dumps(WITHHELD)).replace('"secret"', json.dumps(WITHHELD))
    assert text == shown[:5000]


def test_a_value_that_is_shown_whole_has_none() -> None:
    assert json_start([_ENTRY], 5000, 100) is None
    assert json_start([], 5000, 100) is None


def test_a_longer_list_is_cut_after_its_first_entries() -> None:
    assert json_start([1, 2, 3], 5000, 2) == json.dumps([1, 2], indent=2)


def test_the_rest_of_a_long_value_is_not_read() -> None:
    class Unread(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("it was read")

    text = json_start([{"text": "x" * 100}, {"entries": [Unread({"unread": 1})]}], 50, 100)
    assert text == json.dumps([{"text": "x" * 100}], indent=2)[:50]


def test_a_value_that_is_too_deep_is_left_out() -> None:
    value: Any = []
    for _ in range(MAX_LEVELS + 5):
        value = [value]
    text = json_start([value, "x" * 50_000], 50_000, 100)
    assert text is not None
    assert TOO_DEEP in text
