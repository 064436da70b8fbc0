"""Error pages with an id and without a traceback; limits of request bodies."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup
from flask import Flask, render_template

from playground import create_app
from playground.settings import ProcessSettings
from playground.store import StoreError, StoreFullError
from playground.store.sqlite import SqliteDatabase
from playground.web import app_log

from ..browsing import ORIGIN, Visitor, text_of

SETTINGS = "/playground/settings"


@pytest.fixture
def app(process: ProcessSettings) -> Iterator[Flask]:
    """The app without TESTING, which would propagate every error, and with pages that fail."""
    app = create_app({"PROCESS": process})

    @app.get("/playground/broken/<path:rest>")
    def broken(rest: str) -> str:
        raise KeyError("a detail for nobody")

    @app.get("/playground/broken-template")
    def broken_template() -> str:
        return render_template("pages/not-there.html")

    @app.post("/playground/full-store")
    def full_store() -> str:
        raise StoreFullError("The store is full.")

    @app.post("/playground/broken-view")
    def broken_view() -> str:
        raise KeyError("a detail for nobody")

    @app.post("/playground/broken-change")
    def broken_change() -> str:
        raise StoreError("the store is gone")

    yield app
    app.extensions["playground"].close()


@pytest.fixture
def broken_store(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: SqliteDatabase) -> None:
        raise StoreError("the file /somewhere/private cannot be used: disk I/O error")

    monkeypatch.setattr(SqliteDatabase, "_take", fail)


def test_internal_error_shows_id_without_traceback(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    answer = visitor.get("/playground/broken/page")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "Traceback" not in text
    assert "KeyError" not in text
    assert "a detail" not in text
    found = re.search(r"under ([0-9a-f]{8})", text)
    assert found is not None
    assert found[1] in caplog.text
    assert f"Failure {found[1]} at GET /playground/broken/page: KeyError" in caplog.messages
    assert answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor.get("/playground/broken-template").status_code == 500


def test_request_path_is_one_escaped_log_line(visitor: Visitor) -> None:
    log = logging.getLogger("playground")
    stream = io.StringIO()
    (ours,) = [handler for handler in log.handlers if isinstance(handler.formatter, app_log.SafeFormatter)]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ours.formatter)
    log.addHandler(handler)
    try:
        visitor.get("/playground/broken/%1b[2JFailure%2000000000%20at%20GET%20/forged%e2%80%ae")
        log.warning("said by the API: %s", "a\x1b]0;title\x07\u202e\nb")
        try:
            raise ValueError("in\x1b[31m a traceback")
        except ValueError:
            log.exception("It failed")
    finally:
        log.removeHandler(handler)
    written = stream.getvalue()
    assert written.isprintable() or set(filter(lambda c: not c.isprintable(), written)) == {"\n"}
    assert len(re.findall(r"^\[.*\] ERROR in error_pages: Failure ", written, re.MULTILINE)) == 1
    assert "\nFailure" not in written
    assert re.search(r"^Traceback \(most recent call last\):\n  File .*\nValueError$", written, re.MULTILINE)
    assert "a traceback" not in written
    (said,) = [line for line in written.splitlines() if "said by the API" in line]
    assert said.endswith("a\ufffd]0;title\ufffd\ufffd\\nb")


def test_store_failure_has_its_own_error_page(
    visitor: Visitor, broken_store: None, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (SETTINGS, "/playground/requests", "/playground/diagnostics/lab"):
        answer = visitor.get(path)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 503, path
        assert "Storage unavailable" in text
        assert "/somewhere/private" not in text
        found = re.search(r"reason under ([0-9a-f]{8})", text)
        assert found is not None
        said = "playground.store.backend.StoreError: the file /somewhere/private"
        assert f"Failure {found[1]} at GET {path}: {said}" in caplog.text
    assert "Traceback" not in caplog.text
    missing = visitor.get("/playground/nothing")
    assert missing.status_code == 404
    assert "Page not found" in missing.get_data(as_text=True)
    healthy = visitor.get("/healthz")
    assert (healthy.status_code, healthy.data) == (200, b"ok\n")
    assert "Set-Cookie" not in healthy.headers


def test_failed_change_warns_that_it_may_have_taken_effect(visitor: Visitor) -> None:
    for path, status in (("broken-change", 503), ("broken-view", 500)):
        answer = visitor.post(f"/playground/{path}")
        assert answer.status_code == status
        assert "may have taken effect" in answer.get_data(as_text=True)
        assert "data-nothing-done" not in answer.get_data(as_text=True)
    assert "may have taken" not in visitor.get("/playground/broken/page").get_data(as_text=True)


def test_error_pages_say_to_scripts_what_happened(visitor: Visitor) -> None:
    """The text, and whether the request is known to have had no effect; see static/js/request.js."""
    full = BeautifulSoup(visitor.post("/playground/full-store").get_data(), "html.parser")
    (text,) = full.select("[data-failure][data-nothing-done]")
    assert text_of(text) == "The store is full. Nothing was sent or saved."
    for path, words in (("nothing", "not found on the server"), ("broken/page", "The server log has")):
        page = BeautifulSoup(visitor.get(f"/playground/{path}").get_data(), "html.parser")
        (text,) = page.select("[data-failure]")
        assert words in text_of(text)


def test_health_check_has_no_session(visitor: Visitor, app: Flask) -> None:
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"ok\n", "text/plain")
    assert "Set-Cookie" not in answer.headers
    assert not (app.extensions["playground"].process.state_dir / "playground.sqlite3").exists()


@pytest.mark.parametrize("name", ["csrf_token", "theme", "something"])
def test_body_size_is_limited(visitor: Visitor, name: str) -> None:
    data = {"csrf_token": visitor.token(), "theme": "dark", name: "x" * 300_000}
    answer = visitor.client.post("/playground/theme", data=data, base_url=ORIGIN)
    assert answer.status_code == 413
    assert "Traceback" not in answer.get_data(as_text=True)


def test_form_parts_and_fields_are_limited(visitor: Visitor) -> None:
    fields = {"csrf_token": visitor.token(), "theme": "dark"}
    many = {**fields, **{f"field-{number}": "x" for number in range(300)}}
    answer = visitor.client.post(
        "/playground/theme", data=many, base_url=ORIGIN, content_type="multipart/form-data"
    )
    assert answer.status_code == 413
    large = {**fields, "file": (io.BytesIO(b"x" * 300_000), "name")}
    answer = visitor.client.post("/playground/theme", data=large, base_url=ORIGIN)
    assert answer.status_code == 413


def test_no_open_redirect(visitor: Visitor) -> None:
    evil = "https://evil.example/playground"
    for field in ("page", "next", "to", "url"):
        answer = visitor.client.post(
            f"/playground/theme?{field}={evil}",
            data={"csrf_token": visitor.token(), "theme": "dark", field: evil},
            base_url=ORIGIN, headers={"Referer": f"{ORIGIN}/playground/nodes"},
        )  # fmt: skip
        assert answer.headers["Location"] == "/playground/dashboard"
    assert visitor.get(f"/?next={evil}").headers["Location"] == "/playground/dashboard"
    assert "evil.example" not in visitor.get("/playground//evil.example").headers.get("Location", "")
