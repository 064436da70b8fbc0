"""JSON responses for SDK errors that a view does not handle."""

from __future__ import annotations

import math
from typing import Final

from flask import Response, current_app, jsonify

import octaspace
from octaspace.key_mask import KeyMask

from .state import EXTENSION, State

__all__ = ["answer_error", "describe"]

#: Errors whose status and message are passed on to the caller of the app; all others stay internal.
_PASSED_ON: Final = {
    octaspace.NotFoundError: 404,
    octaspace.ValidationError: 422,
    octaspace.RateLimitError: 429,
}
_TOO_LATE: Final = (octaspace.TimeoutError, octaspace.GatewayTimeoutError)


def answer_error(error: octaspace.Error) -> Response:
    """Convert an SDK error into a response of the app.

    404, 422 and 429 (with `Retry-After`) keep their status and message; a timeout is 504; every other
    error is 502 with a message without keys, addresses or configuration of the app.

    Returns:
        JSON ``{"error": class name, "message": text, "request_id": id or null}``.
    """
    mask = _mask()
    words = mask.text(str(error))
    passed_on = next((status for kind, status in _PASSED_ON.items() if isinstance(error, kind)), None)
    if passed_on is not None:
        status, message = passed_on, words
    elif isinstance(error, _TOO_LATE):
        status, message = 504, "The OctaSpace API did not answer in time."
    else:
        status, message = 502, "The OctaSpace API could not be used."
    if status >= 500:
        # Flask logs only unhandled errors, and this one is handled here.
        current_app.logger.error("%s: %s", type(error).__name__, words)
    response = jsonify(error=type(error).__name__, message=message, request_id=mask.data(error.request_id))
    response.status_code = status
    if isinstance(error, octaspace.RateLimitError) and error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def describe(error: octaspace.Error) -> str:
    """The message of an error, with the app's key masked."""
    return _mask().text(str(error))


def _mask() -> KeyMask:
    """A mask for the app's key: an answer to a client with another key may repeat it as well."""
    state = current_app.extensions.get(EXTENSION)
    return KeyMask(state.settings.config.api_key if isinstance(state, State) else None)
