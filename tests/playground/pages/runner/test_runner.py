"""The method runner: asks before it changes, never runs on opening, and can be walked away from."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer

from ....support.waiting import until
from ...browsing import ORIGIN, Visitor
from ...sdk.test_methods import CHANGES

RUNNER = "/playground/diagnostics/runner"
KEY = "sk-typed-in-a-browser-1234"


def run(visitor: Visitor, method: str, **fields: str) -> BeautifulSoup:
    """Press Run; the page with the result."""
    return visitor.follow(visitor.post(f"{RUNNER}/run", method=method, **{"as": "form", **fields}))


def result(page: BeautifulSoup) -> str:
    part = page.select_one("#run")
    assert part is not None
    return part.get_text(" ", strip=True)


def changes(sandbox: SandboxServer) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in sandbox.journal.entries() if entry.change]


def test_every_method_has_a_page_and_opening_it_runs_nothing(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    page = visitor.page(RUNNER)
    links = [str(link["href"]) for link in page.select(".methods a")]
    assert len(links) > 25
    for link in links:
        page = visitor.page(link)
        name = parse_qs(urlsplit(link).query)["method"][0]
        title = page.select_one("#method-title")
        assert title is not None
        assert title.get_text() == name
        marks = page.select(".runner-work .panel-head .badge-state")
        assert ("changes" in marks[0].get_text()) == (name in CHANGES)
    visitor.page(f'{RUNNER}?method=nodes.reboot&args={{"id":9001}}')
    assert sandbox.journal.entries() == []


def test_a_read_shows_data_status_headers_attempts_and_the_request(visitor: Visitor) -> None:
    page = run(visitor, "nodes.find", **{"arg-id": "9001"})
    text = result(page)
    for part in ("HTTP 200", "client.nodes.find(9001)", '"city": "Frankfurt"', "1 attempt", "X-Request-Id",
                 "GET /nodes/9001", "Authorization: ••••"):  # fmt: skip
        assert part in text
    field = page.find(id="arg-id")
    assert field is not None
    assert field["value"] == "9001"


def test_the_address_leads_a_colleague_to_the_same_call(app: Flask, visitor: Visitor) -> None:
    answer = visitor.post(f"{RUNNER}/run", method="nodes.find", **{"as": "form", "arg-id": "9001"})
    query = parse_qs(urlsplit(str(answer.headers["Location"])).query)
    assert query["method"] == ["nodes.find"]
    assert json.loads(query["args"][0]) == {"id": 9001}
    other = Visitor(app).page(str(answer.headers["Location"]))
    field = other.find(id="arg-id")
    assert field is not None
    assert field["value"] == "9001"
    assert other.select_one("#run") is None, "the result is the first browser's"


@pytest.mark.parametrize("given", [{"as": "form", "arg-id": ""}, {"as": "json", "args": '{"id": null}'}])
def test_a_missing_argument_is_said_and_nothing_is_sent(
    visitor: Visitor, sandbox: SandboxServer, given: dict[str, str]
) -> None:
    answer = visitor.post(f"{RUNNER}/run", method="nodes.find", **given)
    assert answer.status_code == 422
    assert "Required." in answer.get_data(as_text=True)
    assert sandbox.journal.entries() == []


@pytest.mark.parametrize("name", ["nope", "network", "network.info.x", "services.mr"])
def test_a_name_that_is_no_method_is_a_missing_page(visitor: Visitor, name: str) -> None:
    answer = visitor.get(f"{RUNNER}?method={name}")
    assert answer.status_code == 404
    assert "The SDK has no such method." in answer.get_data(as_text=True)


def test_the_sdks_own_refusal_stands_at_its_field(visitor: Visitor, sandbox: SandboxServer) -> None:
    answer = visitor.post(
        f"{RUNNER}/run", method="services.session.stop",
        **{"as": "form", "arg-uuid": "u", "arg-score": "7", "confirmed": "yes"},
    )  # fmt: skip
    page = BeautifulSoup(answer.get_data(), "html.parser")
    error = page.find(id="arg-score-error")
    assert error is not None
    assert "from 1 to 5" in error.get_text()
    assert sandbox.journal.entries() == []


def test_json_and_form_give_the_same_call(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = run(visitor, "sessions.list", **{"as": "json", "args": '{"recent": true}'})
    assert "client.sessions.list(recent=True)" in result(page)
    switched = visitor.follow(
        visitor.post(f"{RUNNER}/run", method="sessions.list", do="form",
                     **{"as": "json", "args": '{"recent": true}'})
    )  # fmt: skip
    assert switched.select('#arg-recent option[value="true"][selected]')
    assert len(sandbox.journal.entries()) == 1


def test_a_change_asks_first_and_is_sent_once(visitor: Visitor, sandbox: SandboxServer) -> None:
    answer = visitor.post(f"{RUNNER}/run", method="nodes.reboot", **{"as": "form", "arg-id": "9001"})
    assert answer.status_code == 200
    page = BeautifulSoup(answer.get_data(), "html.parser")
    asking = page.select_one(".confirm-change")
    assert asking is not None
    assert "GET /nodes/9001/reboot" in asking.get_text(" ", strip=True)
    assert sandbox.journal.entries() == []
    fields = {str(field["name"]): str(field["value"]) for field in asking.select("input[type=hidden]")}
    del fields["csrf_token"]
    answers = [visitor.post(f"{RUNNER}/run", **fields) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert "Reboot requested" in result(visitor.follow(answers[0]))
    assert changes(sandbox) == ["GET /nodes/9001/reboot"]


def test_a_rental_by_app_asks_first_though_it_begins_with_a_read(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    app = next(app["uuid"] for app in sandbox.world.initial_state.apps if app["image"])
    fields = {"as": "form", "arg-node_id": "9101", "arg-app": app, "arg-disk_size": "20"}
    answer = visitor.post(f"{RUNNER}/run", method="services.mr.create", **fields)
    asking = BeautifulSoup(answer.get_data(), "html.parser").select(".confirm-change")[0]
    assert "GET /apps first;" in asking.get_text(" ", strip=True)
    assert sandbox.journal.entries() == []
    hidden = {str(field["name"]): str(field["value"]) for field in asking.select("input[type=hidden]")}
    del hidden["csrf_token"]
    assert "uuid" in result(visitor.follow(visitor.post(f"{RUNNER}/run", **hidden)))
    assert [f"{entry.method} {entry.path}" for entry in sandbox.journal.entries()] == [
        "GET /apps", "POST /services/mr",
    ]  # fmt: skip


def test_a_change_on_the_live_api_wants_the_name_typed(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/source", kind="live", api_key=KEY)
    fields = {"method": "accounts.generate_wallet", "as": "json", "args": "{}", "confirmed": "yes"}
    answer = visitor.post(f"{RUNNER}/run", **fields, typed_name="accounts.balance")
    assert answer.status_code == 422
    assert "does not match the method&#39;s name" in answer.get_data(as_text=True)


def test_what_a_rental_costs_is_said_when_the_log_knows_it(visitor: Visitor, sandbox: SandboxServer) -> None:
    machine = str(sandbox.world.initial_state.mr[0]["node_id"])
    fields = {"as": "form", "arg-node_id": machine, "arg-disk_size": "10", "arg-image": "x"}

    def asked() -> str:
        answer = visitor.post(f"{RUNNER}/run", method="services.mr.create", **fields)
        return " ".join(
            BeautifulSoup(answer.get_data(), "html.parser").select(".confirm-change")[0].get_text().split()
        )

    assert "$" not in asked()
    run(visitor, "services.mr.list")
    assert f"It costs ${sandbox.world.initial_state.mr[0]['total_price_usd']:.4f} per hour" in asked()
    assert changes(sandbox) == []


def test_presets_have_ids_from_what_was_seen(visitor: Visitor) -> None:
    assert not visitor.page(f"{RUNNER}?method=nodes.find").select(".presets a")
    run(visitor, "nodes.list")
    preset = visitor.page(f"{RUNNER}?method=nodes.find").select(".presets a")[0]
    assert "9001" in str(preset["href"])


@pytest.mark.parametrize(
    ("method", "fields", "says"),
    [
        ("services.mr.search", {"arg-gpu": "RTX", "arg-sort": "vram"}, '"node_id"'),
        ("services.vpn.search", {"arg-residential": "true"}, '"residential": true'),
        ("nodes.download_logs", {"arg-id": "9001"}, "bytes (left out: may contain secrets)"),
        ("nodes.download_ident", {"arg-id": "9001"}, "bytes (left out"),
        ("network.info", {}, "A public call, sent without the key."),
        ("nodes.find", {"arg-id": "1"}, "NotFoundError"),
    ],
)
def test_each_kind_of_result_is_shown(
    visitor: Visitor, method: str, fields: dict[str, str], says: str
) -> None:
    assert says in result(run(visitor, method, **fields))


def test_sessions_are_waited_for_followed_and_rented(visitor: Visitor, sandbox: SandboxServer) -> None:
    world = sandbox.world
    ready = next(rental.uuid for rental in world.active() if rental.is_ready(world.clock.monotonic()))
    ended = next(iter(world.sessions.finished))
    page = run(visitor, "services.session.wait_until_ready", **{"arg-uuid": ready, "arg-timeout": "5"})
    assert "service configured" in result(page)
    page = run(visitor, "services.session.follow_logs", **{"arg-uuid": ended, "arg-interval": "0"})
    assert "Container started" in result(page) or "Status: ready" in result(page)
    relay = world.initial_state.vpn[0]["node_id"]
    page = run(
        visitor, "services.vpn.rent", **{"as": "json", "args": f'{{"node_id": {relay}}}', "confirmed": "yes"}
    )
    assert "HTTP 200" in result(page)
    assert [line.split("/")[-1] for line in changes(sandbox)] == ["vpn", "stop"]


def test_limits_keep_a_run_from_taking_a_thread_for_ever(visitor: Visitor, sandbox: SandboxServer) -> None:
    for method, field in (("wait_until_ready", "timeout"), ("follow_logs", "interval")):
        for value in ("1e9", "nan", "inf"):
            answer = visitor.post(
                f"{RUNNER}/run", method=f"services.session.{method}",
                **{"as": "form", "arg-uuid": "u", f"arg-{field}": value},
            )  # fmt: skip
            assert answer.status_code == 422
            assert f'id="arg-{field}-error"' in answer.get_data(as_text=True)
    assert sandbox.journal.entries() == []


def test_a_read_can_be_abandoned_and_a_change_cannot(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", total_timeout="20", max_retries="0", read_timeout="20")
    fault = sandbox.faults.add("stall")
    page = run(visitor, "network.info")
    part = page.select_one("#run[data-watch]")
    assert part is not None
    watched = str(part["data-watch"])
    page = visitor.follow(visitor.post(f"{watched}/cancel"))
    assert "cancelling" in result(page)
    assert not page.select("#run form")
    fields = {"as": "json", "args": '{"id": 9001}', "confirmed": "yes"}
    change = run(visitor, "nodes.reboot", **fields)
    assert "cannot be cancelled" in result(change)
    assert not change.select("#run form")
    watched_change = str(change.select("#run")[0]["data-watch"])
    visitor.post(f"{watched_change}/cancel")
    sandbox.faults.remove_fault(fault.id)
    until(lambda: "data-watch" not in visitor.get(watched).get_data(as_text=True), within=20)
    until(lambda: "data-watch" not in visitor.get(watched_change).get_data(as_text=True), within=20)
    assert "cancelled" in visitor.get(watched).get_data(as_text=True)
    assert "cancelled" not in visitor.get(watched_change).get_data(as_text=True)


def test_an_answers_secrets_and_the_key_are_nowhere(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key=KEY)
    world = sandbox.world
    vpn = next(
        rental.uuid for rental in world.active()
        if rental.service == "vpn" and rental.kind == "wg" and rental.is_ready(world.clock.monotonic())
    )  # fmt: skip
    page = run(visitor, "services.session.info", **{"arg-uuid": vpn})
    assert "PrivateKey" not in str(page)
    link = page.select("#run a[download]")[0]
    saved = visitor.get(str(link["href"]))
    assert "PrivateKey" not in saved.get_data(as_text=True)
    assert json.loads(saved.data)["uuid"] == vpn
    machine = world.initial_state.mr[0]["node_id"]
    rent = {"node_id": machine, "disk_size": 1, "image": "x", "envs": {"PASSWORD": "hunter2"}}
    answer = visitor.post(
        f"{RUNNER}/run",
        method="services.mr.create",
        **{"as": "json", "args": json.dumps(rent), "confirmed": "yes"},
    )
    assert "hunter2" not in answer.headers["Location"]
    page = visitor.follow(answer)
    assert "hunter2" not in str(page)
    assert KEY not in str(page)
    assert changes(sandbox) == ["POST /services/mr"]


def test_runs_are_the_browsers_own(app: Flask, visitor: Visitor) -> None:
    page = run(visitor, "network.info")
    id = str(page.select("#run a[download]")[0]["href"]).split("/")[-2]
    other = Visitor(app)
    for path in (f"{RUNNER}/runs/{id}", f"{RUNNER}/runs/{id}/data.json"):
        assert other.get(path).status_code == 404
    assert other.post(f"{RUNNER}/runs/{id}/cancel").status_code == 404


def test_an_unknown_method_is_none_of_ours(visitor: Visitor, sandbox: SandboxServer) -> None:
    for name in ("__class__", "nodes._get", "close", "services.session", "nope"):
        assert visitor.post(f"{RUNNER}/run", method=name, **{"as": "form"}).status_code == 404
    answer = visitor.client.post(f"{RUNNER}/run", data={"method": "network.info"}, base_url=ORIGIN)
    assert answer.status_code == 400
    assert sandbox.journal.entries() == []


def test_what_is_rented_with_a_deadline_is_recorded_for_this_browser(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    ledger = app.extensions["playground"].rental_ledger
    fields = {"arg-node_id": "9301", "arg-subkind": "wg", "arg-deadline": "2035-01-01T00:00:00Z"}
    answer = visitor.post(f"{RUNNER}/run", method="services.vpn.create", **{"as": "form", **fields})
    asking = BeautifulSoup(answer.data, "html.parser")
    assert "deadline=datetime.datetime(2035, 1, 1" in str(asking)
    confirmed = str(asking.select('[name="args"][type="hidden"]')[0]["value"])
    assert json.loads(confirmed)["deadline"] == "2035-01-01T00:00:00Z"
    assert ledger.backend.open_rentals() == []
    page = run(visitor, "services.vpn.create", **{"as": "json", "args": confirmed, "confirmed": "yes"})
    until(lambda: ledger.backend.open_rentals()[0].uuid is not None, within=20)
    assert "HTTP 200" in result(page) or "HTTP 201" in result(page)
    (rental,) = ledger.backend.open_rentals()
    assert rental.deadline is not None
    assert rental.deadline.datetime().year == 2035
    assert visitor.get(f"/playground/rentals/{rental.id}/stop").status_code == 200
    stop = json.dumps({"uuid": rental.uuid})
    run(visitor, "services.session.stop", **{"as": "json", "args": stop, "confirmed": "yes"})
    until(lambda: not ledger.backend.open_rentals(), within=20)
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["stopped"]


def test_a_rented_block_leaves_no_open_entry(app: Flask, visitor: Visitor) -> None:
    ledger = app.extensions["playground"].rental_ledger
    arguments = json.dumps({"node_id": 9301, "subkind": "wg"})
    run(visitor, "services.vpn.rent", **{"as": "json", "args": arguments, "confirmed": "yes"})
    until(lambda: ledger.backend.closed_rentals(), within=20)
    (rental,) = ledger.backend.closed_rentals()
    assert (rental.outcome, rental.lease) == ("stopped", 90.0)
    assert str(rental.owner).startswith("browser-")
    assert ledger.backend.open_rentals() == []
