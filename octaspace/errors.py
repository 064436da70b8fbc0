"""Every exception that leaves the SDK::

    Error
    ├── ConfigurationError                    an option is wrong, or the client is closed
    ├── NetworkError                          no usable HTTP response
    │   ├── ConnectionError                   also a builtin ConnectionError
    │   └── TimeoutError                      also a builtin TimeoutError; .phase says which limit
    ├── ProvisionRejectedError                a rental refused inside a 2xx; .rejections
    ├── UnexpectedShapeError                  JSON that a type cannot be made of; .type_name, .field, .value
    └── ApiError                              the API answered with an error
        ├── AuthenticationError               401
        ├── PermissionError                   403
        ├── NotFoundError                     404
        ├── ValidationError                   422
        ├── RateLimitError                    429; .retry_after
        ├── InvalidResponseError              a 2xx whose body is not what was asked for
        └── ServerError                       5xx
            ├── BadGatewayError               502
            ├── ServiceUnavailableError       503
            └── GatewayTimeoutError           504

Three names are also names of builtins, on purpose: ``except builtins.TimeoutError`` catches ours.
Import the module (``octaspace.TimeoutError``) rather than the bare names.
"""

from __future__ import annotations

import builtins
from typing import Any, Literal

from .response import Response

__all__ = [
    "OUTCOME_UNKNOWN_HINT",
    "ApiError",
    "AuthenticationError",
    "BadGatewayError",
    "ConfigurationError",
    "ConnectionError",
    "Error",
    "GatewayTimeoutError",
    "InvalidResponseError",
    "NetworkError",
    "NotFoundError",
    "PermissionError",
    "ProvisionRejectedError",
    "RateLimitError",
    "ServerError",
    "ServiceUnavailableError",
    "TimeoutError",
    "TimeoutPhase",
    "UnexpectedShapeError",
    "ValidationError",
    "api_error",
    "api_message",
    "one_line",
    "request_id_of",
]

TimeoutPhase = Literal["open", "read", "write", "pool", "total"]

#: What an error says when the request may have been carried out all the same.
OUTCOME_UNKNOWN_HINT = "; it may have been carried out all the same: look before you send it again"

#: Where an answer says what went wrong (Q2, Q16, Q30), in the order of a message.
_MESSAGE_FIELDS = ("error", "title", "message", "msg", "reason", "detail", "errors")

#: How much of the API's own words goes into a message.
_EXCERPT_CHARACTERS = 300


