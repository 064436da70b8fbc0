"""Values in messages: short and printable."""

from __future__ import annotations

import pytest

from octaspace.safe_repr import safe_repr


class Odd:
    def __repr__(self) -> str:
        return "two\nlines \x1b[31m"


class Broken:
    def __repr__(self) -> str:
        raise KeyError("no repr today")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10", "'10'"),
        (None, "None"),
        (10**18, "1000000000000000000"),
        ({"a": [1]}, "{'a': [1]}"),
        (Odd(), "two\\nlines \\x1b[31m"),
    ],
)
def test_a_value_is_its_repr(value: object, text: str) -> None:
    assert safe_repr(value) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, 10**4000, -(10**5000), ["y" * 200] * 500, dict.fromkeys(range(99), "z" * 500), Broken()],
    ids=range(6),
)
def test_any_value_gives_a_short_printable_line(value: object) -> None:
    assert len(safe_repr(value)) <= 200
    assert safe_repr(value).isprintable()
