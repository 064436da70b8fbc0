"""The extra `fast`: the same results and errors as the standard library, for unusual input."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octaspace.transport import decoding

fast_parse = decoding.fast_parse_with(msgspec)

NUMBERS = [
    b"0", b"-0", b"-0.0", b"1e5", b"1E+2", b"1e400", b"-1e400", b"1e-400", b"4.9e-324", b"2.4e-324",
    b"1.7976931348623157e308", b"1.7976931348623159e308", b"9007199254740993", b"9007199254740993.0", b"1e23",
    b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"1234567890123456789012",
    b"123456789.123456789123456789", b"9" * 4299, b"9" * 4300, b"9" * 4301, b"-" + b"9" * 4300, b"9" * 5000,
    b"1" + b"0" * 400, b"1" + b"0" * 400 + b".0", b"0." + b"0" * 400 + b"1", b"1" + b"0" * 400 + b"e-400",
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"01", b"1.", b".5", b"+1", b"1e", b"--1", b"0x10", b"1_000",
]  # fmt: skip
STRINGS = [
    b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\udc00"', b'"\\ud83d\\ude00"', b'"\\u00e9"', b'"\\u0000"',
    b'"\\/"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x80\xa8"',
    b'"a\x01b"', b'"a\tb"', b'"\x7f"', b'"\\x"', b'"\\u12"', b'"', b"'a'", b'"\\"',
]  # fmt: skip
SHAPES = [
    b'{"a":1,"a":2}', b'{"":1}', b'{"a"}', b"{1:2}", b'{"\xff":1}', b"[1,]", b'{"a":1,}', b"[1] x",
    b" [1] \r\n", b"\x0b[1]", b"\xc2\xa0[1]", b"[]]", b"nul", b"true1", b"1 2", b"/**/1", b"\xef\xbb\xbf{}",
    b"\xef\xbb\xbf", b"\xff\xfe[\x00]\x00", b"[\x00]\x00", b" ", b"\x00",
]  # fmt: skip
DEEP = [
    opening * depth + inner + closing * depth
    for opening, inner, closing in ((b"[", b"", b"]"), (b'{"a":', b"1", b"}"))
    for depth in (100, 900, 100_000)
]


def outcome(parse: Any, body: bytes) -> tuple[str, str]:
    try:
        value = parse(body)
    except ValueError as error:
        return "error", str(error)
    return "value", repr(value)


@pytest.mark.parametrize("body", [*NUMBERS, *STRINGS, *SHAPES, *DEEP], ids=lambda body: repr(body[:24]))
def test_the_same_answer_or_the_same_error(body: bytes) -> None:
    assert outcome(fast_parse, body) == outcome(decoding.standard_parse, body)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda body: repr(body[:24]))
def test_the_same_inside_a_document(number: bytes) -> None:
    body = b'[{"balance": ' + number + b"}]"
    assert outcome(fast_parse, body) == outcome(decoding.standard_parse, body)


@given(st.binary(max_size=60))
@example(b"\xf0\x9f\x98")
def test_any_bytes(body: bytes) -> None:
    assert outcome(fast_parse, body) == outcome(decoding.standard_parse, body)


_TEXT = st.text(st.characters(), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, st.booleans())
def test_any_document(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert outcome(fast_parse, body) == outcome(decoding.standard_parse, body)


@given(st.from_regex(rb"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_any_number(body: bytes) -> None:
    assert outcome(fast_parse, body) == outcome(decoding.standard_parse, body)


@pytest.fixture
def first_body() -> Iterator[None]:
    """As before the first body was parsed; afterwards as it was."""
    decoding.json_parser.cache_clear()
    yield
    decoding.json_parser.cache_clear()


@pytest.mark.usefixtures("first_body")
def test_with_msgspec_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "standard_parse", lambda body: pytest.fail("the slow way was taken"))
    assert decoding.decode_body(b'{"a": 1}', {"Content-Type": "application/json"}, max_values=9) == {"a": 1}


@pytest.mark.usefixtures("first_body")
def test_without_msgspec_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert decoding.decode_body(b'{"a": 1}', {"Content-Type": "application/json"}, max_values=9) == {"a": 1}
    assert decoding.json_parser() is decoding.standard_parse
