"""The answer of a body in memory: its JSON decoded, or why that is not possible."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Config
from ..request import Request
from .decoding import TooManyValuesError, decode_body
from .failures import Answer

__all__ = ["decoded_answer"]


def decoded_answer(
    status: int, headers: Mapping[str, str], body: bytes, request: Request, config: Config
) -> Answer:
    """Decode a body within the limits of a client.

    Args:
        status: HTTP status code.
        headers: Header fields.
        body: The body after content decoding.
        request: The request.
        config: The client's options.
    """
    try:
        data = decode_body(
            body,
            headers,
            max_values=config.max_json_values,
            json_expected=request.expects in ("json", "json or nothing"),
        )
        return Answer(status, headers, body, data=data)
    except TooManyValuesError as error:
        return Answer(status, headers, body, data=body, problem=str(error), option="max_json_values")
    except ValueError as error:
        return Answer(status, headers, body, data=body, problem=f"the JSON is invalid: {error}")
