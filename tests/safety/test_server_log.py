"""Logged exceptions: class and stack, without data of requests or pages."""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
import sys
from collections.abc import Iterator

import pytest
from flask import Flask

import octaspace
from playground.store import StoreError
from playground.web.app_log import SafeFormatter, exception_name, exception_text

from ..support.running_playground import ROOT, RunningPlayground
from ..support.waiting import until
from .failing_app import FAILURES, SECRET

#: The exception classes of each failure, the first cause first.
CLASSES = {
    "page": "UnicodeEncodeError", "lookup": "KeyError", "number": "ValueError", "chain": "KeyError",
    "template": "jinja2.exceptions.TemplateSyntaxError", "undefined": "jinja2.exceptions.UndefinedError",
    "form": "werkzeug.exceptions.BadRequestKeyError", "json": "json.decoder.JSONDecodeError",
    "sqlite": "sqlite3.OperationalError", "redis": "redis.exceptions.ResponseError",
}  # fmt: skip


def written(error: BaseException) -> str:
    """The log line of an exception after another handler has cached its text in the record."""
    stream = io.StringIO()
    log = logging.Logger("test")
    plain, safe = logging.StreamHandler(io.StringIO()), logging.StreamHandler(stream)
    safe.setFormatter(SafeFormatter("%(levelname)s %(message)s"))
    log.addHandler(plain)
    log.addHandler(safe)
    log.error("It failed", exc_info=error)
    return stream.getvalue()


def test_table_lists_every_failure() -> None:
    assert set(CLASSES) == set(FAILURES)


@pytest.mark.parametrize("name", list(FAILURES))
def test_exception_log_has_class_and_stack(name: str, app: Flask) -> None:
    with app.app_context(), pytest.raises(Exception) as raised:  # noqa: PT011
        FAILURES[name]()
    text = written(raised.value)
    assert SECRET not in text
    assert re.search(rf"^{re.escape(CLASSES[name])}$", text, re.MULTILINE)
    assert re.search(rf'^  File ".*failing_app\.py", line \d+, in _{name}$', text, re.MULTILINE)
    assert text.startswith("ERROR It failed\nTraceback (most recent call last):\n")


def test_exception_chain_starts_with_the_first_cause() -> None:
    with pytest.raises(ValueError, match=SECRET) as raised:
        FAILURES["chain"]()
    lines = exception_text(raised.value).splitlines()
    assert [line for line in lines if not line.startswith("  File ")] == [
        "Traceback (most recent call last):", "KeyError", "which led to:",
        "Traceback (most recent call last):", "ValueError",
    ]  # fmt: skip


def test_cyclic_chains_and_recursions_are_bounded() -> None:
    first, second = KeyError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert exception_text(first).count("Traceback") == 2

    def without_end() -> None:
        without_end()

    with pytest.raises(RecursionError) as raised:
        without_end()
    text = exception_text(raised.value)
    assert len(text.splitlines()) < 80
    assert "frames are left out" in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of exceptions came with Python 3.11")
def test_exception_group_is_logged_with_its_members() -> None:
    group = ExceptionGroup(SECRET, [KeyError(SECRET), StoreError("the file is gone")])  # type: ignore[name-defined]  # noqa: F821
    text = exception_text(group)
    assert SECRET not in text
    assert re.findall(r"^[\w.]+(?:Error|Group)\b.*", text, re.MULTILINE) == [
        "ExceptionGroup", "KeyError", "playground.store.backend.StoreError: the file is gone",
    ]  # fmt: skip


def test_safe_messages_are_kept() -> None:
    assert exception_name(octaspace.NotFoundError("GET /nodes/1: 404\x1b[2J\u202e\ud800\nnext")) == (
        "octaspace.errors.NotFoundError: GET /nodes/1: 404\ufffd[2J\ufffd\ufffd\\nnext"
    )
    assert (
        exception_name(StoreError("Redis: MISCONF")) == "playground.store.backend.StoreError: Redis: MISCONF"
    )
    assert exception_name(KeyError(SECRET)) == "KeyError"


def test_logging_failure_shows_no_arguments(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    (ours,) = [
        handler
        for handler in logging.getLogger("playground").handlers
        if isinstance(handler.formatter, SafeFormatter)
    ]
    ours.handle(logging.LogRecord("playground", logging.ERROR, __file__, 1, "%d", (SECRET,), None))
    said = capsys.readouterr().err
    assert said == "A line of test_server_log could not be logged: TypeError\n"


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlayground]:
    folder = tmp_path_factory.mktemp("failing")
    environment = {"PYTHONPATH": str(ROOT)}
    app = "tests.safety.failing_app:make()"
    with RunningPlayground(folder, workers=1, environment=environment, app=app) as running:
        yield running


@pytest.mark.gunicorn
@pytest.mark.parametrize("place", ["view", "after", "teardown", "answer", "job", "thread"])
def test_gunicorn_log_has_no_data_of_requests(failing: RunningPlayground, place: str) -> None:
    for name in FAILURES:
        if (place, name) == ("view", "form"):
            continue  # a missing field is a 400 and not logged
        before = len(failing.log())
        connection = http.client.HTTPConnection(failing.url.removeprefix("http://"), timeout=20)
        connection.request("GET", f"/playground/fail/{place}/{name}?q={SECRET}", headers={"X-Secret": SECRET})
        try:
            answer = connection.getresponse()
            answer.read()
        except (http.client.HTTPException, ConnectionError):
            assert place in ("answer", "teardown")  # the connection ends there
        else:
            assert answer.status == {"view": 500, "after": 500}.get(place, answer.status)
        finally:
            connection.close()
        kind = re.escape(CLASSES[name])
        until(lambda: re.search(rf"^{kind}$", failing.log()[before:], re.MULTILINE), within=10)  # noqa: B023
        text = failing.log()[before:]
        assert re.search(rf'^  File ".*failing_app\.py", line \d+, in _{name}$', text, re.MULTILINE)
    assert SECRET not in failing.log()


@pytest.mark.gunicorn
@pytest.mark.parametrize(
    "head",
    [
        f"GET /?{SECRET} FTP/9\r\n\r\n", f"{SECRET}\r\n\r\n", f"GET / HTTP/1.1\r\nBad {SECRET}: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nX: {SECRET}\0\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
        f"GET /{'x' * 9000}{SECRET} HTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
def test_malformed_request_is_not_logged(failing: RunningPlayground, head: str) -> None:
    before = len(failing.log())
    host, _, port = failing.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as plain:
        plain.sendall(head.encode("latin-1"))
        assert re.match(rb"HTTP/1\.1 [45]", plain.recv(65536))
    until(lambda: "\n" in failing.log()[before:], within=10)
    assert SECRET not in failing.log()
