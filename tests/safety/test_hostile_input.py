"""Hostile values in every path parameter, query and form field of the app.

The addresses come out of the app's map and the fields out of its pages and views, so a new page is tried as
well. There must be no internal error, and no redirect to a URL that cannot be requested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from urllib.parse import quote, quote_from_bytes

import pytest
from flask import Flask

from playground.jobs import method_run
from playground.sdk.methods import Method, all_methods
from playground.settings import ProcessSettings
from playground.store import JobLimits, RequestLog
from playground.web.responses import MAX_ADDRESS

from ..playground.conftest import MakeApp
from ..support.fault_server import FaultServer, answer
from .app_routes import Form, address, endpoint_of, form_of, forms_of, query_names, rules
from .raw_requests import Answer, RawBrowser

#: Values as bytes; percent-encoded in URLs.
VALUES = {
    "23 digits": b"9" * 23, "400 digits": b"9" * 400, "5000 digits": b"9" * 5000, "negative": b"-1",
    "a fraction": b"1.5", "no number": b"NaN", "endless": b"-inf", "beyond a float": b"1e999", "empty": b"",
    "10 kB": b"x" * 10_000, "a surrogate": b"\xed\xa0\x80", "no UTF-8": b"\xff\xfe", "nul": b"\0",
    "a name of Python's": b'{"self": 1, "args": 2, "kwargs": 3, "path": 4}', "deep": b"[" * 10_000,
    "other digits": "²٣".encode(), "a surrogate in JSON": b'{"\\ud800": "\\ud800"}',
    "60,000 ports": b",".join([b"1"] * 60_000), "a template": b"{{7*7}}%s%n{0}",
    "name and digits": b"a=" + b"9" * 5000,
}  # fmt: skip

#: Values that are tried in one field at a time, with valid values in the others.
TELLING = ("23 digits", "400 digits", "10 kB", "no UTF-8", "60,000 ports", "name and digits", "other digits")

#: Values that are tried in queries, which no server accepts with hundreds of kilobytes.
IN_QUERIES = (
    "23 digits", "400 digits", "10 kB", "no UTF-8", "name and digits", "other digits", "no number",
    "a surrogate", "nul", "deep",
)  # fmt: skip

#: Valid values by parameter name.
KNOWN = {"node_id": "9001", "number": "1", "service": "mr", "kind": "har"}

_numbers = count()


@pytest.fixture
def raw(process: ProcessSettings, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> RawBrowser:
    monkeypatch.setattr(method_run, "_LIMITS", JobLimits(per_browser=10**6, total=10**6, rate=10**6))
    app = make_app(process)
    app.config["PROPAGATE_EXCEPTIONS"] = False  # errors become pages, as in production
    return RawBrowser(app)


def check(answer: Answer, *what: object) -> None:
    of_the_api = answer.status == 502 and (b"could not be read" in answer.body or b"Error: " in answer.body)
    assert answer.status < 500 or of_the_api, (answer.status, *what)
    assert len(answer.headers.get("location", "")) <= MAX_ADDRESS, what


def once() -> tuple[bytes, bytes]:
    return b"once", f"once-{next(_numbers)}".encode()


def test_unknown_call_numbers_are_missing_pages(raw: RawBrowser) -> None:
    for number in ("9" * 19, "9" * 23, "9" * 5000, "0", "-1", "²", "٣"):
        path = f"/playground/requests/{quote(number)}"
        assert raw.send("GET", path).status == 404, number
        assert raw.send("POST", f"{path}/repeat", fields=[once()]).status == 404, number
    for page in ("9" * 23, "9" * 400, "1000000", "-5", "x"):
        assert raw.send("GET", "/playground/requests", f"page={page}").status == 200, page


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_paths(raw: RawBrowser, app: Flask, method: str) -> None:
    tried = 0
    for rule in rules(app, method):
        for name, value in VALUES.items():
            if not rule.arguments or len(value) > 20_000:
                continue
            there = quote_from_bytes(value, safe="")
            for text in (there, quote(there, safe="")):  # ids are encoded twice
                check(raw.send(method, address(rule, {}, text), fields=[once()]), method, str(rule), name)
                tried += 1
    assert tried > 100


@pytest.mark.timeout(300)
def test_in_queries(raw: RawBrowser, app: Flask) -> None:
    for rule in rules(app, "GET"):
        names = query_names(app, rule)
        for label in IN_QUERIES:
            text = quote_from_bytes(VALUES[label], safe="[")
            together = "&".join(f"{name}={text}" for name in names)
            check(raw.send("GET", address(rule, KNOWN), f"{together}&{together}"), str(rule), label)
        for name in names:
            query = f"{name}={quote_from_bytes(VALUES['23 digits'], safe='')}"
            check(raw.send("GET", address(rule, KNOWN), query), str(rule), query)


@pytest.mark.timeout(300)
def test_in_forms(raw: RawBrowser, app: Flask) -> None:
    seen: dict[str, Form] = {}
    for rule in rules(app, "GET"):
        for form in forms_of(raw.send("GET", address(rule, KNOWN)).body):
            seen.setdefault(endpoint_of(app, form.action), form)
    assert {"lab.fire", "settings.save_options", "runner.run", "rent.order"} <= set(seen)
    for rule in rules(app, "POST"):
        typed = {name: text.encode() for name, text in form_of(app, rule, seen).fields.items()}
        typed.pop("csrf_token", None)
        for name in typed:
            for label in TELLING:
                if label == "60,000 ports" and "ports" not in name:
                    continue  # below it is in all fields together
                fields = [*{**typed, name: VALUES[label]}.items(), once()]
                sent = [(name.encode() if isinstance(name, str) else name, value) for name, value in fields]
                check(raw.send("POST", address(rule, KNOWN), fields=sent), str(rule), name, label)
        for label, value in VALUES.items():
            sent = [(name.encode(), value) for name in typed] * 2
            check(raw.send("POST", address(rule, KNOWN), fields=sent), str(rule), label)
        check(raw.send("POST", address(rule, KNOWN), fields=[(b"\xff[]", b"\xff")] * 50), str(rule))


def arguments(method: Method) -> Iterator[str]:
    """JSON texts for the runner, each invalid in a different way."""
    samples = {"text": "x", "whole": 1, "number": 1, "id": 1, "switch": True, "list": [1], "map": {"base": 1}}
    needed = {
        it.name: it.choices[0] if it.choices else samples[it.kind] for it in method.fields if it.required
    }
    for name in ("self", "path", "__class__", "", "a\0b"):
        yield json.dumps({name: 1})
        yield json.dumps({**needed, name: 1})
        for part in method.fields:
            if part.spread or part.kind == "map":
                yield json.dumps({**needed, part.name: {name: 1}})
    for part in method.fields:
        for value in (10**400, float("nan"), "\ud800", [[]], {"a": {}}, "x" * 9000):
            yield json.dumps({**needed, part.name: value})
        start = json.dumps(needed)[:-1] + (", " if needed else "")
        yield f'{start}"{part.name}": {"9" * 5000}}}'
        yield f'{start}"{part.name}": {"[" * 900}{"]" * 900}}}'
    yield from ("[1]", "null", "{", "1e999", "[" * 10_000)


@pytest.mark.timeout(300)
def test_in_arguments_of_the_runner(raw: RawBrowser) -> None:
    path = "/playground/diagnostics/runner"
    seen: set[tuple[str, str]] = set()
    for method in all_methods():
        kinds = {(part.name, part.kind) for part in method.fields}
        if kinds <= seen and kinds:
            continue  # another method has the same parameters
        seen |= kinds
        name = (b"method", method.name.encode())
        for turn, text in enumerate(arguments(method)):
            fields = [name, (b"as", b"json"), (b"args", text.encode()), once()]
            # Without confirmation: a change shows its question and sends nothing.
            found = raw.send("POST", f"{path}/run", fields=fields)
            check(found, method.name, text[:80])
            if turn < 4:  # URLs are parsed like forms
                check(raw.send("GET", path, f"method={method.name}&args={quote(text)}"), method.name, text)
    wrong = [(b"method", b"apps.list"), (b"as", b"json"), (b"args", b'{"self": 1}'), once()]
    assert raw.send("POST", f"{path}/run", fields=wrong).status == 422
    many = [
        (b"method", b"services.mr.create"),
        (b"arg-ports", VALUES["60,000 ports"]),
        (b"do", b"json"),
        once(),
    ]
    assert raw.send("POST", f"{path}/run", fields=many).status == 422


def test_too_long_redirect_sends_no_request(raw: RawBrowser, app: Flask) -> None:
    parts = raw._app.extensions["playground"]
    found = raw.send("POST", "/playground/sessions/stop", fields=[(b"uuid", b"u" * 5000), once()])
    assert found.status == 422
    assert b"Nothing was sent" in found.body
    with raw._app.app_context():
        assert RequestLog(parts.database, "anybody").latest(5)[1] == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("levels", [90, 110, 990])
def test_deeply_nested_answers_are_handled(
    levels: int, tmp_path_factory: pytest.TempPathFactory, make_app: MakeApp
) -> None:
    """Python's parser accepts about 990 levels; copying and encoding accept fewer."""
    nested = "[" * levels + "]" * levels
    bodies = (
        nested,
        f'[{{"id": 1, "uuid": "u", "more": {nested}}}]',
        f'{{"id": 1, "uuid": "u", "envs": {nested}}}',
    )
    for body in bodies:
        with FaultServer(after=answer(body=body.encode())) as server:
            operator = {"OCTA_API_KEY": "the-key-of-a-guest", "OCTA_BASE_URL": server.url}
            app = make_app(ProcessSettings.read(operator, tmp_path_factory.mktemp("deep")))
            app.config["PROPAGATE_EXCEPTIONS"] = False
            raw = RawBrowser(app)
            for page in (
                "nodes",
                "nodes/1",
                "sessions",
                "apps",
                "services",
                "account",
                "network",
                "dashboard",
            ):
                check(raw.send("GET", f"/playground/{page}"), page)
            check(raw.send("GET", "/playground/nodes", "_raw=nodes"), "raw")
            for page in ("requests/1", "requests/log.har", "requests/log.json", "diagnostics/report.md"):
                assert raw.send("GET", f"/playground/{page}").status == 200, page
