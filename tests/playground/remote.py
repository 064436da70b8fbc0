"""A browser over real sockets, for tests with several workers."""

from __future__ import annotations

import os

import requests
from bs4 import BeautifulSoup, Tag

__all__ = ["Remote"]


class Remote:
    """A browser over real sockets; a new connection for each request, so that it meets every worker."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"

    def get(self, path: str) -> requests.Response:
        """Whatever is there."""
        return self._session.get(self._url + path, timeout=30)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text[:500]
        return BeautifulSoup(answer.text, "html.parser")

    def submit(self, form: Tag, **typed: str) -> BeautifulSoup:
        """Send a form of a page with what is typed into it; the page it leads to, or is answered with."""
        fields = [
            (str(field["name"]), str(field.get("value", "")))
            for field in form.select("input[name]")
            if field.get("type") not in ("radio", "checkbox") and field["name"] not in typed
        ]
        data = [*fields, *typed.items()]
        answer = self._session.post(self._url + str(form["action"]), data=data, timeout=30)
        assert answer.status_code in (200, 422), answer.text[:500]
        return BeautifulSoup(answer.text, "html.parser")

    def token(self) -> str:
        """This browser's, against forged forms."""
        return str(self.page("/playground/settings").select("meta[name=csrf-token]")[0]["content"])

    def post(self, path: str, **fields: str) -> str:
        """Send a form as our pages do; return the target of its redirect."""
        return self.send(path, **{"csrf_token": self.token(), "once": os.urandom(6).hex(), **fields})

    def send(self, path: str, **fields: str) -> str:
        """Send these fields alone."""
        answer = self._session.post(self._url + path, data=fields, timeout=30, allow_redirects=False)
        assert answer.status_code == 303, answer.text[:500]
        return str(answer.headers["Location"])

    def refused(self, path: str, **fields: str) -> None:
        """Send these fields to what must not take them."""
        answer = self._session.post(self._url + path, data=fields, timeout=30, allow_redirects=False)
        assert 400 <= answer.status_code < 500, answer.status_code

    def close(self) -> None:
        self._session.close()
