"""SDK errors that a view lets through, as JSON answers."""

from __future__ import annotations

import math
from typing import Final

from flask import Response, current_app, jsonify

import octaspace
from octaspace.key_mask import KeyMask

from .state import EXTENSION, State

__all__ = ["answer_error", "describe"]

#: What the caller of the app may know as it is; anything else is a trouble between the app and the API.
_PASSED_ON: Final = {
    octaspace.NotFoundError: 404,
    octaspace.ValidationError: 422,
    octaspace.RateLimitError: 429,
}
_TOO_LATE: Final = (octaspace.TimeoutError, octaspace.GatewayTimeoutError)


def answer_error(error: octaspace.Error) -> Response:
    """Turn an SDK error into the app's own answer.

    404, 422 and 429 (with `Retry-After`) keep their status and message; a timeout is 504; everything
    else is 502 with a message that says nothing about keys, addresses or the app's configuration.

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
        # Flask logs only what nobody handles, and this is handled now.
        current_app.logger.error("%s: %s", type(error).__name__, words)
    response = jsonify(error=type(error).__name__, message=message, request_id=mask.data(error.request_id))
    response.status_code = status
    if isinstance(error, octaspace.RateLimitError) and error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def describe(error: octaspace.Error) -> str:
    """The message of an error, without the app's key, whatever the API may have put into it."""
    return _mask().text(str(error))


def _mask() -> KeyMask:
    """Masks the app's own key: what a client with another key got may repeat it."""
    state = current_app.extensions.get(EXTENSION)
    return KeyMask(state.settings.config.api_key if isinstance(state, State) else None)
