"""The browser's cookie: a signed, opaque id and the CSRF token, nothing else."""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

__all__ = ["BrowserSessionInterface", "cookie_name"]


def cookie_name(bind: str) -> str:
    """A name of its own per port: cookies ignore ports, and two playgrounds must not share one."""
    port = bind.rpartition(":")[2]
    return f"playground_{port}" if port.isdigit() else "playground"


class BrowserSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, marked Secure when the page came over https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure
