"""The response to one call: status, headers, decoded data, attempts and duration."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NoReturn, TypeVar

from requests.structures import CaseInsensitiveDict

__all__ = ["Response", "parse_retry_after"]

T_co = TypeVar("T_co", covariant=True)

#: Header fields in which the API and the proxies in front of it send the request id.
_REQUEST_ID_HEADERS = ("X-Request-Id", "Request-Id", "X-Correlation-Id")

#: Python codecs that are not charsets: they raise, or change the text.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})

_MAX_RETRY_AFTER = 2.0**31


class Response(Generic[T_co]):
    """An HTTP response. Immutable: attributes cannot be set, and `headers` cannot be changed.

    `data` is the decoded JSON (integers exact at any size), None for an empty body, and bytes when
    the content type is not JSON.

    Attributes:
        status: HTTP status code.
        headers: Header fields; names are case-insensitive.
        data: Decoded body in the API's own shape.
        body: Body as received, after content decoding; empty for a streamed download.
        url: The URL that responded.
        attempts: Number of attempts to send the request, the last included.
        elapsed: Seconds from the start of the call to the end of the body, waits included.
    """

    __slots__ = ("_cached", "_frozen", "_headers", "attempts", "body", "data", "elapsed", "status", "url")

    status: int
    data: T_co
    body: bytes
    url: str
    attempts: int
    elapsed: float
    _headers: Mapping[str, str]  # as received; names are case-insensitive
    _frozen: _FrozenHeaders | None
    _cached: tuple[float, bool] | None  # age, and whether it is stale

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
        cached: tuple[float, bool] | None = None,
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
        put(self, "_cached", cached)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Response is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Response is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self.status, dict(self.headers), self.data, self.body, self.url, self.attempts, self.elapsed,
            self._cached,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url} {len(self.body)} bytes, attempts={self.attempts}>"

    def with_data(self, data: Any) -> Response[Any]:
        """The same response with other `data`."""
        return self.with_content(headers=self._headers, data=data, body=self.body, url=self.url)

    def with_content(self, *, headers: Mapping[str, str], data: Any, body: bytes, url: str) -> Response[Any]:
        """The same response with other content.

        Args:
            headers: Header fields.
            data: Decoded body.
            body: Body.
            url: URL.
        """
        return Response(
            status=self.status,
            headers=headers,
            data=data,
            body=body,
            url=url,
            attempts=self.attempts,
            elapsed=self.elapsed,
            cached=self._cached,
        )

    @property
    def from_cache(self) -> bool:
        """Whether it comes from the cache of the client; see `Config.cache_ttl`."""
        return self._cached is not None

    @property
    def age(self) -> float:
        """Seconds since the API sent it; 0 unless it comes from the cache."""
        return 0.0 if self._cached is None else self._cached[0]

    @property
    def stale(self) -> bool:
        """Whether it is older than `Config.cache_ttl`, and was returned because the API failed."""
        return self._cached is not None and self._cached[1]

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields; names are case-insensitive, and repeated fields are joined with commas."""
        if self._frozen is None:  # created on first use: most callers read the data only
            object.__setattr__(self, "_frozen", _FrozenHeaders(self._headers))
        return self._frozen  # type: ignore[return-value]

    @property
    def text(self) -> str:
        """The body as text; bytes that are invalid in its charset become U+FFFD."""
        content_type = self.headers.get("Content-Type", "")
        charset = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
        try:
            known = codecs.lookup(charset or "utf-8").name.replace("_", "-") not in _NOT_CHARSETS
            return self.body.decode(charset if charset and known else "utf-8", "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8", "replace")

    @property
    def request_id(self) -> str | None:
        """The API's id of this request, to quote to support."""
        for name in _REQUEST_ID_HEADERS:
            value = self.headers.get(name)
            if value:
                return value
        return None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the API asks to wait, from either form of `Retry-After`."""
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
    """requests' case-insensitive mapping, read-only after construction."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        for name in headers:
            super().__setitem__(name, headers[name])  # a repeated field is joined with commas

    def __setitem__(self, key: str, value: str) -> NoReturn:
        raise TypeError("response headers are immutable")

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError("response headers are immutable")


def parse_retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Convert a `Retry-After` value to seconds.

    Args:
        value: Whole or fractional seconds, or an HTTP date.
        now: The time an HTTP date is compared with; the current time by default.

    Returns:
        Seconds, never negative, at most 2**31, which represents any longer time (RFC 9111, 1.2.2); None if
        the value has neither form.
    """
    value = value.strip(" \t")
    if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return min(float(value), _MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" and asctime dates have no zone; HTTP dates are UTC
        moment = moment.replace(tzinfo=timezone.utc)
    seconds = (moment - (now or datetime.now(timezone.utc))).total_seconds()
    return min(max(0.0, seconds), _MAX_RETRY_AFTER)


def _rebuild(
    status: int,
    headers: dict[str, str],
    data: Any,
    body: bytes,
    url: str,
    attempts: int,
    elapsed: float,
    cached: tuple[float, bool] | None,
) -> Response[Any]:
    return Response(
        status=status, headers=headers, data=data, body=body, url=url, attempts=attempts, elapsed=elapsed,
        cached=cached,
    )  # fmt: skip
