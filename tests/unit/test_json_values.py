"""The count of values before anything is parsed: as many as parsing would find, and no way around it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octaspace import json_values
from octaspace.json_values import has_more_values

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def count(value: Any) -> int:
    """A container is one, and so is each of its members but the first."""
    if not isinstance(value, (list, dict)):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(count, inner))


@pytest.mark.parametrize("piece", [1, 3, 65536])
@given(value=VALUES, ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_the_limit_is_exact(value: Any, ascii: bool, indent: int | None, piece: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent).encode("utf-8", "surrogatepass")
    values = count(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "_PIECE", piece)
        assert not has_more_values(text, values)
        assert has_more_values(text, values - 1) is (values > 0)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf [1,2,3,4]",
        rb'["\\",1,2,3]',
        rb'["\\\"",1,2,3]',
        rb'["\"[,",1,2,3]',
        b'{"a":1,"b":2,"c":3,"d":4}',
        b"[[[[",
        b"[1,2,3,4,5,",
        b'[1,2,3,4,5,"never ended',
        b'[1,2,3,4,5,"\\',
        b"[,,,,,]",
    ],
)
def test_more_than_three(text: bytes) -> None:
    assert has_more_values(text, 3)


@pytest.mark.parametrize(
    "text",
    [
        b'["a,b,c,[{"]',
        rb'["a\",b,c,[{"]',
        rb'["a\\\",b,c,[{"]',
        b'"a,b,c,[{"',
        b"<p>one, two, three, four, five</p>",
        b"1,2,3,4,5",
        b'{"a": "1,2,3,4", "b": "[[[[[["}',
    ],
)
def test_not_more_than_three(text: bytes) -> None:
    assert not has_more_values(text, 3)
