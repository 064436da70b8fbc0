"""The incident report as Markdown: foreign text has no effect in a Markdown parser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from markdown_it import MarkdownIt

from playground.browser.state import current_browser
from playground.domain.endpoint_attempts import AttemptResult
from playground.domain.endpoint_health import endpoint_health
from playground.domain.endpoint_history import EndpointHistory
from playground.pages.diagnostics import incident
from playground.pages.diagnostics.incident import incident_report
from playground.pages.diagnostics.series import Series
from playground.pages.diagnostics.timeline import draw
from playground.settings import ProcessSettings
from playground.store import CallRow, WorkerSnapshot

from ..playground.conftest import MakeApp

FOREIGN = {
    "address": "https://evil.example/x?y", "bare address": "www.evil.example", "mail": "me@evil.example",
    "mention": "@octocat", "team": "@octa/space", "issue": "#123", "other issue": "octa/space#123",
    "short issue": "GH-123", "commit": "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "link": "[a](data:b)",
    "reference": "[a][b] [b]: https://evil.example", "picture": "![a](https://evil.example/p.png)",
    "autolink": "<https://evil.example>", "markup": "<img src=x onerror=alert(1)><b>bold</b>",
    "comment": "<!-- ", "entity": "&lt;b&gt; &#64;octocat", "heading": "\n# heading\n", "line": "\n---\n",
    "list": "\n- item\n1. item", "quote": "\n> quote", "fence": "\n```\ncode\n```\n", "tilde": "\n~~~\ncode",
    "emphasis": "**bold** __bold__ ~~gone~~", "cell": "a | b | c", "escaped cell": "a \\| b \\\\| c",
    "backtick": "`", "backticks": "a `` b ``` c", "code": "`x` @octocat `y`", "code and cell": "`|` @octocat",
    "backslashes": "\\", "more backslashes": "\\`@octocat\\\\`", "math": "$`x`$ $$y$$", "footnote": "[^1]",
    "colour": "`#0969DA`", "emoji": ":tada:", "details": "<details><summary>x</summary>", "spaces": "   ",
    "nothing": "", "other direction": "\u202eabc", "a surrogate": "\ud800", "line separator": "a\u2028# b",
    "long": "`" * 500 + "@octocat",
}  # fmt: skip


def rows(text: str) -> list[CallRow]:
    detail = {"message": text}
    return [
        CallRow(
            id=number, at=0.0, target=text, source="page", page="p", line="l", method="GET", path=text,
            status=503, error="ServerError", elapsed=0.1, attempts=1, retries=0, failovers=0,
            endpoint=text, address=text, request_id=text, in_use=None, cache=None, detail=detail,
        )
        for number in range(2)
    ]  # fmt: skip


@pytest.fixture
def visited(process: ProcessSettings, make_app: MakeApp) -> Iterator[Flask]:
    app = make_app(process)
    with app.test_request_context("/"):
        yield app


def rendered(markdown: str) -> BeautifulSoup:
    """Rendered HTML: CommonMark with tables and strikethrough, and with HTML enabled."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return BeautifulSoup(parser.render(markdown), "html.parser")


def report(monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    browser = current_browser()
    # All places with foreign text: endpoints and their label, options, calls.
    monkeypatch.setattr(type(browser.api_target), "label", text)
    browser.__dict__["_saved"] = {"options": {"user_agent": text} if text.strip() else {}}
    browser.__dict__["config"] = browser.config.replace(base_urls=["http://127.0.0.1:1/x"])
    monkeypatch.setattr(incident, "platform", FakePlatform(text))
    stats = {"pools": {"http://127.0.0.1:1/x": {"in_use": 1, "size": 2, "created": 3, "reused": 4}}}
    worker = WorkerSnapshot(pid=7, started=0.0, age=1.0, alive=True, stats=stats)
    history = EndpointHistory()
    history.add([AttemptResult(60.0, 0.1, failed=True, kind="ServerError", status=503, message=text)])
    timelines = draw(endpoint_health({text: history}, {text: 9.0}, 60.0), 60.0)
    return incident_report(browser, [worker], rows(text), Series([0.1]), timelines)


class FakePlatform:
    """The platform string is foreign text as well."""

    def __init__(self, text: str) -> None:
        self._text = text

    def platform(self) -> str:
        return self._text

    def python_version(self) -> str:
        return "3.11.0"


@pytest.mark.parametrize("name", list(FOREIGN))
def test_foreign_text_is_rendered_as_code(visited: Flask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plain = rendered(report(monkeypatch, "nothing special"))
    markdown = report(monkeypatch, FOREIGN[name])
    page = rendered(markdown)
    shapes = [[tag.name for tag in each.find_all(True) if tag.name != "code"] for each in (plain, page)]
    assert shapes[0] == shapes[1], "the same headings, lists, tables and cells whatever is in them"
    assert not page.find_all(["a", "img", "script", "b", "strong", "em", "s", "del", "pre", "details"])
    for code in page.find_all("code"):
        code.decompose()
    outside = page.get_text()
    for sign in ("://", "www.", "@", "evil", "octocat", "a5c3785", "GH-", "[", "<", "&"):
        assert sign not in outside
    assert not re.search(r"#\d", outside)
    assert all(line.isprintable() for line in markdown.split("\n"))
    markdown.encode()


@pytest.mark.parametrize("name", ["address", "mention", "backticks", "code", "backslashes", "markup", "math"])
def test_foreign_text_stays_readable(visited: Flask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    page = rendered(report(monkeypatch, FOREIGN[name]))
    texts = [code.get_text() for code in page.find_all("code")]
    assert texts.count(FOREIGN[name]) >= 6
    assert f"GET {FOREIGN[name]}" in texts
