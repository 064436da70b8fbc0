"""Transient failures: the next attempt may succeed."""

from __future__ import annotations

from ... import errors

__all__ = ["is_transient"]

#: A 2xx with HTML or unreadable JSON comes from a proxy in front of the API.
_PASSING = (errors.NetworkError, errors.ServerError, errors.RateLimitError, errors.InvalidResponseError)
_REQUEST_TIMEOUT = 408


def is_transient(error: errors.Error) -> bool:
    """Whether the next attempt may succeed.

    Args:
        error: The error of a call, after its own retries.
    """
    return isinstance(error, _PASSING) or error.status == _REQUEST_TIMEOUT
