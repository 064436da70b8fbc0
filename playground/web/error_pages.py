"""Error pages: an id to find it in the log by, never a traceback; before the login nothing but the error."""

from __future__ import annotations

import secrets

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from ..store import StoreError, StoreFullError
from .app_log import named
from .login import is_inside

__all__ = ["init_app"]

_PERHAPS_SENT = "What you sent may have been carried out all the same: look before you send it again. "


def init_app(app: Flask) -> None:
    """Register the pages for refusals, missing pages and failures of our own."""
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(StoreFullError, _full_store)
    app.register_error_handler(StoreError, _no_store)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InternalServerError, _failed)


def _forged(error: HTTPException) -> tuple[str, int]:
    text = "The form did not come from a page of this browser, or its cookie is gone. Load the page again."
    return _page("Not sent", text, 400), 400


def _http(error: HTTPException) -> tuple[str, int] | Response:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    titles = {404: "There is no such page", 405: "Not like this", 413: "Too much at once"}
    return _page(titles.get(code, error.name), error.description or "", code), code


def _failed(error: InternalServerError) -> tuple[str, int]:
    if isinstance(error.original_exception, StoreFullError):
        return _full_store(error.original_exception)
    if isinstance(error.original_exception, StoreError):  # raised after the page was made
        return _no_store(error.original_exception)
    number = _logged(named(error.original_exception or error))
    return _page("Something failed in the playground", f"The server's log has it under {number}.", 500), 500


def _no_store(error: StoreError) -> tuple[str, int]:
    number = _logged(named(error))
    text = _PERHAPS_SENT if request.method == "POST" else ""
    text += f"Try again in a moment. The server's log has the reason under {number}."
    return _plain_page("The playground cannot reach its own memory", text, 503), 503


def _full_store(error: StoreFullError) -> tuple[str, int]:
    text = f"{error} Nothing was sent or saved."
    return _plain_page("The playground has no room for it", text, 507), 507


def _logged(what: str) -> str:
    number = secrets.token_hex(4)
    current_app.logger.error("Failure %s at %s %s: %s", number, request.method, request.path, what)
    return number


def _page(title: str, text: str, code: int) -> str:
    try:
        # The frame names the endpoint and the end of the key, which are for those who have logged in.
        if not is_inside():
            return _plain_page(title, text, code)
        return render_template("errors/failure.html", title=title, text=text, code=code)
    except StoreError:
        # The frame of a page shows what is stored of the browser.
        return _plain_page(title, text, code)
    except Exception:
        current_app.logger.exception("The page for %s could not be made either", code)
        return _plain_page(title, text, code)


def _plain_page(title: str, text: str, code: int) -> str:
    """A page without the frame, for who may not see the frame, and for when it cannot be had."""
    return render_template("errors/outage.html", title=title, text=text, code=code)
