"""A browser as far as tests of pages need one: cookies, the tokens of forms, and pages as trees."""

from __future__ import annotations

import re
import secrets
from typing import Any

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

__all__ = ["ORIGIN", "Visitor", "text_of"]

ORIGIN = "http://127.0.0.1:3000"

#: A page without API calls, to read the token from.
_QUIET = "/playground/settings"


class Visitor:
    """One browser with its own cookies."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

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
        text = self.get(_QUIET).get_data(as_text=True)  # not parsed as a page: each form needs a token
        found = re.search(r'<meta name="csrf-token" content="([^"<>&]+)"', text)
        assert found is not None, text[:2000]
        return found[1]

    def post(self, url: str, once: str | None = None, **fields: Any) -> TestResponse:
        """Send a form as our pages do; `once` is its one-time token."""
        data = {"csrf_token": self.token(), "once": once or secrets.token_urlsafe(9), **fields}
        return self.client.post(url, data=data, base_url=ORIGIN, buffered=True)

    def follow(self, answer: TestResponse) -> BeautifulSoup:
        """The page a form's answer redirects to."""
        assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
        return self.page(str(answer.headers["Location"]))


def text_of(tag: Tag | BeautifulSoup) -> str:
    """The words of a part of a page, with single spaces between."""
    return tag.get_text(" ", strip=True)
