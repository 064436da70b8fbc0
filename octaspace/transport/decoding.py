"""Decode the body of a response to `Response.data`, and encode the body of a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NoReturn

from ..json_values import has_more_values, is_too_deep
from .header_fields import OPTIONAL_SPACE

__all__ = [
    "TooManyValuesError", "decode_body", "encode_body", "fast_parse_with", "is_html", "json_parser",
    "standard_parse",
]  # fmt: skip

_HTML: Final = ("text/html", "application/xhtml+xml")


class TooManyValuesError(ValueError):
    """The JSON has more values than `max_json_values` and is not parsed."""


def encode_body(body: Any) -> bytes | None:
    """Encode the request body as JSON; None if there is none.

    Raises:
        ValueError: JSON cannot represent it: NaN, infinity, a set, a datetime, a lone surrogate.
    """
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the request body cannot be encoded as JSON: {error}") from None


def decode_body(
    body: bytes, headers: Mapping[str, str], *, max_values: int, json_expected: bool = False
) -> Any:
    """Decode a response body by its content type.

    Args:
        body: The body after content decoding.
        headers: The response's header fields.
        max_values: `Config.max_json_values`.
        json_expected: Whether to decode an object or a list also from a body with another content type: some
            servers send JSON as ``text/plain``, and a response that names a session must not be lost.

    Returns:
        None for an empty body; decoded JSON, integers exact at any size; bytes for anything else. Without a
        content type, or with contradictory ones, the body is JSON if it can be parsed.

    Raises:
        TooManyValuesError: It has more than `max_values` values.
        ValueError: The content type is JSON, and the body is not.
    """
    if not body:
        return None
    content_type = headers.get("Content-Type", "")
    if content_type == "application/json":
        return _parse(body, max_values)
    kinds = {_is_json(media_type) for media_type in _media_types(content_type)}
    if kinds == {True}:
        return _parse(body, max_values)
    if kinds == {False} and not json_expected:
        return body
    try:
        data = _parse(body, max_values)
    except TooManyValuesError:
        raise
    except ValueError:
        return body
    return body if kinds == {False} and not isinstance(data, (dict, list)) else data


def _parse(body: bytes, max_values: int) -> Any:
    # Each value takes at least one byte, so nearly every body is short enough to skip the count.
    if len(body) > max_values and has_more_values(body, max_values):
        raise TooManyValuesError(f"its JSON has more than max_json_values={max_values} values")
    data = json_parser()(body)
    if is_too_deep(data, len(body)):
        raise ValueError("the JSON is nested too deeply")
    return data


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether the content type of a response is HTML.

    Args:
        headers: The response's header fields.
    """
    return any(kind in _HTML for kind in _media_types(headers.get("Content-Type", "")))


def _media_types(content_type: str) -> list[str]:
    """The media types of a `Content-Type`: usually one; some servers send the field twice or empty."""
    types = [part.partition(";")[0].strip(OPTIONAL_SPACE).lower() for part in content_type.split(",")]
    return [media_type for media_type in types if media_type]


def _is_json(media_type: str) -> bool:
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: `json.loads` with an option would create a decoder for each body.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def standard_parse(body: bytes) -> Any:
    """Parse JSON with the standard library, which defines what is valid here.

    Raises:
        ValueError: The body is not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def fast_parse_with(msgspec: Any) -> Callable[[bytes], Any]:
    """A parser on msgspec with the same results and errors as `standard_parse`.

    What msgspec accepts, it parses as the standard library does, integers of any size included. What it
    rejects is passed to the standard library, which accepts more (a BOM, lone surrogates, 1e999) and whose
    errors are raised.
    """
    decode = msgspec.json.Decoder().decode

    def fast_parse(body: bytes) -> Any:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return standard_parse(body)

    return fast_parse


@cache  # importing msgspec takes as long as parsing ten small bodies
def json_parser() -> Callable[[bytes], Any]:
    """The parser in use: msgspec if installed (the extra `fast`).

    Every client calls this when it is created, so that no call imports anything: after a fork during an
    import in another thread, the module's lock is never released in the child.
    """
    try:
        import msgspec
    except ImportError:
        return standard_parse
    return fast_parse_with(msgspec)
