"""SDK errors that a view lets through, as JSON answers."""

from __future__ import annotations

from typing import Final

from flask import Response, current_app, jsonify

import octaspace

from .state import context_keys

__all__ = ["answer_error", "without_keys"]

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
    words = without_keys(str(error))
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
    request_id = None if error.request_id is None else without_keys(error.request_id)
    response = jsonify(error=type(error).__name__, message=message, request_id=request_id)
    response.status_code = status
    retry_after = error.response.headers.get("Retry-After") if error.response is not None else None
    if isinstance(error, octaspace.RateLimitError) and retry_after:
        response.headers["Retry-After"] = retry_after
    return response


def without_keys(text: str) -> str:
    """An API that repeats the key in its own message must not get it into ours."""
    for key in context_keys():
        text = text.replace(key, "***")
    return text
