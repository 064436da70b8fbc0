"""A 2xx in HTML is not the API's answer, wherever a person looks: it has one name and is never a success."""

from __future__ import annotations

import json

import pytest

from octaspace.sandbox import SandboxServer

from ..browsing import Visitor, text_of
from ..small_api import HTML, Answer, SmallApi
from .rent.renting import MACHINE, rent
from .runner.test_runner import run
from .smoke.test_smoke import report, suite

#: What the SDK's error says of it, on every page.
NAMED = "200, but the body is text/html; charset=utf-8, not JSON"
SETTINGS = "/playground/settings"


@pytest.mark.parametrize(
    ("address", "panels"),
    [
        ("/playground/dashboard", {"network", "balance", "profile", "sessions", "nodes"}),
        ("/playground/network", {"network"}),
        ("/playground/account", {"profile", "balance", "network"}),
        ("/playground/apps", {"apps"}),
        ("/playground/nodes", {"nodes"}),
        ("/playground/nodes/9001", {"node", "listed"}),
        ("/playground/sessions", {"sessions"}),
        ("/playground/sessions/some-session", {"info", "log"}),
        ("/playground/services?tab=mr", {"offers"}),
        ("/playground/services?tab=vpn", {"offers"}),
        ("/playground/services?tab=render", {"offers"}),
        ("/playground/idle-jobs?node=9001&job=41", {"job", "logs"}),
    ],
)
def test_each_panel_shows_the_card(
    guest: Visitor, small_api: SmallApi, address: str, panels: set[str]
) -> None:
    small_api.answers = {
        f"GET {path}": Answer()
        for path in (
            "/network", "/accounts", "/accounts/balance", "/apps", "/nodes", "/nodes/9001", "/sessions",
            "/services/some-session/info", "/services/some-session/logs", "/services/mr", "/services/vpn",
            "/services/render", "/idle_jobs/9001/41", "/idle_jobs/9001/41/logs",
        )
    }  # fmt: skip
    page = guest.page(address)
    cards = {
        str(panel["data-panel"]): text_of(panel.select(".problem")[0])
        for panel in page.select("[data-panel]")
        if panel.select(".problem")
    }
    assert panels <= set(cards)
    for card in cards.values():
        assert "InvalidResponseError" in card
        assert NAMED in card


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (Answer(), NAMED),
        (Answer(b"", content_type="application/json"), "200, but the body is empty"),
        (Answer(b'{"a":', content_type="application/json"), "200, but the JSON is invalid"),
    ],
    ids=["html", "empty", "half"],
)
def test_the_connection_test_does_not_call_it_reachable_and_keeps_the_key(
    guest: Visitor, small_api: SmallApi, answer: Answer, named: str
) -> None:
    small_api.answers = {"GET /network": answer}
    page = guest.follow(guest.post(f"{SETTINGS}/test"))
    assert "key could not be tested" in text_of(page.select('.notice-warn[role="status"]')[0])
    cells = {
        str(cell["data-label"]): text_of(cell) for cell in page.select("#main table.data tbody [data-label]")
    }
    assert cells["Reachable"] == "not the API"
    assert cells["Key"] == "unknown"
    assert named in cells["Message"]
    assert [arrival.path for arrival in small_api.arrived()] == ["/network"]


def test_the_connection_test_names_it_where_the_key_is_tried(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /network": {}, "GET /accounts/balance": Answer()}
    page = guest.follow(guest.post(f"{SETTINGS}/test"))
    row = text_of(page.select("#main table.data tbody tr")[0])
    assert "unknown" in row
    assert "accepted" not in row
    assert NAMED in row


def test_the_endpoint_is_not_healthy(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /network": Answer(), "GET /accounts/balance": Answer()}
    guest.page("/playground/network")
    page = guest.page("/playground/diagnostics")
    item = page.select(".endpoint-card")[0]
    assert text_of(item.select(".badge-state")[0]) == "failing"
    assert "InvalidResponseError" in text_of(item.select(".endpoint-state")[0])
    assert NAMED in text_of(item)
    report = guest.get("/playground/diagnostics/report.md").get_data(as_text=True)
    assert f"| `{small_api.url}` | failing |" in report
    assert "| InvalidResponseError (200) |" in report
    assert NAMED in report
    small_api.answers = {"GET /network": {}, "GET /accounts/balance": {}}
    guest.page("/playground/network")
    item = guest.page("/playground/diagnostics").select(".endpoint-card")[0]
    assert text_of(item.select(".badge-state")[0]) == "unstable", "it has failed within the last minutes"


def test_a_step_of_the_smoke_suite_fails(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("html", path="/apps")
    calls = report(visitor, suite(visitor))["calls"]
    states = {call["method"]: (call["state"], call["message"]) for call in calls}
    state, message = states.pop("apps.list")
    assert state == "failed"
    assert "InvalidResponseError" in message
    assert "200, but the body is text/html, not JSON" in message
    assert "failed" not in {state for state, _ in states.values()}


@pytest.mark.parametrize("method", ["network.info", "services.mr.search"])
def test_a_run_has_failed(guest: Visitor, small_api: SmallApi, method: str) -> None:
    small_api.answers = {"GET /network": Answer(), "GET /services/mr": Answer()}
    card = text_of(run(guest, method).select("#run .problem")[0])
    assert "InvalidResponseError" in card
    assert NAMED in card


def test_sent_again_it_is_a_failure_again(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /network": {}}
    guest.page("/playground/network")
    link = guest.page("/playground/requests?text=network").select("#main .calls th a")[0]
    small_api.answers = {"GET /network": Answer()}
    page = guest.follow(guest.post(f"{link['href']}/repeat"))
    assert "InvalidResponseError" in text_of(page.select("#main .badge-state")[0])
    assert NAMED in text_of(page.select(".problem-message")[0])
    assert text_of(page.select("#main h1")[0]).endswith("GET /network")


#: The pieces of the form of each service, and where it is sent.
FORMS = {
    "mr": MACHINE,
    "vpn": {"node_id": "9301", "subkind": "wg"},
    "render": {"node_id": "9201", "disk_size": "5"},
}


#: Answers to a creation with an unknown outcome, and the text of the page.
UNKNOWN: list[tuple[object, str]] = [
    (Answer(), NAMED),
    (Answer(HTML, 201), "201, but the body is text/html"),
    (Answer(b"", 200, "application/json"), "the body is empty"),
    ([], "names no session"),
    ([{}], "names no session"),
    ({"uuid": ""}, "names no session"),
]

#: Answers that refuse a creation inside a 2xx, and their words.
REJECTED: list[tuple[object, str]] = [
    ([{"message": "INTERNAL_ERROR"}], "INTERNAL_ERROR"),
    ({"error": "no such node"}, "no such node"),
    ([{"id": 0, "reason": "node is busy", "status": 3}], "node is busy"),
]


def log_of_changes(visitor: Visitor) -> list[str | None]:
    """The errors of the changes in the request log."""
    rows = json.loads(visitor.get("/playground/requests/log.json?method=POST").data)
    return [row["error"] for row in rows]


@pytest.mark.parametrize("service", FORMS)
def test_a_creation_of_unknown_outcome_says_to_look_first(
    guest: Visitor, small_api: SmallApi, service: str
) -> None:
    """Q19: whether something was rented is unknown."""
    for answer, words in UNKNOWN:
        small_api.answers = {f"POST /services/{service}": answer}
        page = guest.follow(rent(guest, service, **FORMS[service]))
        card = text_of(page.select(".outcome .problem[data-outcome-unknown]")[0])
        assert "InvalidResponseError" in card
        assert words in card
        assert "Nothing was rented" not in text_of(page)
        assert page.select('.notice-warn a[href="/playground/sessions"]')
    assert len(small_api.arrived("POST")) == len(UNKNOWN), "each was sent once"
    assert log_of_changes(guest) == ["InvalidResponseError"] * len(UNKNOWN)


@pytest.mark.parametrize("service", FORMS)
def test_a_rejection_says_that_nothing_was_rented(guest: Visitor, small_api: SmallApi, service: str) -> None:
    """Q2, Q19: alike for every service."""
    for answer, words in REJECTED:
        small_api.answers = {f"POST /services/{service}": answer}
        page = guest.follow(rent(guest, service, **FORMS[service]))
        card = text_of(page.select(".outcome .problem:not([data-outcome-unknown])")[0])
        for part in ("ProvisionRejectedError", words, "Nothing was rented"):
            assert part in card, part
        assert "another offer" in card
        assert page.select('.notice-warn a[href*="order="]'), "another offer can be chosen"
    assert len(small_api.arrived("POST")) == len(REJECTED), "each was sent once"
    assert log_of_changes(guest) == ["ProvisionRejectedError"] * len(REJECTED)


def test_a_session_beside_a_rejection_is_told(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"POST /services/mr": [{"uuid": "made-all-the-same"}, {"reason": "busy"}]}
    page = guest.follow(rent(guest, "mr", **MACHINE))
    card = text_of(page.select(".outcome .problem")[0])
    assert "made-all-the-same" in card
    assert "Nothing was rented" not in card
    assert page.select('.notice-warn a[href="/playground/sessions"]')


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("many", [True, False], ids=["list", "object"])
def test_any_answer_that_names_a_session_is_a_rental(
    guest: Visitor, small_api: SmallApi, status: int, many: bool
) -> None:
    """Q17, Q18."""
    item = {"uuid": "a-new-session"}
    body = json.dumps([item] if many else item).encode()
    small_api.answers = {
        "POST /services/mr": Answer(body, status, "application/json"),
        "GET /services/a-new-session/info": {"uuid": "a-new-session"},
        "GET /services/a-new-session/logs": {"system": [], "container": ""},
    }
    answer = rent(guest, "mr", **MACHINE)
    assert str(answer.headers["Location"]).startswith("/playground/sessions/a-new-session")


def test_a_stop_that_confirms_nothing_is_no_stop(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {
        "POST /services/it/stop": Answer(),
        "GET /services/it/info": {"uuid": "it", "is_ready": True},
        "GET /services/it/logs": {"system": [], "container": ""},
    }
    page = guest.follow(guest.post("/playground/sessions/stop", uuid="it"))
    card = text_of(page.select(".outcome .problem[data-outcome-unknown]")[0])
    assert NAMED in card
    assert len(small_api.arrived("POST")) == 1
