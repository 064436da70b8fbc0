"""Names and values of attributes.

Names follow the semantic conventions of OpenTelemetry where these have one. The package with the conventions
is not needed: a test compares the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from .._version import __version__
from ..errors import ApiError
from ..request import Request

__all__ = [
    "SCHEMA_URL",
    "SCOPE_NAME",
    "SCOPE_VERSION",
    "AttributeValue",
    "attempt_error_type",
    "error_type",
    "request_attributes",
    "server_attributes",
]

AttributeValue = str | bool | int | float

#: Name and version of the tracer and the meter.
SCOPE_NAME: Final = "octaspace"
SCOPE_VERSION: Final = __version__

#: The version of the semantic conventions that has these names. Later versions have not changed them.
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.28.0"

#: The methods that the conventions know; any other one is ``_OTHER``, so that the number of names is limited.
_KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_OTHER_METHOD: Final = "_OTHER"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def request_attributes(request: Request) -> dict[str, AttributeValue]:
    """The method, and the operation unless it is a request of the user.

    Args:
        request: The request.
    """
    method = request.method if request.method in _KNOWN_METHODS else _OTHER_METHOD
    found: dict[str, AttributeValue] = {"http.request.method": method}
    if request.operation is not None:
        found["octaspace.operation"] = request.operation
    return found


@lru_cache(maxsize=256)
def server_attributes(endpoint: str) -> Mapping[str, AttributeValue]:
    """Host and port of an endpoint.

    Args:
        endpoint: Its URL.

    Returns:
        ``{"server.address": "api.octa.space", "server.port": 443}``; do not change it.
    """
    parts = urlsplit(endpoint)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return {"server.address": parts.hostname or "", "server.port": port}


def error_type(error: BaseException) -> str:
    """The kind of error that a call raised: the status if the API answered with one, otherwise the class.

    Args:
        error: The exception.

    Returns:
        Such as ``"503"``, ``"octaspace.errors.TimeoutError"`` or ``"KeyboardInterrupt"``.
    """
    if isinstance(error, ApiError) and error.response is not None and not error.response.ok:
        return str(error.response.status)
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def attempt_error_type(status: int | None, error: str | None) -> str | None:
    """The kind of error of an attempt; None if it was answered with 2xx.

    Args:
        status: Status of the answer, or None.
        error: Name of the class of the error without an answer, or None.
    """
    if error is not None:
        return f"octaspace.errors.{error}"
    return None if status is None or 200 <= status < 300 else str(status)
