"""The playground with routes that fail in different places, for a real Gunicorn."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator

import redis
from flask import Flask, Response, g, request
from jinja2 import Environment, StrictUndefined
from werkzeug.datastructures import MultiDict

from playground import create_app
from playground.app_state import current_app_state
from playground.jobs.background import begin
from playground.store import JobLimits

__all__ = ["FAILURES", "SECRET", "make"]

#: Must not be in the log; it stands for data of a page, a form or an answer.
SECRET = "typed-in-a-form-4711"


def _page() -> None:
    f"<html>{SECRET}\ud800</html>".encode()


def _lookup() -> None:
    {}[SECRET]  # type: ignore[index]


def _number() -> None:
    int(SECRET)


def _chain() -> None:
    try:
        _lookup()
    except KeyError as error:
        raise ValueError(f"{SECRET}: {error}") from error


def _template() -> None:
    Environment(autoescape=True).from_string("{% for x in '" + SECRET + "' %}")


def _undefined() -> None:
    Environment(autoescape=True, undefined=StrictUndefined).from_string("{{ x[y] }}").render(x={}, y=SECRET)


def _form() -> None:
    MultiDict()[SECRET]


def _json() -> None:
    json.loads(f'{{"a": {SECRET}')


def _sqlite() -> None:
    with sqlite3.connect(":memory:") as connection:
        try:
            connection.execute(f"SELECT '{SECRET}' FROM {SECRET.replace('-', '_')}", ())
        finally:
            connection.rollback()


def _redis() -> None:
    raise redis.ResponseError(f"unknown command 'X', with args beginning with: '{SECRET}'")


FAILURES: dict[str, Callable[[], None]] = {
    name.removeprefix("_"): function
    for name, function in {
        "_page": _page, "_lookup": _lookup, "_number": _number, "_chain": _chain, "_template": _template,
        "_undefined": _undefined, "_form": _form, "_json": _json, "_sqlite": _sqlite, "_redis": _redis,
    }.items()
}  # fmt: skip


def make() -> Flask:
    """Create the app."""
    app = create_app()
    app.config["TRAP_BAD_REQUEST_ERRORS"] = True  # a missing field of a form is a failure, not an answer

    @app.get("/playground/fail/view/<name>")
    def in_a_view(name: str) -> str:
        FAILURES[name]()
        return ""

    @app.get("/playground/fail/after/<name>")
    def after_the_request(name: str) -> str:
        g.fails = name
        return ""

    @app.get("/playground/fail/teardown/<name>")
    def in_teardown(name: str) -> str:
        g.fails_late = name
        return ""

    @app.get("/playground/fail/answer/<name>")
    def in_the_answer(name: str) -> Response:
        def pieces() -> Iterator[bytes]:
            yield b"begun"
            FAILURES[name]()

        return Response(pieces())

    @app.get("/playground/fail/job/<name>")
    def in_a_job(name: str) -> str:
        limits = JobLimits(per_browser=99, total=99, rate=99)
        begin(current_app_state().database, "me", "test", {}, limits, lambda progress: FAILURES[name]())
        return ""

    @app.get("/playground/fail/thread/<name>")
    def in_a_thread(name: str) -> str:
        threading.Thread(target=FAILURES[name]).start()
        return ""

    @app.after_request
    def fail(response: Response) -> Response:
        if "fails" in g and request.endpoint == "after_the_request":
            FAILURES[g.pop("fails")]()
        return response

    @app.teardown_request
    def fail_late(_: BaseException | None) -> None:
        if "fails_late" in g:
            FAILURES[g.pop("fails_late")]()

    return app
