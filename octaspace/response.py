"""The answer to one call: status, headers, decoded data and what the trip cost."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NoReturn, TypeVar

from requests.structures import CaseInsensitiveDict

__all__ = ["Response", "parse_retry_after"]

T_co = TypeVar("T_co", covariant=True)

#: Names under which the API and the proxies in front of it send the id that support asks for.
_REQUEST_ID_HEADERS = ("X-Request-Id", "Request-Id", "X-Correlation-Id")

#: Codecs of Python that are no charset: they refuse, or make something else of a text.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})

_LONGEST_RETRY_AFTER = 2.0**31


class Response(Generic[T_co]):
    """An HTTP answer. Immutable: attributes cannot be set, and `headers` cannot be changed.

    `data` is the decoded JSON (integers exact at any size), None for an empty body, and bytes when
    the content type says that the body is not JSON.

    Attributes:
        status: HTTP status code.
        headers: Header fields, looked up in any case.
        data: Decoded body in the API's own shape.
        body: Body as received, after content decoding; empty for a streamed download.
        url: The URL that answered.
        attempts: How many times the request was sent, or tried to be, for this answer.
        elapsed: Seconds from the start of the call to the end of the body, waits included.
    """

    __slots__ = ("_frozen", "_headers", "attempts", "body", "data", "elapsed", "status", "url")

    status: int
    data: T_co
    body: bytes
    url: str
    attempts: int
    elapsed: float
    _headers: Mapping[str, str]  # as they came; looked up in any case
    _frozen: _FrozenHeaders | None

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str],
        data: T_co,
        body: bytes = b"",
        url: str = "",
        attempts: int = 1,
        elapsed: float = 0.0,
    ) -> None:
        put = object.__setattr__
        put(self, "status", status)
        put(self, "_headers", headers.copy() if type(headers) is dict else headers)
        put(self, "_frozen", None)
        put(self, "data", data)
        put(self, "body", body)
        put(self, "url", url)
        put(self, "attempts", attempts)
        put(self, "elapsed", elapsed)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Response is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Response is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self.status, dict(self.headers), self.data, self.body, self.url, self.attempts, self.elapsed,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url} {len(self.body)} bytes, attempts={self.attempts}>"

    def with_data(self, data: Any) -> Response[Any]:
        """The same answer with other `data`."""
        return Response(
            status=self.status,
            headers=self._headers,
            data=data,
            body=self.body,
            url=self.url,
            attempts=self.attempts,
            elapsed=self.elapsed,
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, looked up in any case; those that came several times are joined with commas."""
        if self._frozen is None:  # made when somebody looks: most calls are for the data
            object.__setattr__(self, "_frozen", _FrozenHeaders(self._headers))
        return self._frozen  # type: ignore[return-value]

    @property
    def text(self) -> str:
        """The body as text; bytes that are not valid in its charset become U+FFFD."""
        content_type = self.headers.get("Content-Type", "")
        charset = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
        try:
            known = codecs.lookup(charset or "utf-8").name.replace("_", "-") not in _NO_CHARSETS
            return self.body.decode(charset if charset and known else "utf-8", "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8", "replace")

    @property
    def request_id(self) -> str | None:
        """The API's id for this request, to quote to support."""
        for name in _REQUEST_ID_HEADERS:
            value = self.headers.get(name)
            if value:
                return value
        return None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the API asks to wait, from `Retry-After` in either of its forms."""
        value = self.headers.get("Retry-After")
        return None if value is None else parse_retry_after(value)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def client_error(self) -> bool:
        """Whether the status is 4xx."""
        return 400 <= self.status < 500

    @property
    def server_error(self) -> bool:
        """Whether the status is 5xx."""
        return 500 <= self.status < 600


class _FrozenHeaders(CaseInsensitiveDict[str]):
    """requests' case-insensitive mapping, closed after construction."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        for name in headers:
            super().__setitem__(name, headers[name])  # one that came several times is joined with commas

    def __setitem__(self, key: str, value: str) -> NoReturn:
        raise TypeError("response headers are immutable")

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError("response headers are immutable")


def parse_retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Turn a `Retry-After` value into seconds.

    Args:
        value: Whole or fractional seconds, or an HTTP date.
        now: The moment an HTTP date is compared with; the present by default.

    Returns:
        Seconds, never negative, and at most 2**31, which stands for all that is longer (RFC 9111, 1.2.2);
        None when the value is neither form.
    """
    value = value.strip(" \t")
    if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" and asctime dates carry no zone; HTTP dates are UTC
        moment = moment.replace(tzinfo=timezone.utc)
    seconds = (moment - (now or datetime.now(timezone.utc))).total_seconds()
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER)


def _rebuild(
    status: int, headers: dict[str, str], data: Any, body: bytes, url: str, attempts: int, elapsed: float
) -> Response[Any]:
    return Response(
        status=status, headers=headers, data=data, body=body, url=url, attempts=attempts, elapsed=elapsed
    )
