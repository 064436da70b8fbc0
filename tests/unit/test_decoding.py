from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from octaspace.transport.decoding import decode_body, encode_body, standard_parse

JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("body", "headers", "data"),
    [
        (b"", JSON, None),
        (b'{"a": 1}', JSON, {"a": 1}),
        (b"1234567890123456789012", JSON, 1234567890123456789012),
        (b'{"a": 1, "a": 2}', JSON, {"a": 2}),
        (b"\xef\xbb\xbf[]", JSON, []),
        (b"{}", {"Content-Type": "application/problem+json"}, {}),
        (b"{}", {"Content-Type": "TEXT/JSON"}, {}),
        (b"{}", {"Content-Type": "application/octet-stream"}, b"{}"),
        (b"<html>", {"Content-Type": "text/html"}, b"<html>"),
        (b"{}", {}, {}),
        (b"\x00\x01", {}, b"\x00\x01"),
    ],
)
def test_the_content_type_decides(body: bytes, headers: dict[str, str], data: Any) -> None:
    assert decode_body(body, headers, max_values=100) == data


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"\xff\xfe",
        b'"\xff"',
        b"[" * 100_000,
        b"{} {}",
        b"1" * 5000,
    ],
)
def test_invalid_json_declared_as_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_body(body, JSON, max_values=100)


def test_bodies_are_compact_utf8() -> None:
    assert encode_body(None) is None
    assert encode_body([{"a": "ż", "n": 2**70}]) == '[{"a":"ż","n":1180591620717411303424}]'.encode()


@pytest.mark.parametrize(
    "body", [{"a": float("nan")}, [float("inf")], {1, 2}, datetime(2026, 1, 1), "\ud800"]
)
def test_values_that_json_cannot_represent_are_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="request body"):
        encode_body(body)


def test_no_decoder_is_created_for_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "JSONDecoder", lambda **options: pytest.fail("a decoder was created"))
    assert standard_parse(b"[1]") == [1]
