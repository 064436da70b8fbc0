"""Error pages: with an id that is in the log, without a traceback; before the login without the layout."""

from __future__ import annotations

import secrets

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from ..store import StoreError, StoreFullError
from .app_log import exception_name
from .login import is_logged_in

__all__ = ["init_app"]

_OUTCOME_UNKNOWN = "The request may have taken effect; check before sending it again. "


def init_app(app: Flask) -> None:
    """Register the pages for refusals, missing pages and internal errors."""
    app.register_error_handler(CSRFError, _csrf_failed)
    app.register_error_handler(StoreFullError, _store_full)
    app.register_error_handler(StoreError, _store_unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InternalServerError, _failed)


def _csrf_failed(error: HTTPException) -> tuple[str, int]:
    cookie = current_app.config["SESSION_COOKIE_NAME"]
    reason = str(error.description)
    if cookie not in request.cookies:
        reason += f" The browser sent no cookie with the name {cookie}."
    current_app.logger.warning("Refused %s %s: %s", request.method, request.path, reason)
    text = "The form did not come from a page of this browser, or its cookie is missing. Reload the page."
    if "referrer" in reason:
        text = (
            "The form did not come from a page of this address, by its Referer header. For the operator: "
            "a proxy must pass on the headers Referer and Host (nginx: proxy_set_header Host $http_host)."
        )
    return _page("Not sent", text, 400), 400


def _http(error: HTTPException) -> tuple[str, int] | Response:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    titles = {404: "Page not found", 405: "Method not allowed", 413: "Request too large"}
    return _page(titles.get(code, error.name), error.description or "", code), code


def _failed(error: InternalServerError) -> tuple[str, int]:
    if isinstance(error.original_exception, StoreFullError):
        return _store_full(error.original_exception)
    if isinstance(error.original_exception, StoreError):  # raised after the view
        return _store_unavailable(error.original_exception)
    number = _log_failure(exception_name(error.original_exception or error))
    return _page("Internal error", f"The server log has the details under {number}.", 500), 500


def _store_unavailable(error: StoreError) -> tuple[str, int]:
    number = _log_failure(exception_name(error))
    text = _OUTCOME_UNKNOWN if request.method == "POST" else ""
    text += error.advice or "Try again in a moment."
    text += f" The server log has the reason under {number}."
    return _plain_page("Storage unavailable", text, 503), 503


def _store_full(error: StoreFullError) -> tuple[str, int]:
    text = f"{error} Nothing was sent or saved."
    return _plain_page("Storage full", text, 507), 507


def _log_failure(what: str) -> str:
    number = secrets.token_hex(4)
    current_app.logger.error("Failure %s at %s %s: %s", number, request.method, request.path, what)
    return number


def _page(title: str, text: str, code: int) -> str:
    try:
        # The layout shows the endpoint and the end of the key, which require a login.
        if not is_logged_in():
            return _plain_page(title, text, code)
        return render_template("errors/failure.html", title=title, text=text, code=code)
    except StoreError:
        # The layout shows stored state of the browser.
        return _plain_page(title, text, code)
    except Exception:
        current_app.logger.exception("The error page for %s could not be rendered", code)
        return _plain_page(title, text, code)


def _plain_page(title: str, text: str, code: int) -> str:
    """A page without the layout: before the login, and when the layout cannot be rendered."""
    return render_template("errors/outage.html", title=title, text=text, code=code)
