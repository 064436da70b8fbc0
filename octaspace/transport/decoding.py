"""From the bytes of a body to `Response.data`."""

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
    """The JSON has more values than `max_json_values`, and is not parsed."""


def encode_body(body: Any) -> bytes | None:
    """The request body as JSON, or None when there is none.

    Raises:
        ValueError: JSON cannot carry it: NaN, infinity, a set, a datetime, a lone surrogate.
    """
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the request body cannot be written as JSON: {error}") from None


def decode_body(
    body: bytes, headers: Mapping[str, str], *, max_values: int, json_expected: bool = False
) -> Any:
    """Decode a response body by its content type.

    Args:
        body: The body, content encoding already undone.
        headers: The response's header fields.
        max_values: `Config.max_json_values`.
        json_expected: Whether an object or a list is read from a body of another content type as well: some
            servers send their JSON as ``text/plain``, and an answer that names a session must not be lost.

    Returns:
        None for no body; decoded JSON, integers exact at any size; bytes for what is not JSON. Without
        a content type, or with several that disagree, the body is JSON when it parses.

    Raises:
        TooManyValuesError: It has more than `max_values` values.
        ValueError: The content type says JSON, and it is not.
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
    # Each value takes a byte at least, so that nearly every body is within the limit by its length alone.
    if len(body) > max_values and has_more_values(body, max_values):
        raise TooManyValuesError(f"its JSON has more than max_json_values={max_values} values")
    data = json_parser()(body)
    if is_too_deep(data, len(body)):
        raise ValueError("the JSON is nested too deeply")
    return data


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether a response says that its body is a page.

    Args:
        headers: The response's header fields.
    """
    return any(kind in _HTML for kind in _media_types(headers.get("Content-Type", "")))


def _media_types(content_type: str) -> list[str]:
    """The media types of a `Content-Type`: one, but for servers that send the field twice or empty."""
    types = [part.partition(";")[0].strip(OPTIONAL_SPACE).lower() for part in content_type.split(",")]
    return [media_type for media_type in types if media_type]


def _is_json(media_type: str) -> bool:
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def standard_parse(body: bytes) -> Any:
    """Parse JSON with the standard library, which decides what is JSON and what is not.

    Raises:
        ValueError: It is no JSON, not UTF-8, or nested too deeply.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def fast_parse_with(msgspec: Any) -> Callable[[bytes], Any]:
    """A parser by msgspec with the same answers and the same errors as `standard_parse`.

    What msgspec takes, it takes as the standard library does, integers of any size included. What it
    refuses is given to the standard library, which takes more (a BOM, lone surrogates, 1e999) and says
    in its own words why it refuses.
    """
    decode = msgspec.json.Decoder().decode

    def fast_parse(body: bytes) -> Any:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return standard_parse(body)

    return fast_parse


@cache  # the look for msgspec costs as much as ten small bodies
def json_parser() -> Callable[[bytes], Any]:
    """The parser in use: by msgspec where it is installed (the extra `fast`).

    Every client asks for it when it is made, and so no call imports anything: a process that forks while
    a thread is importing leaves the module's lock held in the child forever.
    """
    try:
        import msgspec
    except ImportError:
        return standard_parse
    return fast_parse_with(msgspec)
