"""From the bytes of a body to `Response.data`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["decode_body", "encode_body"]


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


def decode_body(body: bytes, headers: Mapping[str, str]) -> Any:
    """Decode a response body by its content type.

    Args:
        body: The body, content encoding already undone.
        headers: The response's header fields.

    Returns:
        None for no body; decoded JSON, integers exact at any size; bytes for what is not JSON. Without
        a content type the body is JSON when it parses.

    Raises:
        ValueError: The content type says JSON, and it is not.
    """
    if not body:
        return None
    content_type = headers.get("Content-Type")
    if content_type is None:
        try:
            return _parse(body)
        except ValueError:
            return body
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("application/json", "text/json") or media_type.endswith("+json"):
        return _parse(body)
    return body


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
