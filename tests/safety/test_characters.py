"""Characters that cannot be encoded or are invisible are replaced in pages, exports, logs and messages.

One lone surrogate in one string of the API made pages fail, and their whole text went into the log.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import octaspace
from flask_octaspace import OctaSpace
from playground.jobs import method_run
from playground.sdk.methods import Method, all_methods
from playground.settings import ProcessSettings
from playground.store import JobLimits, RequestLog, open_database

from ..playground.browsing import Visitor
from ..playground.conftest import MakeApp, redis_server
from ..support.fault_server import FaultServer, answer
from ..support.redis_server import RedisServer
from ..support.waiting import until
from .altered_api import AlteredApi
from .app_routes import rules

__all__ = ["redis_server"]

KEY = "the-key-of-a-guest-4711"

#: Changes made to each string of an answer.
ALTERED: dict[str, Callable[[str], str]] = {
    "in the text": lambda text: f"\u202e{text}\ud800\0\u2028\u2029",
    "surrogates alone": lambda text: "\udfff\ud800",
    "long": lambda text: text + "x" * 5000,
}

#: Ids of the sandbox, and other values of URLs.
_IN_PATHS = {"node_id": "9001", "number": "1", "service": "mr", "kind": "har"}

_SAMPLES = {
    "text": "x",
    "whole": "1",
    "number": "1",
    "id": "9001",
    "switch": "true",
    "list": "1",
    "map": "a=1",
}


@pytest.fixture(params=list(ALTERED))
def api(request: pytest.FixtureRequest) -> Iterator[AlteredApi]:
    # More of such entries would be megabytes, and the same pages.
    most = 6 if request.param == "long" else None
    api = AlteredApi(ALTERED[request.param], most=most)
    yield api
    api.server.close()


@pytest.fixture
def guest(api: AlteredApi, tmp_path: Path, make_app: MakeApp) -> Visitor:
    operator = {"OCTA_API_KEY": KEY, "OCTA_BASE_URL": api.url}
    app = make_app(ProcessSettings.read(operator, tmp_path / "state"))
    app.config["PROPAGATE_EXCEPTIONS"] = False  # errors become pages, as in production
    visitor = Visitor(app)
    visitor.post("/playground/settings/options", max_retries="0")
    return visitor


def sound(answer: TestResponse, url: str) -> str:
    """Check that a response is not an internal error, and return its text."""
    data = answer.get_data()
    if answer.mimetype == "application/octet-stream":
        return ""
    text = data.decode()  # an error when it is not valid UTF-8
    # A log of another shape is reported as such; it is not an internal error.
    of_the_api = answer.status_code == 502 and ("Error: " in text or "could not be read" in text)
    assert answer.status_code < 500 or of_the_api, f"{url}: {text[:300]}"
    if answer.is_json:
        json.dumps(json.loads(text), ensure_ascii=False).encode()  # as a reader of it would
    for name, value in answer.headers:
        assert value.encode("latin-1"), (url, name)
    return text


def crawl(visitor: Visitor, start: list[str]) -> set[str]:
    """Visit every linked page, one per URL pattern; return the forms found."""
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        url = waiting.pop(0)
        shape = re.sub(r"\d+|%[0-9A-F]{2}|[0-9a-f-]{20,}|x{9,}", "N", url)[:120]
        if shape in seen:
            continue
        seen.add(shape)
        text = sound(visitor.get(url), url)
        links = re.findall(r'href="(/playground/[^"#]*)"', text)
        waiting += [link.replace("&amp;", "&") for link in links if "runner?" not in link]
    return seen


@pytest.mark.timeout(300)
def test_every_page_renders_altered_answers(
    guest: Visitor, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    start = ["/playground/idle-jobs?node=69&job=42", "/playground/idle-jobs/log.txt?node=69&job=42"]
    for rule in rules(app, "GET"):
        path = rule.rule
        for name in rule.arguments:
            path = re.sub(rf"<[^<>]*\b{name}>", _IN_PATHS.get(name, "no-such-id"), path)
        start.append(path)
    seen = crawl(guest, start)
    assert len(seen) > 50
    assert not [line for line in caplog.messages if line.startswith("Failure ")]


@pytest.mark.timeout(300)
def test_every_method_shows_altered_answers(
    guest: Visitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_run, "_LIMITS", JobLimits(per_browser=100, total=100, rate=100))
    token = guest.token()
    for method in all_methods():
        answer = guest.client.post(
            "/playground/diagnostics/runner/run",
            data={"csrf_token": token, "method": method.name, "confirmed": "yes", **_filled_in(method)},
            base_url="http://127.0.0.1:3000",
        )
        sound(answer, method.name)
        if answer.status_code == 303:
            run = answer.headers["Location"]
            until(lambda run=run: "data-running" not in sound(guest.get(run), run), within=20)  # type: ignore[misc]
            found = re.search(r"run=([\w-]+)", run)
            assert found is not None
            sound(guest.get(f"/playground/diagnostics/runner/runs/{found[1]}/data.json"), method.name)
    for export in (
        "requests/log.har",
        "requests/log.json",
        "diagnostics/report.md",
        "requests",
        "diagnostics",
    ):
        sound(guest.get(f"/playground/{export}"), export)
    har = json.loads(sound(guest.get("/playground/requests/log.har"), "har"))
    assert len(har["log"]["entries"]) > 10
    for row in range(1, 20):
        sound(guest.get(f"/playground/requests/{row}"), "a call")
    assert not [line for line in caplog.messages if line.startswith("Failure ")]


@pytest.mark.timeout(300)
def test_smoke_suite_and_changes_render_altered_answers(
    guest: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    page = sound(guest.get(guest.post("/playground/diagnostics/smoke").headers["Location"]), "smoke")
    found = re.search(r"/playground/diagnostics/smoke/runs/[\w-]+", page)
    assert found is not None
    until(lambda: json.loads(sound(guest.get(f"{found[0]}/report.json"), "report"))["finished"], within=60)
    forms: dict[str, dict[str, str]] = {
        "account/wallet": {}, "settings/test": {}, "diagnostics/reads": {"line": "nodes.list", "count": "2"},
        "nodes/9001/ident": {}, "nodes/9001/logs": {"steps": "yes"}, "nodes/9001/reboot": {},
        "nodes/9001/prices": {"base": "1"}, "services/vpn/rent": {"node_id": "9301", "subkind": "wg"},
        "services/mr/rent": {"node_id": "9101", "disk_size": "10", "image": "ubuntu", "envs": "TOKEN=typed"},
    }  # fmt: skip
    for path, fields in forms.items():
        answer = guest.post(f"/playground/{path}", **fields)
        sound(answer, path)
        if answer.status_code == 303:
            where = str(answer.headers["Location"])
            sound(guest.get(where), where)
            if "/rent/" in where:
                sent = guest.post(where)
                sound(sent, where)
                sound(guest.get(str(sent.headers["Location"])), "a rental")
    assert not [line for line in caplog.messages if line.startswith("Failure ")]


def _filled_in(method: Method) -> dict[str, str]:
    needed = [part for part in method.fields if part.required]
    return {f"arg-{it.name}": it.choices[0] if it.choices else _SAMPLES[it.kind] for it in needed}


def test_json_and_text_responses_replace_surrogates(app: Flask, visitor: Visitor) -> None:
    app.add_url_rule("/playground/a", view_func=lambda: "text \ud800", endpoint="a")
    app.add_url_rule("/playground/b", view_func=lambda: {"json \udfff": ["\ud800"]}, endpoint="b")
    app.add_url_rule("/playground/c", view_func=lambda: iter(["piece \ud800", "piece"]), endpoint="c")
    app.add_url_rule("/playground/d", view_func=lambda: ("", {"X-Said": "a\ud800é\u2028"}), endpoint="d")
    assert visitor.get("/playground/a").get_data().decode() == "text \ufffd"
    assert json.loads(visitor.get("/playground/b").get_data()) == {"json \ufffd": ["\ufffd"]}
    assert visitor.get("/playground/c").get_data().decode() == "piece \ufffdpiece"
    assert visitor.get("/playground/d").headers["X-Said"] == "a?é?"


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_each_store_accepts_a_lone_surrogate(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: RedisServer | None = request.getfixturevalue("redis_server") if kind == "redis" else None
    database = open_database(tmp_path, None if server is None else server.url)
    calls = RequestLog(database, "somebody")
    row = {
        "at": 1.0, "target": "sandbox", "source": "page", "page": "p", "line": "client.x('\ud800')",
        "method": "GET", "path": "/x\ud800", "status": 200, "error": None, "elapsed": 0.1, "attempts": 1,
        "retries": 0, "failovers": 0, "endpoint": "e", "address": "e",
        "request_id": "id-\udfff", "in_use": None, "cache": None,
        "detail": {"answer": {"\ud800": "\udfff"}},
    }  # fmt: skip
    (number,) = calls.append([row])
    found = calls.find(number)
    assert found is not None
    assert (found.path, found.line, found.request_id) == ("/x\ufffd", "client.x('\ufffd')", "id-\ufffd")
    for wanted in ({"text": "x\ud800"}, {"path": "/x\ud800"}):
        rows, total = calls.latest(5, **wanted)  # type: ignore[arg-type]
        assert (total, [row.id for row in rows]) == (1, [number])
    database.close()


HOSTILE = "no\ud800\udfff\x1b[31m\u202e\u2028\x00\n" + "x" * 400

#: Every shape of an error answer (Q16, Q30), and answers to creations (Q2, Q19).
SHAPES: list[Any] = [
    {"error": HOSTILE}, {"message": HOSTILE, "code": HOSTILE}, {"error": {"message": HOSTILE}},
    {"errors": {HOSTILE: [HOSTILE]}}, {"detail": [{"loc": [HOSTILE], "msg": HOSTILE}]}, [HOSTILE], HOSTILE,
    [{"id": 0, "status": 3, "reason": HOSTILE}], [{"id": 0, "uuid": HOSTILE}], {"uuid": HOSTILE},
    {"title": HOSTILE, HOSTILE: HOSTILE},
]  # fmt: skip


@pytest.mark.parametrize("status", [200, 302, 401, 404, 422, 429, 500, 503])
def test_every_message_and_log_line_of_the_sdk_can_be_encoded(status: int) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    log = logging.Logger("strict")
    log.addHandler(logging.StreamHandler(written))
    said = []
    for shape in SHAPES:
        headers = {"X-Request-Id": "\xff\x85id", "Location": "/\x85\xff", "Retry-After": "0"}
        with (
            FaultServer(after=answer(shape, status=status, headers=headers)) as server,
            octaspace.Client(
                KEY, base_url=server.url, max_retries=0, logger=log, log_level="debug"
            ) as client,
        ):
            calls: list[Callable[[], Any]] = [
                lambda client=client: client.nodes.find(1),  # type: ignore[misc]
                lambda client=client: client.nodes.reboot(1),  # type: ignore[misc]
                lambda client=client: client.services.mr.create(node_id=1, disk_size=1, image="x"),  # type: ignore[misc]
                lambda client=client: client.services.session("u").wait_until_ready(timeout=0.01),  # type: ignore[misc]
                lambda client=client: client.services.mr.search(gpu="x"),  # type: ignore[misc]
            ]
            for call in calls:
                try:
                    call()
                except (octaspace.Error, ValueError, TypeError) as error:
                    said.append(str(error))
    assert len(said) >= len(SHAPES)
    for message in said:
        assert message.isprintable(), ascii(message)
        message.encode()
    written.flush()
    lines = written.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert len(lines.splitlines()) >= len(said)
    assert all(line.isprintable() for line in lines.split("\n"))


def test_terminal_output_can_be_encoded(tmp_path: Path) -> None:
    for shape in SHAPES:
        for status in (200, 404):
            with FaultServer(after=answer(shape, status=status)) as server:
                app = Flask("on_a_terminal")
                OctaSpace(app, api_key=KEY, base_url=server.url, max_retries=0)
                runner = app.test_cli_runner()
                for words in (["octaspace", "call", "nodes.find", "1"], ["octaspace", "check"]):
                    result = runner.invoke(args=words)
                    assert result.exit_code in (0, 1), result.output
                    assert not isinstance(result.exception, UnicodeError)
                    assert all(line.isprintable() for line in result.output.split("\n"))
