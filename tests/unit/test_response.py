from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3._collections import HTTPHeaderDict  # urllib3 1.26 has it here only

from octaspace import Response
from octaspace.response import parse_retry_after


def make(status: int = 200, headers: dict[str, str] | None = None, **parts: Any) -> Response[Any]:
    return Response(status=status, headers=headers or {}, data=parts.pop("data", None), **parts)


def test_it_is_immutable() -> None:
    response = make(headers={"A": "1"})
    with pytest.raises(AttributeError, match="immutable"):
        response.status = 500
    with pytest.raises(AttributeError, match="immutable"):
        del response.data
    with pytest.raises(TypeError, match="immutable"):
        response.headers["A"] = "2"  # type: ignore[index]
    with pytest.raises(TypeError, match="immutable"):
        del response.headers["A"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: headers.update(A="2"),
        lambda headers: headers.pop("A"),
        lambda headers: headers.popitem(),
        lambda headers: headers.clear(),
        lambda headers: headers.setdefault("B", "2"),
    ],
)
def test_no_method_of_a_mapping_changes_the_headers(change: Callable[[Any], Any]) -> None:
    response = make(headers={"A": "1"})
    with pytest.raises(TypeError, match="immutable"):
        change(response.headers)
    assert dict(response.headers) == {"A": "1"}


def test_later_changes_of_the_passed_mapping_have_no_effect() -> None:
    headers = {"A": "1"}
    response = make(headers=headers)
    headers["B"] = "2"
    assert dict(response.headers) == {"A": "1"}


def test_headers_are_found_in_any_case() -> None:
    assert make(headers={"X-Thing": "1"}).headers["x-thing"] == "1"


def test_repeated_fields_are_joined() -> None:
    fields = HTTPHeaderDict()
    fields.add("Vary", "Accept")
    fields.add("vary", "Origin")
    response = Response(status=200, headers=fields, data=None)
    assert response.headers["VARY"] == "Accept, Origin"
    assert len(response.headers) == 1


@pytest.mark.parametrize(
    ("status", "ok", "client", "server"),
    [(200, True, False, False), (299, True, False, False), (302, False, False, False),
     (404, False, True, False), (503, False, False, True)],
)  # fmt: skip
def test_status_families(status: int, ok: bool, client: bool, server: bool) -> None:
    response = make(status)
    assert (response.ok, response.client_error, response.server_error) == (ok, client, server)


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id", "Request-Id", "X-Correlation-Id"])
def test_request_id(name: str) -> None:
    assert make(headers={name: "r-1"}).request_id == "r-1"


def test_no_request_id() -> None:
    assert make().request_id is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tuesday, 24-Nov-26 12:00:30 GMT", 30.0),
        ("Tue Nov 24 12:00:30 2026", 30.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e3", None),
        ("²", None),
        ("9" * 400, 2.0**31),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 2.0**31),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 +9999", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
    assert parse_retry_after(value, now=now) == seconds
    assert make(headers={}).retry_after is None


@given(
    st.text(max_size=40) | st.from_regex(r"(\w{3}, )?\d{1,2} \w{3} \d{1,5} \d\d:\d\d(:\d\d)? [+-]?\w{1,5}")
)
def test_retry_after_of_anything(value: str) -> None:
    seconds = parse_retry_after(value)
    assert seconds is None or 0 <= seconds <= 2**31


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("żółw".encode(), "text/plain", "żółw"),
        ("żółw".encode("iso-8859-2"), 'text/plain; charset="ISO-8859-2"', "żółw"),
        (b"\xff", "text/plain; charset=no-such", "�"),
        *[
            (b"x\xff", f"text/html; charset={name}", "x�")
            for name in (
                "idna",
                "undefined",
                "punycode",
                "unicode_escape",
                "raw_unicode_escape",
                "hex",
                "\0",
                "a\nb",
            )
        ],
        (b"", "", ""),
    ],
)
def test_text(body: bytes, content_type: str, text: str) -> None:
    assert make(headers={"Content-Type": content_type}, body=body).text == text


def test_pickle_round_trip() -> None:
    response = make(
        201, {"X-Request-Id": "r"}, data={"a": 2**80}, body=b"x", url="http://u/", attempts=3, elapsed=0.5
    )
    for twin in (pickle.loads(pickle.dumps(response)), copy.copy(response), copy.deepcopy(response)):
        for name in ("status", "data", "body", "url", "attempts", "elapsed", "request_id"):
            assert getattr(twin, name) == getattr(response, name)
        assert twin.headers["x-request-id"] == "r"
        with pytest.raises(TypeError, match="immutable"):
            twin.headers["x"] = "y"
    assert copy.deepcopy(response).data is not response.data
    assert pickle.loads(pickle.dumps(response.headers)) == response.headers


def test_repr_is_one_short_line() -> None:
    assert repr(make(body=b"abc", url="http://u/")) == "<Response 200 http://u/ 3 bytes, attempts=1>"
