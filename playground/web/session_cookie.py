"""The session cookie. It contains only a signed, opaque id and the CSRF token."""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

__all__ = ["BrowserSessionInterface"]


class BrowserSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, marked Secure when the request uses https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure
