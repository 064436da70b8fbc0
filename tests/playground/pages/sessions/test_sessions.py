"""Sessions: the lists, one in full, its secrets, and how they end."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
import segno
from bs4 import BeautifulSoup

from octaspace.sandbox import ManualClock, SandboxServer
from octaspace.sandbox.journal import Entry
from playground.settings import ProcessSettings
from playground.web.url_ids import decoded, encoded

from ...browsing import ORIGIN, Visitor, looks, text_of

SESSIONS = "/playground/sessions"


def uuids(sandbox: SandboxServer) -> list[str]:
    return [rental.uuid for rental in sandbox.world.active()]


def of_kind(sandbox: SandboxServer, kind: str) -> str:
    return next(rental.uuid for rental in sandbox.world.active() if rental.kind == kind)


def advance(sandbox: SandboxServer, seconds: float) -> None:
    clock = sandbox.world.clock
    assert isinstance(clock, ManualClock)
    clock.advance(seconds)


def test_more_selected_sessions_than_a_url_holds(visitor: Visitor, sandbox: SandboxServer) -> None:
    chosen = [*uuids(sandbox)[:2], *(f"5e551074-0000-4000-8000-{number:012}" for number in range(300))]
    answer = visitor.post(f"{SESSIONS}/select", uuid=chosen)
    assert answer.status_code == 303
    assert len(answer.headers["Location"]) <= 4000, "Gunicorn accepts lines of 4094 characters"
    page = visitor.follow(answer)
    kept = page.select('input[name="uuid"]')
    assert len(kept) == 2
    left_out = re.search(r"(\d+) of the selected sessions are not included", text_of(page))
    assert left_out is not None
    missing = text_of(page).count("5e551074-")
    assert 2 + missing + int(left_out[1]) == 302
    assert stops(sandbox) == []


def stops(sandbox: SandboxServer) -> list[Entry]:
    return [entry for entry in sandbox.journal.entries() if entry.method == "POST"]


# The lists


@pytest.mark.parametrize(
    ("tab", "state"),
    [
        ("active", ("badge-state good", "bi bi-check-circle", "ready")),
        ("active", ("badge-state warn", "bi bi-hourglass-split", "queued")),
        ("recent", ("badge-state idle", "bi bi-stop-circle", "ended")),
    ],
)
def test_the_state_of_a_session_is_shown_the_same_in_the_list_and_on_its_page(
    visitor: Visitor, sandbox: SandboxServer, tab: str, state: tuple[str, str, str]
) -> None:
    sandbox.reset(ready_after=10.0)  # the first one waits
    rows = visitor.page(f"{SESSIONS}?tab={tab}").select("tbody tr")
    if tab == "active":
        rows = [row for row in rows if looks(row.select(".badge-state")[0]) == state]
    own = visitor.page(str(rows[0].select("th a")[0]["href"])).select(".state-line .badge-state")
    assert looks(own[0]) == state


def test_active_sessions_say_what_they_cost_and_how_they_are_reached(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    panel = visitor.panel(SESSIONS, "sessions")
    rows = panel.select("tbody tr")
    assert len(rows) == 6
    first = next(row for row in rows if "Stable Diffusion" in row.get_text())
    assert "ready" in first.select('[data-label="State"]')[0].get_text()
    assert re.search(r"\d+\.\d{3} OCTA", first.get_text())
    assert re.search(r"\$\d+\.\d{3}", first.select('[data-label="Per hour"]')[0].get_text())
    assert str(first.select('[data-label="Cost so far"]')[0]["title"]).endswith(" Wei")
    sessions = sandbox.world.sessions.listing(recent=False)
    truth = next(each["duration"] for each in sessions if each.get("app_name") == "Stable Diffusion")
    assert float(str(first.select("[data-ticking]")[0]["data-ticking"])) == truth
    command = first.select("[data-copy]")[0]["data-copy"]
    assert str(command).startswith("ssh -p 42000 root@198.51.100.")
    for link in first.select(".access a"):
        assert str(link["href"]).startswith("https://")
        assert link["rel"] == ["noreferrer", "noopener"]
    assert panel.select(".sdk-call-line")[0].get_text() == "client.sessions.list()"


def test_recent_sessions_say_why_they_ended(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel(f"{SESSIONS}?tab=recent", "sessions")
    reasons = [text_of(cell) for cell in panel.select('[data-label="End reason"]')]
    assert {"ended normally", "low balance", "error 3", "node went offline"} <= set(reasons)
    assert panel.select(".sdk-call-line")[0].get_text() == "client.sessions.list(recent=True)"
    asked = [(entry.path, entry.query) for entry in sandbox.journal.entries()]
    assert ("/sessions", "recent=true") in asked


def test_an_unknown_tab_shows_the_active_ones(visitor: Visitor) -> None:
    assert (
        visitor.panel(f"{SESSIONS}?tab=<b>", "sessions").select(".sdk-call-line")[0].string
        == "client.sessions.list()"
    )


def test_nothing_rented_says_what_to_do(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    assert "Rent a machine" in visitor.panel(SESSIONS, "sessions").select(".empty")[0].get_text()
    assert visitor.panel(f"{SESSIONS}?tab=recent", "sessions").select(".empty")


@pytest.mark.parametrize("path", [SESSIONS, f"{SESSIONS}?tab=recent", f"{SESSIONS}/some-uuid"])
def test_a_failing_api_is_a_card(visitor: Visitor, sandbox: SandboxServer, path: str) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=500)
    assert "ServerError" in text_of(visitor.page(path).select("#main .problem")[0])


def test_a_log_that_cannot_be_had_leaves_the_session_alone(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[0]
    sandbox.faults.add("status", status=404, path=f"/services/{uuid}/logs")
    page = visitor.page(f"{SESSIONS}/{uuid}")
    assert "NotFoundError" in text_of(page.select("#panel-log .problem")[0])
    assert not page.select("#panel-info .problem")
    assert "ready" in text_of(page.select("#panel-info")[0])


def test_many_sessions_are_a_page_of_bearable_weight(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="large")
    for path, cell, count in (
        (SESSIONS, "Per hour", 150),
        (f"{SESSIONS}?tab=recent", "End reason", 600),
    ):
        answer = visitor.get(path)
        assert len(answer.data) < 650_000
        assert answer.get_data(as_text=True).count(f'data-label="{cell}"') == count


# One session


def test_a_session_shows_everything_the_api_tells(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[-1]
    page = visitor.page(f"{SESSIONS}/{uuid}")
    text = text_of(page.select("#panel-info")[0])
    for words in ("Stable Diffusion", "NVIDIA", "in the container", "ssh -p 42000", "Frankfurt", "per hour"):
        assert words.lower() in text_of(page).lower(), words
    assert "ready" in text
    assert page.select("#live")[0]["data-refresh"] == "15"
    lines = [line.get_text() for line in page.select(".sdk-call-line")]
    assert lines == [f"client.services.session('{uuid}').info()", f"client.services.session('{uuid}').logs()"]


def test_a_session_without_a_readable_ledger_hides_no_deadline(
    visitor: Visitor, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    address = f"{SESSIONS}/{uuids(sandbox)[-1]}"
    assert "Stopped automatically" not in text_of(visitor.page(address)), "it was not rented here"
    (process.state_dir / "rentals.db").mkdir()
    details = text_of(visitor.page(address).select("#panel-info dl.pairs")[0])
    assert "Stopped automatically not known: the rental ledger cannot be read" in details


def test_a_session_on_its_way_is_looked_at_until_it_is_ready(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.reset(ready_after=10.0)
    uuid = next(rental.uuid for rental in sandbox.world.active() if rental.number == 1)
    page = visitor.page(f"{SESSIONS}/{uuid}")
    live = page.select("#live")[0]
    assert live["data-refresh"] == "2"
    assert "queued" in text_of(live)
    assert "wait_until_ready()" in text_of(live)
    assert live.select("a.no-script")
    sandbox.journal.clear()
    advance(sandbox, 11)
    again = visitor.page(str(live["data-refresh-from"])).select("#live")[0]
    assert "ready" in text_of(again.select("[data-tell]")[0])
    assert again["data-refresh"] == "15"
    assert [entry.path for entry in sandbox.journal.entries()] == [f"/services/{uuid}/info"]


def test_a_session_that_has_ended_is_found_among_the_recent(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[0]
    visitor.page(f"{SESSIONS}/{uuid}")
    sandbox.world.sessions.stop(uuid, None)
    answer = visitor.get(f"{SESSIONS}/{uuid}")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("?recent=true")
    page = visitor.page(str(answer.headers["Location"]))
    assert "ended normally" in text_of(page.select("#panel-info")[0])
    assert page.select("#live")[0]["data-refresh"] == "0"
    assert page.select(".log-line")
    assert not page.select("[data-follow]")
    assert not page.select("dialog#stop")
    assert page.select(".sdk-call-line")[1].string == f"client.services.session('{uuid}').logs(recent=True)"


def test_a_session_nobody_knows_is_said_to_be_unknown(visitor: Visitor) -> None:
    page = visitor.page(str(visitor.get(f"{SESSIONS}/no-such-session").headers["Location"]))
    assert page.select("#panel-info .empty")
    assert "NotFoundError" in text_of(page.select("#panel-log .problem")[0])


def test_a_vpn_configuration_is_shown_only_when_asked_for(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = of_kind(sandbox, "wg")
    rental = next(rental for rental in sandbox.world.active() if rental.uuid == uuid)
    config = rental.info(sandbox.world.clock.monotonic())["config"]
    secret = re.search(r"PrivateKey = (\w+)", config)
    assert secret is not None
    hidden = visitor.page(f"{SESSIONS}/{uuid}")
    assert secret[1] not in str(hidden)
    assert "PrivateKey" not in str(hidden)
    link = hidden.select('a[href*="reveal=config"]')[0]
    shown = visitor.page(str(link["href"]))
    assert shown.select("#vpn-config")[0].get_text() == config
    # The refresh of the page keeps what was asked for.
    assert "reveal=config" in str(shown.select("#live")[0]["data-refresh-from"])
    exported = [
        visitor.get(f"/playground/requests/log.{kind}?source=all").get_data(as_text=True)
        for kind in ("har", "json")
    ]
    assert all(f"/services/{uuid}/info" in text and secret[1] not in text for text in exported)


def test_the_qr_code_is_that_of_the_configuration(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = of_kind(sandbox, "wg")
    page = visitor.page(f"{SESSIONS}/{uuid}?reveal=config")
    svg = page.select("figure.qr svg")[0]
    assert "width" not in svg.attrs
    assert svg["viewbox"].count(" ") == 3  # bs4 writes names in small letters
    assert not svg.select("[style]")
    drawn = _modules(str(svg.select("path[stroke]")[0]["d"]))
    code = segno.make_qr(page.select("#vpn-config")[0].get_text(), error="m", boost_error=False)
    wanted = {(x + 4, y + 4) for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark}
    assert drawn == wanted


def _modules(path: str) -> set[tuple[int, int]]:
    """The dark modules that segno's path draws: `M`oves and `m`oves to a row, and `h`orizontal runs."""
    drawn: set[tuple[int, int]] = set()
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            drawn |= {(int(x) + step, int(y)) for step in range(int(values[0]))}
            x += values[0]
    return drawn