class Error(Exception):
    """Base of every error of this package.

    Args:
        message: One line that names what was asked and what went wrong.
        response: The HTTP response it came with, if there was one.
        attempts: How many times the request was sent, or tried to be.
        outcome_unknown: Whether it may have changed something all the same.

    Attributes:
        status: HTTP status of the response, or None.
        request_id: The API's id of the request, or None.
        response: The `Response`, or None.
        attempts: As above; 0 when nothing was tried.
        outcome_unknown: True when the request was to change something and may have done so, although it
            ended in this error: look before sending it again.
    """

    def __init__(
        self,
        message: str = "",
        *,
        response: Response[Any] | None = None,
        attempts: int = 0,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.response = response
        self.outcome_unknown = outcome_unknown
        self.attempts = response.attempts if response is not None and not attempts else attempts

    @property
    def status(self) -> int | None:
        """HTTP status of the response, or None."""
        return None if self.response is None else self.response.status

    @property
    def request_id(self) -> str | None:
        """The API's id of the request, to quote to support, or None."""
        return None if self.response is None else self.response.request_id

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with `args` only and lose every keyword argument.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(Error):
    """An option cannot be used as given, or the client is closed.

    Attributes:
        option: Name of the option at fault, or None.
    """

    def __init__(self, message: str = "", *, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class NetworkError(Error):
    """No usable HTTP response came back."""


class ConnectionError(NetworkError, builtins.ConnectionError):
    """DNS, connect, TLS, proxy or a connection that broke off."""


class TimeoutError(NetworkError, builtins.TimeoutError):
    """A time limit was reached.

    Attributes:
        phase: ``"open"`` (connect and TLS), ``"read"`` (waiting for data), ``"write"`` (sending),
            ``"pool"`` (waiting for a free connection) or ``"total"`` (`Config.total_timeout`, or the
            limit of a waiting method).
    """

    def __init__(
        self,
        message: str = "",
        *,
        phase: TimeoutPhase = "read",
        attempts: int = 0,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, attempts=attempts, outcome_unknown=outcome_unknown)
        self.phase = phase


class ProvisionRejectedError(Error):
    """The API answered 2xx and refused the rental in the body (quirks Q2, Q19).

    What is in `rejections` was not rented. A session that the answer names as well is in `response.data` and
    in the message.

    Attributes:
        rejections: The refused items as the API sent them, e.g.
            ``[{"id": 0, "node_id": 9101, "status": 3, "reason": "node is busy"}]``; `id` is the place of the
            item in the list that was sent.
    """

    def __init__(
        self,
        message: str = "",
        *,
        rejections: list[Any] | tuple[Any, ...] = (),
        response: Response[Any] | None = None,
    ) -> None:
        super().__init__(message, response=response)
        self.rejections = list(rejections)


class UnexpectedShapeError(Error):
    """The JSON of an answer does not have the shape that a type or a method needs.

    `octaspace.types` raise it from `from_api`, which knows the JSON alone: `response` is None then, and
    `outcome_unknown` False. The answer to a change is checked by the method that sends it, which raises
    `InvalidResponseError` with `outcome_unknown`. An error about an argument is a ValueError instead.

    Attributes:
        type_name: Name of the type that cannot be made, e.g. ``"Node"``.
        field: Name of the field at fault; None when it is the payload as a whole.
        value: What is there, as text of at most 200 characters in which no text longer than 11 characters
            stands in full, so that no key does; None when there is nothing.
    """

    def __init__(
        self,
        message: str = "",
        *,
        type_name: str = "",
        field: str | None = None,
        value: str | None = None,
        response: Response[Any] | None = None,
    ) -> None:
        super().__init__(message, response=response)
        self.type_name = type_name
        self.field = field
        self.value = value


class ApiError(Error):
    """The API answered, and the answer is an error (4xx, 5xx, or a redirect, which is never followed).

    Attributes:
        code: The API's machine-readable code, e.g. ``"invalid_parameter"``, or None.
    """

    @property
    def code(self) -> str | None:
        """The API's machine-readable code, or None."""
        data = None if self.response is None else self.response.data
        code = data.get("code") if isinstance(data, dict) else None
        return code if isinstance(code, str) else None


class AuthenticationError(ApiError):
    """401: the key is missing or wrong."""


class PermissionError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: no such node, session or job."""


class ValidationError(ApiError):
    """422: the API understood the request and refuses its content."""


class RateLimitError(ApiError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """Seconds the API asks to wait, or None when it does not say."""
        return None if self.response is None else self.response.retry_after


class InvalidResponseError(ApiError):
    """A 2xx whose body is not what was asked for.

    It announces JSON that cannot be read; it is HTML, text or nothing where JSON is expected; or it answers a
    creation and names no session (quirk Q19); or it is larger than may be. `outcome_unknown` is True when
    the request was to change something.

    Attributes:
        option: Name of the option whose limit the body is over, ``"max_response_bytes"`` or
            ``"max_json_values"``; None for every other reason.
    """

    def __init__(
        self,
        message: str = "",
        *,
        response: Response[Any] | None = None,
        attempts: int = 0,
        outcome_unknown: bool = False,
        option: str | None = None,
    ) -> None:
        super().__init__(message, response=response, attempts=attempts, outcome_unknown=outcome_unknown)
        self.option = option


class ServerError(ApiError):
    """5xx: the API failed."""

    @property
    def retry_after(self) -> float | None:
        """Seconds the API asks to wait, or None when it does not say."""
        return None if self.response is None else self.response.retry_after


class BadGatewayError(ServerError):
    """502: a proxy in front of the API got no usable answer from it."""


class ServiceUnavailableError(ServerError):
    """503: the API is overloaded or down for maintenance."""


class GatewayTimeoutError(ServerError):
    """504: a proxy in front of the API timed out waiting for it."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
}


def api_error(response: Response[Any], *, method: str, path: str, repeatable: bool = True) -> ApiError:
    """Make the error of an answer that is not 2xx; the status alone decides the class (quirk Q16).

    Args:
        response: The answer, without the key; see `octaspace.key_mask`.
        method: HTTP method, for the message.
        path: Path asked for, for the message.
        repeatable: False for a request that changes something: a 5xx (from a proxy in front, say) or a 408
            does not tell whether it did.
    """
    status = response.status
    unknown = not repeatable and (status >= 500 or status == 408)
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else ApiError)
    if status == 407:
        words = "the proxy on the way asks for a user name and a password, or does not take those it got"
    else:
        words = _redirect_words(response) if 300 <= status < 400 else _api_words(response)
    said = one_line(words)
    look_first = OUTCOME_UNKNOWN_HINT if unknown else ""
    ending = f"{look_first}{request_id_of(response)}"
    message = f"{method} {path}: {status}{': ' + said if said else ''}{ending}"
    return kind(message, response=response, outcome_unknown=unknown)


