"""Requests, and the protocols between resources and the transport.

`Request` describes one call only: no URL, no key, no timeouts. `RequestSender` is the interface of the
transport that resources use; `BodySink` receives a streamed body.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from urllib.parse import unquote

from .key_mask import KeyMask
from .rentals.ledger import RentalLedger
from .response import Response
from .safe_repr import safe_repr

__all__ = ["MAX_SECONDS", "BodySink", "ExpectedBody", "Request", "RequestSender", "ResponseCheck"]

#: Maximum of every time limit and wait: 24 days. Sockets and locks count milliseconds in 32 bits.
MAX_SECONDS: Final = 2_147_483

#: Methods that HTTP defines as idempotent. `nodes.reboot`, the exception, sets `repeatable` itself.
REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

#: The only answers that may be cached: they show neither money nor sessions.
_MARKET: Final = frozenset({"/apps", "/network", "/services/mr", "/services/render", "/services/vpn"})

_READING_METHODS: Final = frozenset({"GET", "HEAD"})

#: What the body of a 2xx response must be: a JSON object or list; any JSON, or empty; or a file, which is
#: anything but HTML.
ExpectedBody = Literal["json", "json or nothing", "file"]

_METHOD: Final = re.compile(r"[A-Z]+")
#: A path without a leading slash, appended to a host name, would form another host, which would get the key.
_PATH: Final = re.compile(r"/[!\"$-~]*")


#: Examines a 2xx response beyond `ExpectedBody`, and raises an `octaspace.Error` if it reports a failure.
ResponseCheck = Callable[[Response[Any], "Request", KeyMask], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One call, independent of the endpoint it is sent to.

    Args:
        method: HTTP method in capitals.
        path: Path below the endpoint, with a leading slash, already percent-encoded. It may have a query.
        params: Query parameters as strings, added to those in the path; see `octaspace.resources` for how
            they are created.
        body: A value that JSON can represent, or None for a request without a body.
        repeatable: Whether sending it twice is harmless. None derives it from the method.
        public: True for calls that need no key: they are sent without one.
        expects: What the body of a 2xx response must be, ``"json"`` (an object or a list),
            ``"json or nothing"`` or ``"file"`` (anything but HTML); anything else raises
            `octaspace.InvalidResponseError`. None accepts any body: `Response.data` is bytes if it is not
            JSON.
        operation: Name of the resource method, as in ``nodes.find``, for observers; it contains no id. None
            for a request that is sent with `Client.send`.
        cacheable: Whether the answer may come from the cache, if `Config.cache_ttl` is set. Only for reads
            of the market, which show neither money nor sessions.
        check: Called with a 2xx response, the request and the mask for the key; what it raises is the error
            of the call.

    Raises:
        ValueError: The method is not an HTTP method in capitals, or the path does not begin with a slash, has
            a fragment, a . or .. segment, or a character that must be percent-encoded; or it is cacheable and
            not a read of the market.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    repeatable: bool | None = None
    public: bool = False
    expects: ExpectedBody | None = None
    operation: str | None = None
    cacheable: bool = False
    check: ResponseCheck | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.method, str) or not _METHOD.fullmatch(self.method):
            raise ValueError(f"method must be an HTTP method in capitals, not {safe_repr(self.method)}")
        if not isinstance(self.path, str) or not _PATH.fullmatch(self.path):
            raise ValueError(
                "path must begin with a slash, be percent-encoded already and have no fragment (#), "
                f"not {safe_repr(self.path)}"
            )
        # Quick check first: few paths have a segment that begins with a dot or an encoded dot.
        if ("/." in self.path or "/%2" in self.path) and _has_dot_segments(self.path):
            raise ValueError(
                f"path must not contain . or .. segments, which some servers resolve: {safe_repr(self.path)}"
            )
        if self.repeatable is None:
            object.__setattr__(self, "repeatable", self.method in REPEATABLE_METHODS)
        if self.cacheable and not (self.is_read and self.path.partition("?")[0] in _MARKET):
            raise ValueError(
                f"{self.method} {safe_repr(self.path)} must not be cacheable: only reads of the market are "
                f"({', '.join(sorted(_MARKET))})"
            )

    @property
    def is_read(self) -> bool:
        """Whether it only reads: a GET or HEAD, unless `repeatable` is False as in `nodes.reboot` (Q1)."""
        return self.method in _READING_METHODS and bool(self.repeatable)


def _has_dot_segments(path: str) -> bool:
    return any(unquote(segment) in (".", "..") for segment in path.partition("?")[0].split("/"))


class BodySink(Protocol):
    """Receives a 2xx body in chunks, unchanged and regardless of its content type.

    `begin` is called once per attempt with a 2xx status, so a retried download starts from the beginning;
    `commit` is called once, after the last chunk of a complete body, and its result becomes `Response.data`;
    `abort` is called instead when the call fails. `waiting` is called about twice a second while the call
    waits for the response, reads it, or waits before a retry, also when no data arrives; an exception it
    raises ends the call and closes the connection.

    Attributes:
        in_memory: Whether the body is also kept in memory, within `Config.max_response_bytes`, and passed to
            `commit`.
    """

    @property
    def in_memory(self) -> bool: ...

    def begin(self, total: int | None) -> None: ...

    def write(self, chunk: bytes) -> None: ...

    def waiting(self) -> None: ...

    def commit(self, body: bytes) -> Any: ...

    def abort(self) -> None: ...


class RequestSender(Protocol):
    """Sends the requests of resources to the API."""

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """Send one request and return its 2xx response.

        Args:
            request: The request.
            timeout: Seconds for this whole call; the smaller of it and `Config.total_timeout` applies.
            sink: Where to stream a 2xx body instead of keeping it in memory.

        Raises:
            octaspace.Error: Any error of the tree in `octaspace.errors`.
        """
        ...

    @property
    def overrides(self) -> Mapping[type, dict[str, Any]]:
        """Attributes set on resources, usually by tests: by resource class, then by attribute name."""
        ...

    def monotonic(self) -> float:
        """Seconds on the clock that deadlines are measured with."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds on the same clock; closing the client ends the wait."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the client is closed."""
        ...

    @property
    def mask(self) -> KeyMask:
        """Masks the API key in responses that error messages quote."""
        ...

    @property
    def rental_ledger(self) -> RentalLedger | None:
        """Where rentals are recorded; None if they are not."""
        ...

    @property
    def account(self) -> str:
        """The fingerprint of the API key, for the ledger."""
        ...

    @property
    def log(self) -> logging.Logger:
        """The client's logger."""
        ...