def test_an_http_proxy_is_an_address(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = of_kind(sandbox, "http_proxy")
    assert ":3128" not in str(visitor.page(f"{SESSIONS}/{uuid}"))
    panel = visitor.panel(f"{SESSIONS}/{uuid}?reveal=config", "info")
    assert "curl --proxy http://198.51.100." in str(panel.select("[data-copy]")[0]["data-copy"])
    assert ":3128" in text_of(panel)


def test_values_of_environment_variables_are_not_shown(visitor: Visitor, sandbox: SandboxServer) -> None:
    rented = sandbox.world.sessions.rent_one(
        {"app": "", "node_id": 9101, "disk_size": 1, "image": "x", "ports": [], "http_ports": [],
         "envs": {"TOKEN": "very-secret"}}
    )  # fmt: skip
    page = visitor.page(f"{SESSIONS}/{rented['uuid']}")
    assert "TOKEN" in str(page)
    assert "very-secret" not in str(page)
    assert "very-secret" not in visitor.get("/playground/requests/log.json").get_data(as_text=True)


# Their end


def test_a_session_is_stopped_once_with_a_score(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[-1]
    ask = visitor.page(f"{SESSIONS}/stop?uuid={uuid}")
    text = text_of(ask.select("#main")[0])
    assert "Stable Diffusion" in text
    assert "$" in text
    assert "Sandbox" in text
    assert f"client.services.session('{uuid}').stop()" in text
    token = str(ask.select('input[name="once"]')[0]["value"])
    answers = [visitor.post(f"{SESSIONS}/stop", once=token, uuid=uuid, score="4") for _ in range(3)]
    assert [(entry.path, json.loads(entry.body)) for entry in stops(sandbox)] == [
        (f"/services/{uuid}/stop", {"score": 4})
    ]
    pages = [visitor.follow(answer) for answer in answers]
    assert "The session is stopped." in text_of(pages[0].select(".notice")[0])
    assert len({str(page.select(".notice")[0]) for page in pages}) == 1
    assert "ended normally" in text_of(pages[0].select("#panel-info")[0])


def test_several_are_stopped_with_one_request_each(visitor: Visitor, sandbox: SandboxServer) -> None:
    chosen = uuids(sandbox)[:3]
    query = "&".join(f"uuid={uuid}" for uuid in (*chosen, "gone"))
    ask = visitor.page(f"{SESSIONS}/stop?{query}")
    assert "gone" in text_of(ask.select(".notice-warn")[0])
    fields = [str(field["value"]) for field in ask.select('input[name="uuid"]')]
    assert fields == chosen
    token = str(ask.select('input[name="once"]')[0]["value"])
    sandbox.faults.add("status", status=503, path=f"/services/{chosen[1]}/stop")
    answers = [visitor.post(f"{SESSIONS}/stop", once=token, uuid=chosen, score="") for _ in range(2)]
    assert sorted(entry.path for entry in stops(sandbox)) == sorted(
        f"/services/{uuid}/stop" for uuid in chosen
    )
    page = visitor.follow(answers[1])
    assert "2 of 3 sessions stopped." in text_of(page.select(".notice")[0])
    each = [text_of(item) for item in page.select(".outcome-each li")]
    assert len(each) == 3
    assert "ServiceUnavailableError" in each[1]
    assert "may have been carried out" in each[1]
    assert page.select(".outcome-each li")[1].has_attr("data-outcome-unknown")
    assert len(page.select("#panel-sessions tbody tr")) == 4


def test_a_form_with_more_sessions_than_a_review_shows_stops_none(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    active = uuids(sandbox)
    more = [f"unknown-{number}" for number in range(100)]
    assert visitor.post(f"{SESSIONS}/stop", uuid=[*active, *more]).status_code == 422
    assert stops(sandbox) == []
    assert uuids(sandbox) == active


def test_the_dialog_of_a_session_stops_it(visitor: Visitor, sandbox: SandboxServer) -> None:
    uuid = uuids(sandbox)[0]
    dialog = visitor.page(f"{SESSIONS}/{uuid}?confirm=stop").select("dialog#stop[open]")[0]
    assert "per hour" in text_of(dialog)
    form = dialog.select("form")[0]
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    page = visitor.follow(visitor.client.post(str(form["action"]), data=fields, base_url=ORIGIN))
    assert "stopped" in text_of(page.select(".notice")[0])
    assert [entry.body for entry in stops(sandbox)] == [""]


@pytest.mark.parametrize("score", ["0", "6", "abc", "4.5"])
def test_a_score_that_is_none_is_refused(visitor: Visitor, sandbox: SandboxServer, score: str) -> None:
    page = visitor.follow(visitor.post(f"{SESSIONS}/stop", uuid=uuids(sandbox)[0], score=score))
    assert "Nothing was sent" in text_of(page.select(".notice-warn")[0])
    assert stops(sandbox) == []


def test_a_stop_that_fails_says_so_on_the_page_of_the_session(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    uuid = uuids(sandbox)[0]
    sandbox.faults.add("drop_after_read", path=f"/services/{uuid}/stop", count=1)
    answer = visitor.post(f"{SESSIONS}/stop", uuid=uuid)
    page = visitor.page(str(visitor.get(str(answer.headers["Location"])).headers["Location"]))
    assert page.select(".outcome .problem[data-outcome-unknown]")
    assert len(stops(sandbox)) == 1


def test_choosing_nothing_stops_nothing(visitor: Visitor, sandbox: SandboxServer) -> None:
    for path in ("select", "stop"):
        page = visitor.follow(visitor.post(f"{SESSIONS}/{path}"))
        assert "No sessions selected. Select sessions in the table first." in text_of(page)
        assert page.select("#main form") == []
    assert sandbox.journal.entries() == []


# What payloads may not do


def test_ids_of_any_characters_lead_to_their_session(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for link in visitor.page(SESSIONS).select("tbody th a"):
        answer = visitor.get(str(link["href"]))
        assert answer.status_code == 200, link
        assert "<script>window" not in answer.get_data(as_text=True)
    slashes = next(uuid for uuid in uuids(sandbox) if "/" in uuid)
    page = visitor.page(f"{SESSIONS}/stop?uuid={quote(encoded(slashes), safe='')}")
    field = str(page.select('form input[name="uuid"]')[0]["value"])
    assert decoded(field) == slashes
    visitor.post(f"{SESSIONS}/stop", uuid=field)
    assert slashes not in uuids(sandbox)
    assert len(stops(sandbox)) == 1


def test_hostile_sessions_carry_no_markup_and_no_links(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    paths = [SESSIONS, f"{SESSIONS}?tab=recent"]
    paths += [str(link["href"]) for path in paths for link in visitor.page(path).select("tbody th a")]
    for path in paths:
        page = visitor.page(path + ("&" if "?" in path else "?") + "reveal=config")
        for tag in page.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")]
            assert not str(tag.get("href", "")).startswith(("javascript:", "data:"))
        assert all(script.get("src") for script in page.find_all("script"))
        assert not re.search("[\u202e\u2066\x1b\x00]", str(page))


def test_a_second_stop_shows_the_first_and_is_no_error(visitor: Visitor, sandbox: SandboxServer) -> None:
    one, other, third = uuids(sandbox)[:3]
    visitor.post(f"{SESSIONS}/stop", uuid=one)
    first = json.loads(visitor.get("/playground/requests/log.json").data)[0]
    assert first["path"] == f"/services/{one}/stop"

    def stop_again(uuid: str) -> BeautifulSoup:
        answer = visitor.get(str(visitor.post(f"{SESSIONS}/stop", uuid=uuid).headers["Location"]))
        return visitor.page(str(answer.headers["Location"]))  # the ended session

    page = stop_again(one)
    notice = page.select(".notice-info")[0]
    assert "This browser stopped the session" in text_of(notice)
    assert str(notice.select("a")[0]["href"]).endswith(f"/{first['id']}")
    assert not page.select(".outcome .problem")
    assert "ended" in text_of(page.select(".state-line")[0])

    # An API that fails is not one that says the session is gone.
    sandbox.faults.add("status", status=500, path="/services/*/stop", count=1)
    failed = visitor.get(str(visitor.post(f"{SESSIONS}/stop", uuid=one).headers["Location"]))
    page = visitor.page(str(failed.headers["Location"]))
    assert "ServerError" in text_of(page.select(".outcome .problem")[0])

    # With others, and one that was stopped elsewhere: only that is an error.
    page = visitor.follow(visitor.post(f"{SESSIONS}/stop", uuid=[one, other]))
    assert "1 of 2 sessions stopped. 1 was already done." in text_of(page.select(".notice-info")[0])
    assert "already done" in text_of(page.select(".outcome-each li")[0])
    sandbox.world.sessions.stop(third, None)
    page = stop_again(third)
    assert "NotFoundError" in text_of(page.select(".outcome .problem")[0])
    assert len(stops(sandbox)) == 6
