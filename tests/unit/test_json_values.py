"""The number of values counted before parsing equals the number that parsing finds."""

from __future__ import annotations

import gc
import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octaspace import json_values
from octaspace.json_values import has_more_values, is_too_deep, parse_nested
from octaspace.transport import decoding

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def count(value: Any) -> int:
    """A container counts as one, and so does each of its members except the first."""
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
        patch.setattr(json_values, "_BLOCK_SIZE", piece)
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


def nested(levels: int) -> list[bytes]:
    """Texts with so many levels: lists, objects, both, and with others around."""
    half = levels // 2
    return [
        b"[" * levels + b"]" * levels,
        b'{"a":' * levels + b"1" + b"}" * levels,
        b'[{"a":' * half + b"1" + b"}]" * half,
        b'[1,{},"x",' * (levels - 2) + b"[]" + b',{"b":[]}]' * (levels - 2),
        b'{"a":{},"b":' * (levels - 1) + b"{}" + b',"c":"]]]]"}' * (levels - 1),
    ]


PARSERS: list[Callable[[bytes], Any]] = [decoding.standard_parse]
if importlib.util.find_spec("msgspec"):
    import msgspec

    PARSERS.append(decoding.fast_parse_with(msgspec))


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(("levels", "deep"), [(2, False), (100, False), (102, True), (400, True)])
def test_more_than_a_hundred_levels(parse: Callable[[bytes], Any], levels: int, deep: bool) -> None:
    for text in nested(levels):
        assert is_too_deep(parse(text), len(text)) is deep


def test_levels_are_counted_in_containers_the_collector_does_not_track() -> None:
    """It untracks containers without tracked content."""
    values = [
        (json.loads(text), text, deep)
        for levels, deep in ((100, False), (102, True))
        for text in nested(levels)
    ]
    gc.collect()
    for value, text, deep in values:
        assert is_too_deep(value, len(text)) is deep


def test_wide_is_not_deep() -> None:
    text = json.dumps([[{"a": [[]] * 50}] * 20] * 20)
    assert not is_too_deep(json.loads(text), len(text))
    assert not is_too_deep("[" * 1000, 1000)


@pytest.mark.parametrize("levels", [102, 100_000])
def test_json_text_inside_a_response_is_limited(levels: int) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_nested("[" * levels + "]" * levels)
    assert parse_nested("[" * 100 + "]" * 100)
