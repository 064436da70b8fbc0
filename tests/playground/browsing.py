"""A browser as far as tests of pages need one: cookies, the tokens of forms, and pages as trees."""

from __future__ import annotations

import re
import secrets
from typing import Any

from bs4 import BeautifulSoup, Tag
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.test import TestResponse

__all__ = ["ORIGIN", "Visitor", "looks", "text_of"]

_HOST = "127.0.0.1"
ORIGIN = f"http://{_HOST}:3000"

#: A page without API calls, to read the token from.
_QUIET = "/playground/settings"


class Visitor:
    """One browser with its own cookies."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        #: What the session held when it was issued, and the token.
        self._token: tuple[str, str] | None = None

    def get(self, url: str, **options: Any) -> TestResponse:
        options.setdefault("base_url", ORIGIN)
        options.setdefault("buffered", True)
        return self.client.get(url, **options)

    def page(self, url: str) -> BeautifulSoup:
        """A page that must be there, parsed."""
        answer = self.get(url)
        assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
        return BeautifulSoup(answer.get_data(), "html.parser")

    def panel(self, url: str, name: str) -> Tag:
        found = self.page(url).find(attrs={"data-panel": name})
        assert isinstance(found, Tag)
        return found

    def token(self) -> str:
        """The token of forms; a page is requested for it once a session, not for each form."""
        if self._token is not None and self._token[0] == self.session().get("csrf_token"):
            return self._token[1]
        text = self.get(_QUIET).get_data(as_text=True)  # not parsed as a page: each form needs a token
        found = re.search(r'<meta name="csrf-token" content="([^"<>&]+)"', text)
        assert found is not None, text[:2000]
        self._token = (self.session()["csrf_token"], found[1])
        return found[1]

    def post(self, url: str, once: str | None = None, **fields: Any) -> TestResponse:
        """Send a form as our pages do; `once` is its one-time token."""
        data = {"csrf_token": self.token(), "once": once or secrets.token_urlsafe(9), **fields}
        return self.client.post(url, data=data, base_url=ORIGIN, buffered=True)

    def session(self) -> dict[str, Any]:
        """The content of its session cookie.

        Not by `session_transaction`: that of Flask 2.3.0 does not know every Werkzeug it is installed with.
        """
        cookie = self.client.get_cookie(self._session_cookie(), domain=_HOST)
        return {} if cookie is None else dict(self._signer().loads(cookie.value))

    def save_session(self, content: dict[str, Any]) -> None:
        """Set the session cookie, signed as the app signs it."""
        self.client.set_cookie(self._session_cookie(), str(self._signer().dumps(content)), domain=_HOST)

    def _session_cookie(self) -> str:
        app = self.client.application
        return app.session_interface.get_cookie_name(app)

    def _signer(self) -> Any:
        return SecureCookieSessionInterface().get_signing_serializer(self.client.application)

    def follow(self, answer: TestResponse) -> BeautifulSoup:
        """The page a form's answer redirects to."""
        assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
        return self.page(str(answer.headers["Location"]))


def text_of(tag: Tag | BeautifulSoup) -> str:
    """The words of a part of a page, with single spaces between."""
    return tag.get_text(" ", strip=True)


def looks(badge: Tag) -> tuple[str, str, str]:
    """How a state is shown: the classes of its badge and of its icon, and its text."""
    return " ".join(badge["class"]), " ".join(badge.select("i")[0]["class"]), text_of(badge)
