"""Error pages: an id to find it in the log by, never a traceback."""

from __future__ import annotations

import secrets

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

__all__ = ["init_app"]


def init_app(app: Flask) -> None:
    """Register the pages for refusals, missing pages and failures of our own."""
    app.register_error_handler(CSRFError, _forged)
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
    number = secrets.token_hex(4)
    current_app.logger.error("Failure %s at %s %s", number, request.method, request.path)
    return _page("Something failed in the playground", f"The server's log has it under {number}.", 500), 500


def _page(title: str, text: str, code: int) -> str:
    return render_template("pages/failure.html", title=title, text=text, code=code)
