"""Answers that only confirm a change: detect an error inside a 2xx."""

from __future__ import annotations

from typing import Any

from ..errors import OUTCOME_UNKNOWN_HINT, InvalidResponseError, api_message, one_line, request_id_of
from ..key_mask import KeyMask
from ..request import Request
from ..response import Response

__all__ = ["UNAVAILABLE", "check_confirmation"]

#: Fields that only an answer about a failure has.
_FAILURES = ("error", "errors")
#: Fields that state whether the change was made.
_FLAGS = ("success", "ok")
_FALSE = ("false", "0", "0.0")
_FAILED = ("error", "failed", "failure")
#: The answer of a node that is temporarily unavailable (Q19).
UNAVAILABLE = "INTERNAL_ERROR"


def check_confirmation(response: Response[Any], change: Request, mask: KeyMask) -> None:
    """Check that the 2xx answer to a change does not report that the change was not made.

    Args:
        response: The answer.
        change: The request, for messages.
        mask: Masks the key in an answer that an error contains.

    Raises:
        InvalidResponseError: The answer contains an error; `outcome_unknown` is True.
    """
    if not any(map(_is_failure, _items(response))):
        return
    response = mask.response(response)
    words = next((text for text in map(api_message, filter(_is_failure, _items(response))) if text), "")
    raise InvalidResponseError(
        f"{change.method} {mask.text(change.path)}: {response.status}, but the answer is an error: "
        f"{one_line(words or response.text)}{OUTCOME_UNKNOWN_HINT}{request_id_of(response)}",
        response=response,
        outcome_unknown=True,
    )


def _items(response: Response[Any]) -> list[Any]:
    return response.data if isinstance(response.data, list) else [response.data]


def _is_failure(item: object) -> bool:
    if isinstance(item, str):
        return UNAVAILABLE in item
    if not isinstance(item, dict):
        return item is False
    status = item.get("status")
    number = _number(status)
    return (
        any(item.get(name) for name in _FAILURES)
        or any(name in item and str(item[name]).lower() in _FALSE for name in _FLAGS)
        or UNAVAILABLE in str(item.get("message"))
        or (number is not None and number >= 400)  # problem+json (Q30)
        # With a uuid it is the session's own state: one that has failed can be stopped.
        or (isinstance(status, str) and status.lower() in _FAILED and not item.get("uuid"))
    )


def _number(value: object) -> float | None:
    """A number, or the same number as text (Q9)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
