"""Every copy button of every page: its text runs in a real shell, or in `bin/console --playground`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask

from octaspace.sandbox import Entry, SandboxServer
from playground.launcher.running_instances import RunningInstance, announced
from playground.sdk.methods import all_methods
from playground.settings import ProcessSettings

from ..safety.crawler import START, Crawler
from ..support.console import Terminal, piped
from ..support.launched_playground import Launched
from ..support.programs import find_program
from ..support.running_playground import bare_environment
from ..support.waiting import until
from .browsing import ORIGIN, Visitor
from .remote import Remote

RUNNER = "/playground/diagnostics/runner"
SMOKE = "/playground/diagnostics/smoke"

#: Pages that ask for the lists whose ids examples have, and not the cache.
LISTS = (
    "/playground/nodes?_fresh=1",
    "/playground/sessions?_fresh=1",
    "/playground/sessions?tab=recent&_fresh=1",
    *(f"/playground/services?tab={tab}&_fresh=1" for tab in ("mr", "vpn", "render")),
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: Texts that are neither a command for the API nor Python, by the page: values for a form elsewhere, and
#: commands that connect to a rented machine, which a sandbox does not have.
NOT_RUN = (
    ("/playground/account", r"[0-9a-zA-Z-]+"),
    ("/playground/sessions", r"ssh -p \d+ root@\S+"),
    ("/playground/sessions", r"curl --proxy http://198\.51\.100\.\d+.*"),
)

#: Elements whose text is copied and is not JSON: the configuration of a VPN, for its program.
NOT_JSON = ("#vpn-config",)


@dataclass
class Copies:
    """What the copy buttons of pages copy, each text once, with the page where it was found."""

    curl: dict[str, str] = field(default_factory=dict)
    python: dict[str, str] = field(default_factory=dict)
    #: Method and path with query that a Python line of a panel sends, by its text: that of its curl line.
    pairs: dict[str, str] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    not_json: list[tuple[str, str]] = field(default_factory=list)
    json: int = 0

    def collect(self, page: BeautifulSoup, address: str) -> None:
        # Not `select`, which takes several times as long for a whole page.
        for button in page.find_all(attrs={"data-copy": True}):
            self._note(str(button["data-copy"]), address)
        for button in page.find_all(attrs={"data-copy-from": True}):
            self._check_json(page, str(button["data-copy-from"]), address)
        for panel in page.find_all(class_="sdk-call"):
            texts = [str(button["data-copy"]) for button in panel.find_all(attrs={"data-copy": True})]
            if len(texts) == 2 and not _has_failed(panel):
                self.pairs[texts[0]] = texts[1]

    def _note(self, text: str, address: str) -> None:
        if any(address.startswith(page) and re.fullmatch(what, text) for page, what in NOT_RUN):
            return
        if text.startswith("curl --fail-with-body "):
            self.curl.setdefault(text, address)
        elif re.match(r"(client[. ]|import |for text in client\.|with client\.)", text):
            self.python.setdefault(text, address)
        else:
            self.unknown.append((address, text))

    def _check_json(self, page: BeautifulSoup, selector: str, address: str) -> None:
        source = page.select_one(selector)
        if selector in NOT_JSON:
            return
        assert source is not None, (address, selector)
        summary = source.find_previous("summary")
        if summary is not None and "first" in summary.get_text():
            return  # the page says that it is the beginning of a long answer
        self.json += 1
        try:
            json.loads(source.get_text())
        except ValueError:
            self.not_json.append((address, source.get_text()[:200]))


def _has_failed(panel: Tag) -> bool:
    whole = panel.find_parent(class_="panel")
    return isinstance(whole, Tag) and whole.select_one(".problem") is not None


def collected(visitor: Visitor, sandbox: SandboxServer) -> Copies:
    """Visit every page, make every call of the SDK, and open each kind of call in the request log."""
    copies = Copies()
    visitor.post(SMOKE, changes="yes")
    until(lambda: not visitor.page(SMOKE).select("[data-watch]"), within=120)
    crawler = Crawler(visitor)
    crawler.go(*START)
    for asked, answer in crawler.answers.items():
        if answer.mimetype == "text/html":
            address = urlsplit(asked.partition(" ")[2]).path
            copies.collect(BeautifulSoup(answer.get_data(), "html.parser"), address)
    # Examples have the ids of the latest lists; the suite and the crawler have rented and stopped sessions.
    sandbox.reset(dataset="default", ready_after=0)
    for address in LISTS:
        visitor.page(address)
    for method in all_methods():
        page = visitor.page(f"{RUNNER}?method={method.name}")
        copies.collect(page, RUNNER)
        for example in page.select(".presets a"):
            copies.collect(visitor.page(str(example["href"])), RUNNER)
    for address in calls_of_each_kind(visitor):
        copies.collect(visitor.page(address), address)
    return copies


def calls_of_each_kind(visitor: Visitor) -> Iterator[str]:
    seen = set()
    for row in visitor.get("/playground/requests/log.json").get_json():
        kind = (re.sub(r"\(.*?\)", "()", row["line"]), row["method"])
        if kind not in seen:
            seen.add(kind)
            yield f"/playground/requests/{row['id']}"


@pytest.mark.gunicorn
def test_lines_of_a_launched_playground(tmp_path: Path) -> None:
    find_program("curl")
    launched = Launched(tmp_path, "--port", "0", "--workers", "1", "--dataset", "hostile")
    browser = Remote(launched.address())
    try:
        panels = browser.page("/playground/nodes").select("[data-panel=nodes] .sdk-call [data-copy]")
        python, shell = sorted({str(button["data-copy"]) for button in panels})
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60)
        nodes = json.loads(done.stdout)
        state = {"PLAYGROUND_STATE_DIR": str(tmp_path / "state")}
        printed = piped(f"import json; print(json.dumps({python}.data))", tmp_path, "--playground", **state)
        assert [node["id"] for node in json.loads(printed.stdout)] == [node["id"] for node in nodes]
        assert len(nodes) > 3
    finally:
        browser.close()
        launched.end()


@pytest.fixture
def process(process: ProcessSettings, sandbox: SandboxServer) -> ProcessSettings:
    return replace(process, sandbox_urls=tuple(sandbox.urls))


@pytest.mark.timeout(600)
def test_every_copied_text_runs_as_pasted(
    visitor: Visitor, sandbox: SandboxServer, process: ProcessSettings, tmp_path: Path, app: Flask
) -> None:
    find_program("curl")
    sandbox.reset(ready_after=0)
    copies = collected(visitor, sandbox)
    assert copies.unknown == []
    assert copies.not_json == []
    assert copies.json > 10

    sandbox.reset(dataset="default", ready_after=0)
    sent = paste_into_shell(copies.curl, sandbox, tmp_path)

    sandbox.reset(dataset="default", ready_after=0)
    with announced(process.state_dir, RunningInstance(ORIGIN, process.sandbox_urls)):
        received = paste_into_console(copies.python, sandbox, process.state_dir, tmp_path)
    different = {
        python: (received[python], sent[shell])
        for python, shell in copies.pairs.items()
        if python in received and shell in sent and sent[shell] not in received[python]
    }
    assert different == {}, "both lines of a panel make the same request"


def request_of(entry: Entry) -> str:
    return f"{entry.method} {entry.path}?{entry.query}"


def may_fail(text: str, entries: list[Entry]) -> bool:
    """Whether it is about a session, which may have ended, or a change that an earlier line has made."""
    return bool(UUID.search(text)) or any(entry.change for entry in entries)


def for_a_second(text: str) -> str:
    """The same text, but it follows the log of a running session for a second only."""

    def call(found: re.Match[str]) -> str:
        kept = [argument for argument in found[1].split(", ") if argument and "timeout=" not in argument]
        return f"follow_logs({', '.join([*kept, 'timeout=1'])})"

    return re.sub(r"follow_logs\((.*?)\)", call, text)


def paste_into_shell(texts: dict[str, str], sandbox: SandboxServer, folder: Path) -> dict[str, str]:
    """Run each in sh; return what each has sent."""
    sent = {}
    for text in sorted(texts, key=lambda text: "--request" in text):
        sandbox.journal.clear()
        done = subprocess.run(
            ["sh", "-s"], input=f"{text}\n", cwd=folder, env=bare_environment(),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        where = f"{texts[text]}: {text}\n{done.stdout[:500]}\n{done.stderr}"
        if ":?" in text:  # a value is left out: it says which, and sends nothing
            assert done.returncode != 0, where
            assert "left out" in done.stderr, where
            assert sandbox.journal.entries() == [], where
            continue
        (entry,) = sandbox.journal.entries()
        assert entry.operation is not None, where
        sent[text] = request_of(entry)
        if may_fail(text, [entry]) and done.returncode == 22:
            assert entry.status in (404, 409), where
            continue
        assert done.returncode == 0, where
        if "--output" not in text and done.stdout:
            json.loads(done.stdout)
    return sent


def paste_into_console(
    texts: dict[str, str], sandbox: SandboxServer, state_dir: Path, folder: Path
) -> dict[str, list[str]]:
    """Paste each into the prompt; return what each has sent. Each method must work at least once."""
    sent: dict[str, list[str]] = {}
    worked: set[str] = set()
    terminal = Terminal(folder, "--playground", PLAYGROUND_STATE_DIR=str(state_dir))
    try:
        terminal.shows(">>> ")
        terminal.type("import sys\n")
        for number, text in enumerate(sorted(texts, key=lambda text: "reboot" in text or ".stop(" in text)):
            sandbox.journal.clear()
            terminal.shown = ""
            terminal.type("sys.last_value = None\n")
            terminal.type(for_a_second(text) + "\n\n")
            terminal.type(f"print('end', {number} + 1000, type(sys.last_value).__name__)\n")
            terminal.shows(f"end {number + 1000} ")
            terminal.shows(">>> ")
            found = re.search(rf"end {number + 1000} (\w+)", terminal.shown)
            assert found is not None
            entries = sandbox.journal.entries()
            sent[text] = [request_of(entry) for entry in entries]
            where = f"{texts[text]}: {text}\n{terminal.shown[-2000:]}"
            if "# Left out" in text:
                assert found[1] == "NameError", where
                assert entries == [], where
            elif may_fail(text, entries) and found[1] != "NoneType":
                assert found[1] == "NotFoundError", where
            else:
                assert found[1] == "NoneType", where
                worked |= set(re.findall(r"\.(\w+)\(", text))
    finally:
        terminal.close()
    assert {method.name.rpartition(".")[2] for method in all_methods()} - worked == set()
    return sent
