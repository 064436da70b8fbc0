"""An API that repeats the key: no page, export, log or store of the playground shows it."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from playground.settings import ProcessSettings

from ..playground.browsing import Visitor
from ..playground.conftest import (  # noqa: F401  # fixtures
    MakeApp,
    compiled_templates,
    make_app,
)
from ..support.hostile_api import LIES, SPELLINGS, HostileApi, Lie, Reply, in_a_new_field, in_values
from ..support.key_finder import key_in
from .crawler import START, Crawler

KEY = "sk-Live/Qz7+x9-Rk2.Lm4_Vb8/Tn6-Wd3"


def every_spelling(key: str) -> str:
    return " and ".join(spelling(key) for spelling in SPELLINGS.values())


def with_short_lists(lie: Lie) -> Lie:
    """Lists of objects are cut: with all spellings, the other entries add megabytes, not cases."""

    def cut(data: Any) -> Any:
        if isinstance(data, dict):
            return {name: cut(entry) for name, entry in data.items()}
        if isinstance(data, list):
            return [cut(entry) for entry in (data[:6] if data and isinstance(data[0], dict) else data)]
        return data

    def cut_and_lie(reply: Reply) -> None:
        if reply.is_json:
            reply.body = json.dumps(cut(json.loads(reply.body))).encode()
        lie(reply)

    return cut_and_lie


def together(*lies: Lie) -> Lie:
    def lie(reply: Reply) -> None:
        for each in lies:
            each(reply)

    return lie


#: With these all pages can be rendered: they change other places of an answer.
READABLE = together(
    with_short_lists(in_a_new_field(every_spelling)), LIES["every header field"], LIES["files"]
)

#: Each visits all pages, which takes seconds, so several are combined.
_LIES = {
    "all spellings in every text": with_short_lists(in_values(every_spelling)),
    **{
        name: LIES[name]
        for name in ("the content encoding", "status 422", "a page", "broken JSON", "no HTTP")
    },
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[HostileApi]:
    with HostileApi() as hostile:
        yield hostile


@dataclass
class Secrecy:
    """Whatever an app shows, logs and stores, from the start of a test; `check` looks for the key in it."""

    api: HostileApi
    caplog: pytest.LogCaptureFixture
    capfd: pytest.CaptureFixture[str]
    state: Path

    def check(self, crawler: Crawler) -> None:
        assert len(crawler.answers) > 40
        for asked, text in crawler.texts():
            shown = re.sub(r'name="csrf_token" [^>]*|"csrf-token" [^>]*', "", text)
            assert key_in(shown, KEY) == "", asked
        formatter = logging.Formatter()
        logged = "\n".join(formatter.format(record) for record in self.caplog.records)
        assert key_in(logged, KEY) == ""
        assert key_in("".join(self.capfd.readouterr()), KEY) == ""
        for file in self.state.rglob("*"):
            if file.is_file():
                assert key_in(file.read_bytes().decode("latin-1"), KEY) == "", file.name
        assert any(arrival.headers.get("authorization") == KEY for arrival in self.api.server.journal)


@pytest.fixture
def secrecy(
    api: HostileApi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Secrecy]:
    with caplog.at_level(logging.DEBUG):
        yield Secrecy(api, caplog, capfd, tmp_path / "state")


@pytest.fixture
def visitor(api: HostileApi, make_app: MakeApp, tmp_path: Path) -> Visitor:  # noqa: F811
    """A browser of an app whose key and endpoint are the operator's."""
    operator = {"OCTA_API_KEY": KEY, "OCTA_BASE_URL": api.url}
    visitor = Visitor(make_app(ProcessSettings.read(operator, tmp_path / "state")))
    visitor.post("/playground/settings/options", max_retries="0")
    return visitor