def request_id_of(response: Response[Any]) -> str:
    """How a message ends: with the id to quote to support, fit for one line, where there is one.

    Args:
        response: The answer, without the key.
    """
    id = response.request_id
    return f" [request id {one_line(id)}]" if id else ""


def _redirect_words(response: Response[Any]) -> str:
    if response.status == 304:
        return (
            "not modified, although nothing was asked for on a condition; a cache on the way may be at fault"
        )
    target = response.headers.get("Location", "").strip(" \t")
    if not target:
        return "redirect not followed: it names no address to go to"
    return f"redirect not followed, because the API key must not travel; it leads to {target}"


def _api_words(response: Response[Any]) -> str:
    """The API's own message, from any of the shapes of quirks Q16 and Q30; never raises."""
    data = response.data
    if data is None:
        return ""
    return api_message(data) if isinstance(data, (dict, str)) else response.text


def api_message(data: object) -> str:
    """The words of an answer that says what went wrong, or an empty text; never raises.

    Args:
        data: The decoded body, or an item of it.
    """
    if not isinstance(data, dict):
        return data if isinstance(data, str) else ""
    found = [_words(data.get(name)) for name in _MESSAGE_FIELDS]
    return ": ".join(dict.fromkeys(text for text in found if text))


def _words(value: object, depth: int = 4) -> str:
    if value is None or isinstance(value, bool) or depth == 0:  # a body nested without end: no RecursionError
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, (_words(item, depth - 1) for item in value)))
    if isinstance(value, dict):
        if isinstance(value.get("message"), str):
            return str(value["message"])
        if isinstance(value.get("msg"), str):  # FastAPI's items: where, and what
            place = value.get("loc")
            where = ".".join(map(str, place)) if isinstance(place, list) else ""
            return f"{where}: {value['msg']}" if where else str(value["msg"])
        return ", ".join(f"{name}: {_words(texts, depth - 1)}" for name, texts in value.items())
    return str(value)


def one_line(text: str) -> str:
    """Make foreign text fit for a message: logs and terminals obey control characters, so none stay.

    Args:
        text: What somebody else wrote.

    Returns:
        One printable line of bounded length.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _EXCERPT_CHARACTERS]).split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[: _EXCERPT_CHARACTERS - 1] + "…"


def _rebuild(kind: type[Error], args: tuple[Any, ...], state: dict[str, Any]) -> Error:
    error = kind(*args)
    error.__dict__.update(state)
    return error
