"""The browser's cookie: a signed, opaque id and the CSRF token, nothing else."""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

__all__ = ["BrowserSessionInterface"]


class BrowserSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, marked Secure when the page came over https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure
