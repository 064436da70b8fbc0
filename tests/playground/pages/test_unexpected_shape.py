"""JSON of another shape than the API's: each panel reports it, shows the answer and logs it.

It is about the answer, so no page may take it for a wrong argument, and none may fail.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import Tag

from ...support.waiting import until
from ..browsing import Visitor, text_of
from ..small_api import Answer, SmallApi
from .rent.renting import MACHINE, order
from .runner.test_runner import RUNNER, run
from .smoke.test_smoke import report, suite

TITLE = "The answer has an unexpected shape"
KEY = "the-key-of-a-guest"
MARK = "what-came"

#: For each read an answer that is not of its shape, and the field that the card names.
LIST: Any = [{"unexpected": MARK}]
OBJECT: Any = {"unexpected": MARK}
WHOLE: dict[str, Any] = {
    "/network": LIST,
    "/accounts": LIST,
    "/accounts/balance": LIST,
    "/apps": OBJECT,
    "/nodes": OBJECT,
    "/nodes/9001": LIST,
    "/sessions": OBJECT,
    "/services/some-session/info": LIST,
    "/services/some-session/logs": [{"unexpected": MARK}],
    "/services/mr": OBJECT,
    "/services/vpn": OBJECT,
    "/services/render": OBJECT,
    "/idle_jobs/9001/41": LIST,
    "/idle_jobs/9001/41/logs": {"data": {"unexpected": MARK}},
}

PAGES: dict[str, dict[str, str]] = {
    "/playground/dashboard": {
        "network": "network.info", "balance": "accounts.balance", "profile": "accounts.profile",
        "sessions": "sessions.list", "nodes": "nodes.list",
    },
    "/playground/network": {"network": "network.info"},
    "/playground/account": {
        "profile": "accounts.profile", "balance": "accounts.balance", "network": "network.info",
    },
    "/playground/apps": {"apps": "apps.list"},
    "/playground/nodes": {"nodes": "nodes.list"},
    "/playground/nodes/9001": {"node": "nodes.find", "listed": "nodes.list"},
    "/playground/sessions": {"sessions": "sessions.list"},
    "/playground/sessions?tab=recent": {"sessions": "sessions.list"},
    "/playground/sessions/stop?uuid=some-session": {"sessions": "sessions.list"},
    "/playground/sessions/some-session": {
        "info": "services.session.info", "log": "services.session.logs",
    },
    "/playground/sessions/some-session?recent=true": {
        "info": "sessions.list", "log": "services.session.logs",
    },
    "/playground/services?tab=mr": {"offers": "services.mr.search"},
    "/playground/services?tab=mr&gpu=rtx&app=a": {"offers": "services.mr.search", "app": "apps.list"},
    "/playground/services?tab=vpn": {"offers": "services.vpn.search"},
    "/playground/services?tab=render": {"offers": "services.render.search"},
    "/playground/services/mr/rent?node_id=9101": {"offer": "services.mr.list", "apps": "apps.list"},
    "/playground/services/vpn/rent?node_id=9301": {"offer": "services.vpn.list"},
    "/playground/services/render/rent?node_id=9201": {"offer": "services.render.list"},
    "/playground/idle-jobs?node=9001&job=41": {"job": "idle_jobs.find", "logs": "idle_jobs.logs"},
}  # fmt: skip


def answers(payloads: dict[str, Any]) -> dict[str, Any]:
    """JSON answers by method and path; the request id of each is its path."""
    return {
        f"GET {path}": Answer(json.dumps(data).encode(), 200, "application/json", f"id-of{path}")
        for path, data in payloads.items()
    }


def cards(page: Tag) -> dict[str, Tag]:
    """The panels that have an error card."""
    return {str(it["data-panel"]): it for it in page.select("[data-panel]") if it.select(".problem")}


def check_card(panel: Tag, *, field: str = "", raw: str = MARK) -> None:
    """The card names the error and the field, and the JSON that came is one click away."""
    card = panel.select(".problem")[0]
    assert TITLE in text_of(card)
    assert "UnexpectedShapeError" in text_of(card)
    assert [text_of(chip) for chip in card.select(".chip") if "field" in text_of(chip)] == (
        [f"field {field}"] if field else []
    )
    assert "arguments" not in text_of(card)
    assert raw in text_of(panel.select("details.raw .raw-text")[0])


@pytest.mark.parametrize("address", PAGES)
def test_each_panel_shows_the_card_the_data_and_logs_it(
    guest: Visitor, small_api: SmallApi, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    small_api.answers = answers(WHOLE)
    found = cards(guest.page(address))
    assert set(PAGES[address]) <= set(found)
    logged = [record for record in caplog.records if record.name == "playground"]
    for name, method in PAGES[address].items():
        check_card(found[name], field={"logs": "data", "log": "line 0"}.get(name, ""))
        (line,) = {record.getMessage() for record in logged if record.getMessage().startswith(f"{method}: ")}
        assert "id-of/" in line
        assert all(record.exc_info is None for record in logged)
    assert KEY not in caplog.text
    row = json.loads(guest.get("/playground/requests/log.json?text=services").data)
    assert {entry["error"] for entry in row} <= {"UnexpectedShapeError", None}


@pytest.mark.parametrize(
    ("address", "name", "path", "payload", "field"),
    [
        ("/playground/sessions/some-session", "info", "/services/some-session/info", {"uuid": 7}, "uuid"),
        ("/playground/sessions/some-session", "info", "/services/some-session/info", {"no": "id"}, "uuid"),
        ("/playground/sessions/some-session", "log", "/services/some-session/logs", [3], "line 0"),
        ("/playground/nodes/9001", "node", "/nodes/9001", {"id": "x"}, "id"),
        ("/playground/account", "profile", "/accounts", {"account_uuid": 5}, "account_uuid"),
        ("/playground/account", "balance", "/accounts/balance", {"balance": "much"}, "balance"),
        ("/playground/account", "balance", "/accounts/balance",
         {"balance": 1, "currency": "USD"}, "currency"),
        ("/playground/dashboard", "balance", "/accounts/balance", {"balance": None}, "balance"),
        ("/playground/idle-jobs?node=9001&job=41", "logs", "/idle_jobs/9001/41/logs", {"data": "!"}, "data"),
    ],
)  # fmt: skip
def test_the_card_and_the_log_name_the_field(
    guest: Visitor, small_api: SmallApi, address: str, name: str, path: str, payload: Any, field: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    small_api.answers = answers({"/services/some-session/info": {"uuid": "some-session"}, path: payload})
    panel = cards(guest.page(address))[name]
    raw = str(next(iter(payload)))
    check_card(panel, field=field, raw=raw)
    lines = [record.getMessage() for record in caplog.records if TITLE.lower() in record.getMessage().lower()]
    assert any(field in line and f"id-of{path}" in line for line in lines)


def test_the_request_log_has_the_call_as_an_error(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = answers({"/network": LIST, "/accounts/balance": LIST})
    guest.page("/playground/network")
    (row,) = json.loads(guest.get("/playground/requests/log.json?text=network").data)
    assert (row["status"], row["error"]) == (200, "UnexpectedShapeError")
    page = guest.page("/playground/diagnostics")
    item = page.select(".endpoint-card .endpoint-state")[0]
    assert "failing" in text_of(item)
    assert "UnexpectedShapeError" in text_of(item)


def test_the_whole_answer_can_be_saved_although_it_is_too_long_to_be_shown(
    guest: Visitor, small_api: SmallApi
) -> None:
    data = [{"unexpected": "x" * 100, "at": number} for number in range(2000)]
    small_api.answers = answers({"/network": data})
    panel = cards(guest.page("/playground/network"))["network"]
    link = str(panel.select("details.raw .hint a")[0]["href"])
    assert json.loads(guest.get(link).data) == data


def test_a_wrong_argument_is_no_malformed_answer(
    guest: Visitor, small_api: SmallApi, caplog: pytest.LogCaptureFixture
) -> None:
    page = guest.page("/playground/nodes/..%252f%0A")
    assert "arguments are invalid" in text_of(page.select("#main .problem")[0])
    assert TITLE not in text_of(page)
    assert TITLE not in caplog.text


def test_a_log_that_is_followed_says_so_as_json(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = answers(WHOLE)
    found = json.loads(guest.get("/playground/sessions/some-session/log").data)
    assert "UnexpectedShapeError" in found["problem"]
    assert "line 0" in found["problem"]
    assert guest.get("/playground/sessions/some-session/log.txt").status_code == 502


def test_the_page_that_asks_before_renting_says_what_it_could_not_read(
    guest: Visitor, small_api: SmallApi
) -> None:
    small_api.answers = answers({
        "/services/mr": [{"node_id": 9101, "total_price_usd": 0.5}], "/network": LIST,
        "/accounts/balance": {"balance": "what-came"}, "/apps": OBJECT,
    })  # fmt: skip
    found = cards(guest.page(order(guest, "mr", **MACHINE, app="an-app")))
    assert set(found) == {"network", "balance", "apps"}
    check_card(found["network"])
    check_card(found["balance"], field="balance")
    check_card(found["apps"])


def test_the_connection_test_does_not_take_it_for_the_api(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = answers({"/network": LIST})
    page = guest.follow(guest.post("/playground/settings/test"))
    row = text_of(page.select("#main table.data tbody tr")[0])
    assert "not the API" in row
    assert "Network.from_api" in row
    assert [arrival.path for arrival in small_api.arrived()] == ["/network"]


def test_a_run_has_failed_and_shows_what_came(
    guest: Visitor, small_api: SmallApi, caplog: pytest.LogCaptureFixture
) -> None:
    small_api.answers = answers({"/services/mr": OBJECT})
    page = run(guest, "services.mr.search")
    assert TITLE in text_of(page.select("#run .problem")[0])
    assert MARK in text_of(page.select("#raw-run-text")[0])
    assert any("services.mr.search" in line and "id-of/services/mr" in line for line in caplog.messages)


def test_a_rental_by_an_entry_that_cannot_be_used_is_not_sent(
    guest: Visitor, small_api: SmallApi, caplog: pytest.LogCaptureFixture
) -> None:
    small_api.answers = answers({"/apps": [{"uuid": "an-app", "image": [MARK]}]})
    arguments = json.dumps({"node_id": 9101, "app": "an-app", "disk_size": 5})
    page = run(guest, "services.mr.create", **{"as": "json", "args": arguments, "confirmed": "yes"})
    until(lambda: not guest.page(RUNNER).select("[data-watch]"))
    assert small_api.arrived("POST") == []
    card = text_of(page.select("#run .problem")[0])
    assert TITLE in card
    assert "field image" in card
    assert "carried out" not in card
    assert any("services.mr.create" in line and "id-of/apps" in line for line in caplog.messages)


def test_a_step_of_the_smoke_suite_fails(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = answers({"/network": LIST, "/apps": []})
    calls = {call["method"]: call for call in report(guest, suite(guest))["calls"]}
    assert calls["network.info"]["state"] == "failed"
    assert "Network.from_api" in calls["network.info"]["message"]
    assert calls["apps.list"]["state"] == "passed"
