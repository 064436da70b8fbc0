"""Every exception that the SDK raises::

    Error
    ├── ConfigurationError                    an option is wrong, or the client is closed
    ├── NetworkError                          no usable HTTP response
    │   ├── ConnectionError                   also a builtin ConnectionError
    │   └── TimeoutError                      also a builtin TimeoutError; .phase names the limit
    ├── ProvisionRejectedError                a rental refused inside a 2xx; .rejections
    ├── RentalLedgerError                     the ledger of rentals cannot be used; .uuid
    ├── LeaseLostError                        a rental was ended from outside; .uuid, .rental_id
    ├── UnexpectedShapeError                  JSON without the expected shape; .type_name, .field, .value
    └── ApiError                              the API answered with an error
        ├── AuthenticationError               401
        ├── PermissionError                   403
        ├── NotFoundError                     404
        ├── ValidationError                   422
        ├── RateLimitError                    429; .retry_after
        ├── InvalidResponseError              a 2xx without the expected body
        └── ServerError                       5xx
            ├── BadGatewayError               502
            ├── ServiceUnavailableError       503
            └── GatewayTimeoutError           504

Three names are also names of builtins, on purpose: ``except builtins.TimeoutError`` catches ours too.
Use them through the module (``octaspace.TimeoutError``) rather than as bare names.
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
    "LeaseLostError",
    "NetworkError",
    "NotFoundError",
    "PermissionError",
    "ProvisionRejectedError",
    "RateLimitError",
    "RentalLedgerError",
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

#: End of the message of an error whose request may have taken effect.
OUTCOME_UNKNOWN_HINT = "; the request may have taken effect: check before retrying"

#: Fields of a response that describe an error (Q2, Q16, Q30), in the order of the message.
_MESSAGE_FIELDS = ("error", "title", "message", "msg", "reason", "detail", "errors")

#: How much of the API's own message goes into ours.
_EXCERPT_CHARACTERS = 300


class Error(Exception):
    """Base of every error of this package.

    Args:
        message: One line that names the request and what went wrong.
        response: The HTTP response, if there was one.
        attempts: Number of attempts to send the request.
        outcome_unknown: Whether the request may have changed something despite the error.

    Attributes:
        status: HTTP status of the response, or None.
        request_id: The API's id of the request, or None.
        response: The `Response`, or None.
        attempts: As above; 0 when there was no attempt.
        outcome_unknown: True when the request changes something and may have taken effect despite this
            error: check before retrying.
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
        # The default calls the class with `args` only and loses the keyword arguments.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(Error):
    """An option cannot be used as given, or the client is closed.

    Attributes:
        option: Name of the invalid option, or None.
    """

    def __init__(self, message: str = "", *, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class NetworkError(Error):
    """No usable HTTP response was received."""


class ConnectionError(NetworkError, builtins.ConnectionError):
    """DNS, connect, TLS or proxy failed, or the connection was lost."""


class TimeoutError(NetworkError, builtins.TimeoutError):
    """A time limit was reached.

    Attributes:
        phase: ``"open"`` (connect and TLS), ``"read"`` (waiting for data), ``"write"`` (sending),
            ``"pool"`` (waiting for a free connection) or ``"total"`` (`Config.total_timeout`, or the
            `timeout` of the method).
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
    """The API answered 2xx and rejected the rental in the body (quirks Q2, Q19).

    The items in `rejections` were not rented. A session that the response also names is in `response.data`
    and in the message.

    Attributes:
        rejections: The rejected items as the API sent them, e.g.
            ``[{"id": 0, "node_id": 9101, "status": 3, "reason": "node is busy"}]``; `id` is the index of the
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


class RentalLedgerError(Error):
    """The ledger of rentals cannot be read or written; see `octaspace.rentals`.

    Before a rental it means that nothing was rented. Later the session may exist: `uuid` names it.

    Attributes:
        uuid: The session that the failed write concerns, or None.
    """

    def __init__(
        self, message: str = "", *, uuid: str | None = None, response: Response[Any] | None = None
    ) -> None:
        super().__init__(message, response=response)
        self.uuid = uuid


class LeaseLostError(Error):
    """A rental was ended by a reaper while its owner used it: its deadline or its lease had passed.

    Attributes:
        uuid: The session, or None.
        rental_id: The id of its entry in the ledger.
    """

    def __init__(self, message: str = "", *, uuid: str | None = None, rental_id: str = "") -> None:
        super().__init__(message)
        self.uuid = uuid
        self.rental_id = rental_id


class UnexpectedShapeError(Error):
    """The JSON of a response does not have the shape that a type or a method needs.

    `from_api` of `octaspace.types` raises it, which gets the JSON only: `response` is None then, and
    `outcome_unknown` False. The response to a change is checked by the method that sends it, which raises
    `InvalidResponseError` with `outcome_unknown`. An invalid argument is a ValueError instead.

    Attributes:
        type_name: Name of the type that cannot be created, e.g. ``"Node"``.
        field: Name of the invalid field; None when it is the payload as a whole.
        value: The invalid value, as text of at most 200 characters. Strings longer than 11 characters are
            shortened in it, so that it never contains a key. None when the value is missing.
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
    """The API answered with an error (4xx, 5xx, or a redirect, which is never followed).

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
    """401: the key is missing or invalid."""


class PermissionError(ApiError):
    """403: the key may not do this."""


class NotFoundError(ApiError):
    """404: no such node, session or job."""


class ValidationError(ApiError):
    """422: the API understood the request and rejects its content."""


class RateLimitError(ApiError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """Seconds the API asks to wait, or None when it does not say."""
        return None if self.response is None else self.response.retry_after


class InvalidResponseError(ApiError):
    """A 2xx without the expected body.

    The body is declared as JSON and cannot be parsed; it is HTML, text or empty where JSON is expected; it
    answers a creation and names no session (quirk Q19); or it exceeds a limit. `outcome_unknown` is True
    when the request changes something.

    Attributes:
        option: Name of the option whose limit the body exceeds, ``"max_response_bytes"`` or
            ``"max_json_values"``; None for any other reason.
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
    """502: a proxy in front of the API got no usable response from it."""


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
    """Create the error of a response that is not 2xx; only the status decides the class (quirk Q16).

    Args:
        response: The response, with the key masked; see `octaspace.key_mask`.
        method: HTTP method, for the message.
        path: Path of the request, for the message.
        repeatable: False for a request that changes something: after a 5xx (e.g. from a proxy) or a 408 it
            is unknown whether it did.
    """
    status = response.status
    unknown = not repeatable and (status >= 500 or status == 408)
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else ApiError)
    if status == 407:
        text = "the proxy requires a user name and a password, or rejects those it was given"
    else:
        text = _redirect_text(response) if 300 <= status < 400 else _api_text(response)
    summary = one_line(text)
    hint = OUTCOME_UNKNOWN_HINT if unknown else ""
    ending = f"{hint}{request_id_of(response)}"
    message = f"{method} {path}: {status}{': ' + summary if summary else ''}{ending}"
    return kind(message, response=response, outcome_unknown=unknown)


def request_id_of(response: Response[Any]) -> str:
    """The end of a message: the request id on one line, to quote to support, or an empty string.

    Args:
        response: The response, with the key masked.
    """
    id = response.request_id
    return f" [request id {one_line(id)}]" if id else ""


def _redirect_text(response: Response[Any]) -> str:
    if response.status == 304:
        return "not modified, although the request was not conditional; a cache on the way may cause this"
    target = response.headers.get("Location", "").strip(" \t")
    if not target:
        return "redirect not followed: it has no Location"
    return f"redirect not followed, because it would forward the API key: {target}"


def _api_text(response: Response[Any]) -> str:
    """The API's own message, from any of the shapes of quirks Q16 and Q30; never raises."""
    data = response.data
    if data is None:
        return ""
    return api_message(data) if isinstance(data, (dict, str)) else response.text


def api_message(data: object) -> str:
    """The error message in a response body, or an empty string; never raises.

    Args:
        data: The decoded body, or an item of it.
    """
    if not isinstance(data, dict):
        return data if isinstance(data, str) else ""
    found = [_collect_text(data.get(name)) for name in _MESSAGE_FIELDS]
    return ": ".join(dict.fromkeys(text for text in found if text))


def _collect_text(value: object, depth: int = 4) -> str:
    if value is None or isinstance(value, bool) or depth == 0:  # avoids RecursionError
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, (_collect_text(item, depth - 1) for item in value)))
    if isinstance(value, dict):
        if isinstance(value.get("message"), str):
            return str(value["message"])
        if isinstance(value.get("msg"), str):  # FastAPI's items: location and message
            place = value.get("loc")
            where = ".".join(map(str, place)) if isinstance(place, list) else ""
            return f"{where}: {value['msg']}" if where else str(value["msg"])
        return ", ".join(f"{name}: {_collect_text(texts, depth - 1)}" for name, texts in value.items())
    return str(value)


def one_line(text: str, *, limit: int = _EXCERPT_CHARACTERS) -> str:
    """Make external text safe for a message: no control characters, which logs and terminals interpret.

    Args:
        text: Text from a server or a library.
        limit: Maximum number of characters.

    Returns:
        One printable line.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _rebuild(kind: type[Error], args: tuple[Any, ...], state: dict[str, Any]) -> Error:
    error = kind(*args)
    error.__dict__.update(state)
    return error