def test_key_is_in_no_page_that_can_be_rendered(secrecy: Secrecy, visitor: Visitor, api: HostileApi) -> None:
    """And the crawler reaches every page: others would not be checked here and below."""
    api.lie = READABLE
    crawler = Crawler(visitor)
    crawler.go(*START)
    secrecy.check(crawler)
    app = visitor.client.application
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    # The lab needs a sandbox, and the page of an outcome a form that is under way.
    not_here = ("static", "/lab/", "/playground/outcome/")
    missed = {rule for rule in rules - crawler.endpoints() if not any(part in rule for part in not_here)}
    assert missed == set()
    assert crawler.dead == []
    failed = {asked: answer.status for asked, answer in crawler.answers.items() if answer.status_code >= 500}
    assert [asked for asked in failed if "_raw=" not in asked] == [], failed


@pytest.mark.parametrize("name", _LIES)
def test_key_is_in_no_page_of_an_error(
    name: str, secrecy: Secrecy, visitor: Visitor, api: HostileApi
) -> None:
    api.lie = _LIES[name]
    crawler = Crawler(visitor)
    crawler.go(*START)
    secrecy.check(crawler)


def test_key_in_a_compressed_log_is_masked(visitor: Visitor, api: HostileApi) -> None:
    """It is decompressed after its answer was masked."""

    def lie(reply: Reply) -> None:
        if reply.arrival.path.endswith("/logs"):
            packed = gzip.compress(f"it is {reply.key} in a line".encode())
            reply.body = json.dumps({"data": base64.b64encode(packed).decode()}).encode()

    api.lie = lie
    for path in ("/playground/idle-jobs", "/playground/idle-jobs/log.txt"):
        answer = visitor.get(path, query_string={"node": "69", "job": "42"})
        assert answer.status_code == 200
        assert "it is *** in a line" in answer.get_data(as_text=True)
        assert key_in(answer.get_data(as_text=True), KEY) == ""


@pytest.mark.parametrize("typed", ["another-key-typed-in-a-browser", ""])
def test_operator_key_is_masked_for_other_browsers(
    typed: str, visitor: Visitor, api: HostileApi, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator's endpoints have received it, and may return it to a client with another key or none."""

    def lie(reply: Reply) -> None:
        reply.replace_header("X-Request-Id", f"of-{KEY}")
        if reply.arrival.path.startswith("/nodes"):
            reply.status, reply.body = 422, json.dumps({"message": f"no {KEY}"}).encode()
        elif reply.is_json:
            had, reply.key = reply.key, KEY
            in_a_new_field(every_spelling)(reply)
            reply.key = had

    if typed:
        visitor.post("/playground/settings/source", kind="live", api_key=typed)
    else:
        visitor.post("/playground/settings/source", kind="custom", base_urls=api.url)
    api.server.journal.clear()
    api.lie = lie
    with caplog.at_level(logging.DEBUG):
        for path in ("dashboard", "nodes", "sessions", "market", "requests", "dashboard?_raw=network"):
            text = visitor.get(f"/playground/{path}").get_data(as_text=True)
            assert key_in(re.sub(r'"csrf-token" [^>]*', "", text), KEY) == "", path
    assert key_in(caplog.text, KEY) == ""
    sent = {arrival.headers.get("authorization") for arrival in api.server.journal}
    assert sent == ({typed, None} if typed else {None})


@pytest.mark.parametrize("typed", ["", "another-key-typed-in-a-browser"])
def test_an_answer_from_the_cache_shows_no_key(typed: str, visitor: Visitor, api: HostileApi) -> None:
    """Neither that of its client nor the operator's: the answer is kept as it came, and masked each time."""

    def lie(reply: Reply) -> None:
        if reply.is_json:
            reply.key = KEY
            in_a_new_field(every_spelling)(reply)

    if typed:
        visitor.post("/playground/settings/source", kind="live", api_key=typed)
    api.lie = lie
    for path in ("services", "apps", "network"):
        for number in range(3):
            text = visitor.get(f"/playground/{path}").get_data(as_text=True)
            assert ("From the cache" in text) == (number > 0), path
            assert key_in(re.sub(r'"csrf-token" [^>]*', "", text), KEY) == "", path
