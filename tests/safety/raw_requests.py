"""Requests with arbitrary bytes in path, query and form, valid or not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

__all__ = ["Answer", "RawBrowser"]

_ORIGIN = "http://127.0.0.1:3000"
_QUIET = "/playground/settings"


@dataclass(frozen=True)
class Answer:
    """A response.

    Attributes:
        status: HTTP status.
        headers: Header fields in lower case.
        body: The body.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class RawBrowser:
    """A browser with a cookie and a form token, without the checks of a test client."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._cookie = ""
        first = self.send("GET", _QUIET)
        self._cookie = first.headers["set-cookie"].partition(";")[0]
        found = re.search(rb'name="csrf-token" content="([^"]+)"', self.send("GET", _QUIET).body)
        assert found is not None
        self.token = found[1]

    def send(
        self, method: str, path: str, query: str = "", fields: Iterable[tuple[bytes, bytes]] = ()
    ) -> Answer:
        """Send a request.

        Args:
            method: HTTP method.
            path: The path, percent-encoded.
            query: The query, percent-encoded.
            fields: What a form holds; the token of the form is added.
        """
        headers = {"Cookie": self._cookie, "Origin": _ORIGIN} if self._cookie else {}
        body = b""
        if method == "POST":
            both = [(b"csrf_token", self.token), *fields]
            body = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in both).encode()
        environ = create_environ(
            "/", _ORIGIN, method=method, headers=headers, data=body or None,
            content_type="application/x-www-form-urlencoded" if method == "POST" else None,
        )  # fmt: skip
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
        environ["QUERY_STRING"] = query
        environ["REQUEST_URI"] = environ["RAW_URI"] = f"{path}?{query}"
        pieces, status, sent = run_wsgi_app(self._app, environ)
        try:
            content = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        return Answer(int(status[:3]), {name.lower(): value for name, value in sent}, content)


@lru_cache(maxsize=100)
def _quoted(data: bytes) -> str:
    return quote_from_bytes(data, safe="")
