"""Failures that the next try may mend."""

from __future__ import annotations

from ... import errors

__all__ = ["is_transient"]

#: A 2xx in HTML or with JSON that cannot be read comes from something in front of the API.
_PASSING = (errors.NetworkError, errors.ServerError, errors.RateLimitError, errors.InvalidResponseError)
_REQUEST_TIMEOUT = 408


def is_transient(error: errors.Error) -> bool:
    """Whether what was in the way may be gone at the next try.

    Args:
        error: What a call ended in, after its own retries.
    """
    return isinstance(error, _PASSING) or error.status == _REQUEST_TIMEOUT
