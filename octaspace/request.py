"""What a resource method asks for, and what it asks it of.

`Request` describes one call and nothing else: no URL, no key, no timeouts. `RequestSender` is all that a
resource may know of the transport below it; `BodySink` is where a streamed body goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from urllib.parse import unquote

from .key_mask import KeyMask
from .response import Response
from .safe_repr import safe_repr

__all__ = ["MAX_SECONDS", "BodySink", "ExpectedBody", "Request", "RequestSender"]

#: The longest time limit and the longest wait: 24 days. Sockets and locks count milliseconds in 32 bits.
MAX_SECONDS: Final = 2_147_483

#: Methods that HTTP defines as idempotent. `nodes.reboot` is the exception and says so itself.
REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

_READING_METHODS: Final = frozenset({"GET", "HEAD"})

#: What the body of a 2xx answer must be: a JSON object or list; JSON of any kind, or nothing; or a file, that
#: is anything but a page in HTML.
ExpectedBody = Literal["json", "json or nothing", "file"]

_METHOD: Final = re.compile(r"[A-Z]+")
#: Behind a host name, a path without a slash in front would be another host, which would get the key.
_PATH: Final = re.compile(r"/[!\"$-~]*")


@dataclass(frozen=True, slots=True)
class Request:
    """One call, before anything is known about where it goes.

    Args:
        method: HTTP method in capitals.
        path: Path below the endpoint, with a leading slash, already percent-encoded. It may have a query.
        params: Query parameters as the wire wants them, added to those in the path; see
            `octaspace.resources` for how they are made.
        body: Something JSON can carry, or None for a request without a body.
        repeatable: Whether sending it twice is harmless. None derives it from the method.
        public: True for calls that need no key: they are sent without one.
        expects: What the body of a 2xx answer must be, ``"json"`` (an object or a list),
            ``"json or nothing"`` or ``"file"`` (anything but HTML); what else comes is an
            `octaspace.InvalidResponseError`. None takes whatever comes: `Response.data` is bytes where it is
            not JSON.

    Raises:
        ValueError: The method is no HTTP method in capitals, or the path does not begin with a slash, has a
            fragment, . or .. as a segment, or something in it that must be percent-encoded.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    repeatable: bool | None = None
    public: bool = False
    expects: ExpectedBody | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.method, str) or not _METHOD.fullmatch(self.method):
            raise ValueError(f"method must be an HTTP method in capitals, not {safe_repr(self.method)}")
        if not isinstance(self.path, str) or not _PATH.fullmatch(self.path):
            raise ValueError(
                "path must begin with a slash, be percent-encoded already and have no fragment (#), "
                f"not {safe_repr(self.path)}"
            )
        # Nearly no path has a segment that begins with a dot or with the percent sign of an encoded one.
        if ("/." in self.path or "/%2" in self.path) and _leads_elsewhere(self.path):
            raise ValueError(
                f"path must not contain . or .. segments, which some servers resolve: {safe_repr(self.path)}"
            )
        if self.repeatable is None:
            object.__setattr__(self, "repeatable", self.method in REPEATABLE_METHODS)

    @property
    def is_read(self) -> bool:
        """Whether it only reads: a GET or HEAD that is not said to act, as that of `nodes.reboot` is (Q1)."""
        return self.method in _READING_METHODS and bool(self.repeatable)


def _leads_elsewhere(path: str) -> bool:
    return any(unquote(segment) in (".", "..") for segment in path.partition("?")[0].split("/"))


class BodySink(Protocol):
    """Receives a successful body piece by piece, as it is and without regard to its content type.

    `begin` is called once per attempt that got a 2xx status, so a retried download starts again from
    nothing; `commit` is called once, after the last piece of a complete body, and its result becomes
    `Response.data`; `abort` is called instead when the call fails. `waiting` is called about twice a second
    while the answer is awaited and read and before another try, also when nothing comes; what it raises
    ends the call and closes the connection.

    Attributes:
        in_memory: Whether the body is kept in memory as well, within `Config.max_response_bytes`, and given
            to `commit`.
    """

    @property
    def in_memory(self) -> bool: ...

    def begin(self, total: int | None) -> None: ...

    def write(self, chunk: bytes) -> None: ...

    def waiting(self) -> None: ...

    def commit(self, body: bytes) -> Any: ...

    def abort(self) -> None: ...


class RequestSender(Protocol):
    """The way from a resource to the API and back."""

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """Send one request and return its 2xx response.

        Args:
            request: What to ask for.
            timeout: Seconds for this whole call; the smaller of it and `Config.total_timeout` counts.
            sink: Where to stream a 2xx body instead of keeping it in memory.

        Raises:
            octaspace.Error: Any error of the tree in `octaspace.errors`.
        """
        ...

    @property
    def stand_ins(self) -> Mapping[type, dict[str, Any]]:
        """What was set on resources, in a test as a rule: by the class, and the names of attributes."""
        ...

    def monotonic(self) -> float:
        """Seconds on the clock that deadlines are measured with."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds on the same clock. Closing the client ends the wait."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the client is closed."""
        ...

    @property
    def mask(self) -> KeyMask:
        """Takes the API key out of the answers that messages speak of."""
        ...
