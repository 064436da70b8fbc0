"""The log of a session: followed line by line, downloaded, and read without what a terminal would act on."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from octaspace.sandbox import ManualClock, SandboxServer
from octaspace.types import SessionLogs
from playground.domain.log_lines import Cursor, as_text, new_lines

from ...browsing import Visitor, text_of
from ...small_api import SmallApi

SESSIONS = "/playground/sessions"


def uuids(sandbox: SandboxServer) -> list[str]:
    return [rental.uuid for rental in sandbox.world.active()]


def advance(sandbox: SandboxServer, seconds: float) -> None:
    clock = sandbox.world.clock
    assert isinstance(clock, ManualClock)
    clock.advance(seconds)


def test_the_log_is_followed_line_by_line(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = next(rental.uuid for rental in sandbox.world.active() if rental.number == 1)
    advance(sandbox, 6)
    panel = visitor.panel(f"{SESSIONS}/{uuid}", "log")
    follow = panel.select("[data-follow]")[0]
    system = [text_of(line) for line in panel.select('[data-log="system"] .log-line')]
    seen = [line.get_text() for line in panel.select('[data-log="container"] .log-line')]
    after = str(follow["data-after"])
    for seconds in (0, 3, 1, 20, 0):
        advance(sandbox, seconds)
        found = json.loads(visitor.get(f"{follow['data-follow']}?after={quote(after)}&_panel=log").data)
        seen += [line["text"] for line in found["container"]]
        system += [line["text"] for line in found["system"]]
        after = found["after"]
        assert not found["ended"]
    whole = sandbox.world.sessions.logs(uuid, False)
    assert seen == whole["container"].splitlines()
    assert len(system) == sum(len(entry["msg"].splitlines()) for entry in whole["system"])


def test_the_last_lines_of_a_session_that_ends_arrive(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[-1]
    follow = visitor.panel(f"{SESSIONS}/{uuid}", "log").select("[data-follow]")[0]
    advance(sandbox, 31)
    sandbox.world.sessions.stop(uuid, None)
    found = json.loads(visitor.get(f"{follow['data-follow']}?after={follow['data-after']}&_panel=log").data)
    assert found["ended"]
    assert len(found["container"]) == 1
    last = sandbox.world.sessions.logs(uuid, True)["container"].splitlines()[-1]
    assert found["container"][0]["text"] == last


def test_a_log_that_cannot_be_read_says_so_to_the_page(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=503)
    found = json.loads(visitor.get(f"{SESSIONS}/{uuids(sandbox)[0]}/log").data)
    assert found["problem"].startswith("ServiceUnavailableError")
    assert visitor.get(f"{SESSIONS}/{uuids(sandbox)[0]}/log.txt").status_code == 502


def test_the_whole_log_is_a_file(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[-1]
    for _ in range(2):
        answer = visitor.get(f"{SESSIONS}/{uuid}/log.txt")
        assert answer.mimetype == "text/plain"
        assert f'filename="session-{uuid}.log"' in answer.headers["Content-Disposition"]
        assert "listening on 0.0.0.0" in answer.get_data(as_text=True)
        if uuid in uuids(sandbox):
            sandbox.world.sessions.stop(uuid, None)


def logs_of(system: list[str], container: str) -> SessionLogs:
    return SessionLogs.from_api(
        {
            "system": [{"ts": 1795510795000 + at, "msg": text} for at, text in enumerate(system)],
            "container": container,
        }
    )


def test_a_cursor_finds_its_place_when_the_beginning_was_dropped() -> None:
    lines = [f"line {number}" for number in range(100)]
    first = new_lines(logs_of([], "\n".join(lines[:50]) + "\n"), None, ended=False, max_lines=1000)
    cursor = Cursor.parse(str(first.after))
    later = new_lines(logs_of([], "\n".join(lines[30:100]) + "\n"), cursor, ended=False, max_lines=1000)
    assert [line.text for line in later.container] == lines[50:]
    assert not later.gap
    lost = new_lines(logs_of([], "\n".join(lines[80:]) + "\n"), cursor, ended=False, max_lines=1000)
    assert [line.text for line in lost.container] == lines[80:]
    assert lost.gap


def test_repeated_lines_are_all_counted() -> None:
    first = new_lines(logs_of(["tick\n"] * 3, "same\n" * 20), None, ended=False, max_lines=1000)
    later = new_lines(logs_of(["tick\n"] * 4, "same\n" * 25), first.after, ended=False, max_lines=1000)
    assert (len(later.system), len(later.container)) == (1, 5)


def test_a_line_without_its_end_waits_for_it() -> None:
    first = new_lines(logs_of([], "one\ntw"), None, ended=False, max_lines=10)
    assert [line.text for line in first.container] == ["one"]
    later = new_lines(logs_of([], "one\ntwo\nthr"), first.after, ended=False, max_lines=10)
    assert [line.text for line in later.container] == ["two"]
    last = new_lines(logs_of([], "one\ntwo\nthree"), later.after, ended=True, max_lines=10)
    assert [line.text for line in last.container] == ["three"]


def test_too_many_lines_are_counted_not_hidden() -> None:
    found = new_lines(logs_of([], "x\n" * 30), None, ended=False, max_lines=10)
    assert (len(found.container), found.left_out) == (10, 20)


def test_a_made_up_cursor_begins_at_the_beginning() -> None:
    for text in ("", "1", "1.zz.1.zz", "<script>", "9" * 5000):
        assert Cursor.parse(text) is None


def test_terminals_are_not_commanded_by_logs() -> None:
    logs = logs_of(
        ["\x1b[31mred\x1b[0m \x1b]0;title\x07end\n"], "safe\u202egpj.exe\x07\r\n" + "x" * 5000 + "\n"
    )
    found = new_lines(logs, None, ended=False, max_lines=10)
    assert found.system[0].text == "red end"
    assert found.container[0].text == "safe\ufffdgpj.exe\ufffd"
    assert found.container[1].text.endswith("and 1000 more characters")
    assert not re.search("[\x1b\x07\u202e]", as_text(logs))


def test_the_log_can_be_searched_without_a_script(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[-1]
    page = visitor.page(f"{SESSIONS}/{uuid}")
    assert page.select("form[data-log-search]")[0]["method"] == "get"
    assert not page.select("mark")
    found = visitor.page(f"{SESSIONS}/{uuid}?find=LISTENING")
    assert {mark.get_text() for mark in found.select('[data-log="container"] mark')} == {"listening"}
    assert found.select("mark.current")[0]["id"] == "match-1"
    assert "match" in text_of(found.select("[data-log-count]")[0])
    sandbox.world.sessions.stop(uuid, None)
    gone = visitor.get(f"{SESSIONS}/{uuid}?find=listening")
    ended = visitor.page(str(gone.headers["Location"]))
    assert ended.select("mark")
    form = ended.select("form[data-log-search]")[0]
    assert form.select('input[type=hidden][name="recent"][value="true"]')


def test_a_search_has_more_lines_than_the_page(guest: Visitor, small_api: SmallApi) -> None:
    lines = [f"line {number}" for number in range(1500)]
    small_api.answers = {
        "GET /services/u-1/info": {"uuid": "u-1"},
        "GET /services/u-1/logs": {"system": [], "container": "\n".join(lines) + "\n"},
    }
    page = guest.page(f"{SESSIONS}/u-1")
    assert len(page.select('[data-log="container"] .log-line')) == 400
    assert page.select("form[data-log-search][data-partial]")
    found = guest.page(f"{SESSIONS}/u-1?find=line+7")
    assert [mark.get_text() for mark in found.select("mark")] == ["line 7"] * 111
