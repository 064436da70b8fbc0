"""The answer to a change that only confirms: what says inside a 2xx that nothing was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import LOOK_FIRST, InvalidResponseError, api_message, one_line, request_id_of
from ..request import Request
from ..response import Response
from ..shown import shown

__all__ = ["check_confirmation"]

#: Fields that only an answer about a failure has.
_FAILURES = ("error", "errors")
#: Fields that say whether it was done.
_FLAGS = ("success", "ok")
#: What nodes answer that are unavailable for the moment (Q19).
_UNAVAILABLE = "INTERNAL_ERROR"


def check_confirmation(
    response: Response[Any], change: Request, *, mask: Callable[[str], str]
) -> Response[Any]:
    """Return the 2xx answer to a change, unless it says that the change was not carried out.

    Args:
        response: The answer.
        change: The request, for messages.
        mask: Takes the key out of the answer's own words; see `octaspace.request.Trip.mask`.

    Raises:
        InvalidResponseError: The answer has an error in it; `outcome_unknown` is True.
    """
    for item in response.data if isinstance(response.data, list) else [response.data]:
        if item is False or (isinstance(item, dict) and _is_failure(item)):
            words = one_line(mask(api_message(item) or shown(item)))
            raise InvalidResponseError(
                f"{change.method} {change.path}: {response.status}, but the answer is an error: {words}"
                f"{LOOK_FIRST}{mask(request_id_of(response))}",
                response=response,
                outcome_unknown=True,
            )
    return response


def _is_failure(item: dict[str, Any]) -> bool:
    status = item.get("status")
    return (
        any(item.get(name) for name in _FAILURES)
        or any(item.get(name) is False for name in _FLAGS)
        or item.get("message") == _UNAVAILABLE
        or status in ("error", "failed")
        or (isinstance(status, int) and status >= 400)  # problem+json (Q30)
    )
