"""Rentals: what the ledger holds, a new deadline, the end of a rental, and whose it is."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.rentals import Rental, RentalLedger, account_fingerprint
from octaspace.sandbox import SandboxServer
from playground.browser.api_target import SANDBOX_KEY
from playground.settings import ProcessSettings
from playground.store import ReaperRounds

from ...browsing import Visitor, text_of
from ...conftest import MakeApp
from ...small_api import Answer, SmallApi
from ..rent.renting import MACHINE, rent

PAGE = "/playground/rentals"
_ROWS = '[data-table="rentals"] tbody tr'
RELAY = {"node_id": "9301", "subkind": "wg"}


@pytest.fixture
def ledger(app: Flask) -> RentalLedger:
    found: RentalLedger = app.extensions["playground"].rental_ledger
    return found


def only(ledger: RentalLedger) -> Rental:
    (rental,) = ledger.backend.open_rentals()
    return rental


def stops(sandbox: SandboxServer) -> list[str]:
    """The sessions that were asked to stop."""
    paths = [entry.path for entry in sandbox.journal.entries() if entry.method == "POST"]
    return [path.split("/")[2] for path in paths if path.endswith("/stop")]


def rows(page: BeautifulSoup) -> list[str]:
    return [text_of(row) for row in page.select(_ROWS)]


def by_another_owner(ledger: RentalLedger, key: str, **values: object) -> Rental:
    """An entry that another program has made with a key."""
    account = account_fingerprint(key)
    rental = ledger.owned_by("nightly@ci").draft(account=account, service="vpn", node_id=9301)
    ledger.backend.add(rental)
    changed = ledger.change(rental.id, lambda one: one.changed(**values))
    assert changed is not None
    return changed


def test_an_empty_ledger_says_what_to_do(visitor: Visitor, process: ProcessSettings) -> None:
    page = visitor.page(PAGE)
    assert "No open rentals" in text_of(page.select("#panel-rentals .empty")[0])
    assert not (process.state_dir / "rentals.db").exists(), "reading creates nothing"


@pytest.mark.parametrize(
    ("service", "fields"),
    [("mr", MACHINE), ("vpn", RELAY), ("render", {"node_id": "9201", "disk_size": "5"})],
)
def test_what_is_rented_is_shown_with_its_deadline(
    visitor: Visitor, ledger: RentalLedger, service: str, fields: dict[str, str], process: ProcessSettings
) -> None:
    rent(visitor, service, **fields, max_duration="1.5", name="nightly")
    rental = only(ledger)
    assert (rental.service, rental.name, rental.lease) == (service, "nightly", None)
    assert rental.deadline is not None
    assert round(rental.deadline.since(rental.created), 6) == 5400
    assert rental.account == account_fingerprint(SANDBOX_KEY)
    page = visitor.page(PAGE)
    (row,) = rows(page)
    for words in (
        "nightly",
        f"node {fields['node_id']}",
        "active",
        "this browser",
        "no lease",
        "in 1 h 29 min",
    ):
        assert words in row, words
    countdown = page.select("[data-countdown-span]")[0]
    assert 5300 < float(str(countdown["data-countdown"])) <= 5400
    assert page.select(f'a[href="/playground/sessions/{rental.uuid}"]')
    cost = page.select('td[data-label="Cost so far"]')[0]
    assert "OCTA" in text_of(cost)
    assert (process.state_dir / "rentals.db").stat().st_mode & 0o777 == 0o600


def test_without_a_name_and_a_deadline_it_is_recorded_as_well(visitor: Visitor, ledger: RentalLedger) -> None:
    rent(visitor, "mr", **MACHINE)
    assert (only(ledger).name, only(ledger).deadline) == ("playground", None)
    assert "none runs until it is stopped" in rows(visitor.page(PAGE))[0]


def test_the_ledger_has_neither_the_key_nor_the_browser_nor_variables(
    visitor: Visitor, app: Flask, process: ProcessSettings
) -> None:
    rent(visitor, "mr", **MACHINE, envs="TOKEN=very-secret")
    browser = str(visitor.session()["browser"])
    stored = b"".join(path.read_bytes() for path in process.state_dir.glob("rentals.db*"))
    assert b"playground" in stored
    for secret in (SANDBOX_KEY, browser, browser[:8], "very-secret", str(app.secret_key)):
        assert secret.encode() not in stored, secret


def test_stop_asks_then_stops_the_session_and_closes_the_entry(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    rent(visitor, "vpn", **RELAY)
    rental = only(ledger)
    asking = visitor.page(f"{PAGE}/{rental.id}/stop")
    assert f"client.services.session('{rental.uuid}').stop()" in text_of(asking)
    assert stops(sandbox) == []
    page = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/stop"))
    assert "stopped" in text_of(page.select(".notice-ok")[0])
    assert stops(sandbox) == [rental.uuid]
    assert ledger.backend.open_rentals() == []
    (closed,) = ledger.backend.closed_rentals()
    assert closed.outcome == "stopped"
    folded = page.select("#closed")[0]
    assert not folded.has_attr("open")
    assert str(rental.uuid)[:9] in text_of(folded)
    again = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/stop"))
    assert "has ended (stopped)" in text_of(again.select(".notice-info")[0])
    assert stops(sandbox) == [rental.uuid]


def test_one_form_stops_once_however_often_it_is_sent(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    rent(visitor, "vpn", **RELAY)
    rental = only(ledger)
    first = visitor.post(f"{PAGE}/{rental.id}/stop", once="the-same-token")
    second = visitor.post(f"{PAGE}/{rental.id}/stop", once="the-same-token")
    assert first.headers["Location"] == second.headers["Location"]
    assert stops(sandbox) == [rental.uuid]


def test_a_second_stop_of_the_same_session_is_no_error(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    """The first stop was made on another page, and its entry is still open."""
    rent(visitor, "vpn", **RELAY)
    rental = only(ledger)
    visitor.post("/playground/sessions/stop", uuid=rental.uuid)
    ledger.change(rental.id, lambda it: it.changed(closed=None, outcome=None))
    page = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/stop"))
    assert "This browser stopped the session" in text_of(page.select(".notice-info")[0])
    assert not page.select("#main .problem")
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["stopped"]


def test_a_session_that_is_gone_closes_the_entry(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    rent(visitor, "vpn", **RELAY)
    rental = only(ledger)
    sandbox.world.sessions.stop(str(rental.uuid), None)
    assert "session not listed" in rows(visitor.page(PAGE))[0]
    page = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/stop"))
    assert "NotFoundError" in text_of(page.select(".problem")[0])
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["session gone"]


@pytest.mark.parametrize("several", [False, True])
def test_a_stop_on_the_page_sessions_closes_the_entry(
    visitor: Visitor, ledger: RentalLedger, several: bool
) -> None:
    for _ in range(2 if several else 1):
        rent(visitor, "vpn", **RELAY)
    uuids = [rental.uuid for rental in ledger.backend.open_rentals()]
    visitor.post("/playground/sessions/stop", uuid=uuids)
    assert ledger.backend.open_rentals() == []
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["stopped"] * len(uuids)


@pytest.mark.parametrize("answer", [{"error": "not now"}, {"success": False}, Answer()])
def test_a_stop_that_is_not_confirmed_leaves_the_entry_open(
    guest: Visitor, small_api: SmallApi, answer: object
) -> None:
    small_api.answers = {
        "GET /services/vpn": [], "POST /services/vpn": {"uuid": "s-1"}, "POST /services/s-1/stop": answer,
    }  # fmt: skip
    rent(guest, "vpn", **RELAY, max_duration="1")
    ledger = guest.client.application.extensions["playground"].rental_ledger
    rental = only(ledger)
    page = guest.follow(guest.post(f"{PAGE}/{rental.id}/stop"))
    assert "InvalidResponseError" in text_of(page.select(".problem")[0])
    assert ledger.backend.open_rentals() == [rental]
    small_api.answers["POST /services/s-1/stop"] = {}
    guest.post(f"{PAGE}/{rental.id}/stop")
    assert ledger.backend.open_rentals() == []


def test_a_stop_whose_entry_cannot_be_closed_is_a_stop(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    rent(visitor, "vpn", **RELAY)
    uuid = only(ledger).uuid
    path = process.state_dir / "rentals.db"
    whole = path.read_bytes()
    path.write_bytes(b"not a database, and long enough to be looked at" * 40)
    page = visitor.follow(visitor.post("/playground/sessions/stop", uuid=uuid))
    assert "The session is stopped" in text_of(page.select(".notice-ok")[0])
    assert stops(sandbox) == [uuid]
    path.write_bytes(whole)
    assert only(ledger).uuid == uuid, "the reaper closes it"


def test_a_new_deadline_counts_from_now(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    rent(visitor, "vpn", **RELAY, max_duration="0.5")
    rental = only(ledger)
    sandbox.journal.clear()
    form = visitor.page(f"{PAGE}/{rental.id}/extend")
    assert form.select('label[for="hours"]')
    page = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/extend", hours="2.5"))
    assert "2 h 30 min" in text_of(page.select(".notice-ok")[0])
    deadline = only(ledger).deadline
    assert deadline is not None
    assert 8990 < deadline.since(ledger.now()) <= 9000
    assert [entry for entry in sandbox.journal.entries() if entry.change] == []


@pytest.mark.parametrize("hours", ["", "soon", "0", "-1", "1,5", "1e3", "87601", "٤", "nan"])
def test_hours_that_are_none_change_nothing(visitor: Visitor, ledger: RentalLedger, hours: str) -> None:
    rent(visitor, "vpn", **RELAY, max_duration="0.5")
    before = only(ledger)
    answer = visitor.post(f"{PAGE}/{before.id}/extend", hours=hours)
    assert answer.status_code == 422
    page = BeautifulSoup(answer.data, "html.parser")
    assert ("hours" if hours else "Required") in text_of(page.select("#hours-error")[0])
    assert page.select("#hours")[0]["value"] == hours
    assert only(ledger) == before


def test_what_is_being_stopped_is_not_extended(visitor: Visitor, ledger: RentalLedger) -> None:
    rent(visitor, "vpn", **RELAY, max_duration="0.5")
    rental = only(ledger)
    ledger.close(rental.id, "deadline passed")
    page = visitor.follow(visitor.post(f"{PAGE}/{rental.id}/extend", hours="4"))
    assert "Nothing was changed" in text_of(page.select(".notice-warn")[0])
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["deadline passed"]


def test_others_of_the_account_are_shown_and_not_touched(
    visitor: Visitor, app: Flask, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    """Two browsers of the same account: each sees both rentals, and changes its own."""
    other = Visitor(app)
    rent(visitor, "vpn", **RELAY, name="mine")
    rent(other, "vpn", **RELAY, name="theirs", max_duration="1")
    mine, theirs = ledger.backend.open_rentals()
    assert mine.owner.label != theirs.owner.label
    page = visitor.page(PAGE)
    shown = {text_of(row.select("th")[0]).split()[0]: row for row in page.select(_ROWS)}
    assert set(shown) == {"mine", "theirs"}
    assert len(shown["mine"].select(".rental-actions a")) == 2
    assert not shown["theirs"].select(".rental-actions a")
    assert str(theirs.owner.label) in text_of(shown["theirs"])
    for action, fields in (("stop", {}), ("extend", {"hours": "9"})):
        assert visitor.get(f"{PAGE}/{theirs.id}/{action}").status_code == 403
        assert visitor.post(f"{PAGE}/{theirs.id}/{action}", **fields).status_code == 403
        assert visitor.post(f"{PAGE}/no-such-entry/{action}", **fields).status_code == 404
    assert ledger.backend.get(theirs.id) == theirs
    assert stops(sandbox) == []
    visitor.post("/playground/sessions/stop", uuid=theirs.uuid)
    assert stops(sandbox) == [theirs.uuid], "the API allows it, with the key of the account"
    assert ledger.backend.get(theirs.id) == theirs, "its owner or the reaper closes it"


def test_other_accounts_and_other_apis_are_counted_only(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer
) -> None:
    foreign = by_another_owner(ledger, "the key of somebody else", name="not to be seen")
    visitor.post(
        "/playground/settings/source", kind="custom", base_urls=sandbox.urls[0], api_key="shared-key"
    )
    rent(visitor, "vpn", **RELAY, name="elsewhere")
    visitor.post("/playground/settings/source", kind="sandbox", api_key="shared-key")
    page = visitor.page(PAGE)
    assert "2 open rentals of other accounts" in text_of(page.select("#panel-rentals")[0])
    assert "not to be seen" not in str(page)
    assert "elsewhere" not in text_of(page.select("#panel-rentals")[0])
    for rental in ledger.backend.open_rentals():
        assert visitor.post(f"{PAGE}/{rental.id}/stop").status_code == 404
    assert ledger.backend.get(foreign.id) == foreign


def test_the_lease_of_another_owner_is_named(
    sandbox: SandboxServer, tmp_path: Path, make_app: MakeApp
) -> None:
    operator = {"OCTA_API_KEY": "the-operators-key", "OCTA_BASE_URLS": ",".join(sandbox.urls)}
    app = make_app(ProcessSettings.read(operator, tmp_path / "live"))
    rental = by_another_owner(
        app.extensions["playground"].rental_ledger,
        "the-operators-key",
        lease=90.0,
        uuid="of-ci",
        name="of ci",
    )
    (row,) = rows(Visitor(app).page(PAGE))
    for words in ("of ci", "nightly@ci", "lease of 1 min 30 s", "session not listed", "another owner"):
        assert words in row, words
    assert rental.uuid is not None


def test_hostile_text_of_the_ledger_stays_text(visitor: Visitor, ledger: RentalLedger) -> None:
    rent(visitor, "vpn", **RELAY)
    evil = '"><script>alert(1)</script>\u202e\x1b[31m' + "x" * 5000
    ledger.change(only(ledger).id, lambda one: one.changed(name=evil, uuid="../../'\"><b>"))
    page = visitor.page(PAGE)
    assert not page.select("main script, main b")
    assert "\u202e" not in str(page)
    assert "\x1b" not in str(page)
    assert len(text_of(page.select("tbody th")[0])) < 200
    for link in page.select(".rental-actions a"):
        assert visitor.get(str(link["href"])).status_code == 200


def test_a_ledger_that_cannot_be_read_has_a_card(visitor: Visitor, process: ProcessSettings) -> None:
    rent(visitor, "vpn", **RELAY)
    (process.state_dir / "rentals.db").write_bytes(b"something else" * 100)
    page = visitor.page(PAGE)
    card = text_of(page.select("#panel-rentals .problem")[0])
    assert "RentalLedgerError" in card
    assert "PLAYGROUND_RENTAL_LEDGER" in card
    assert visitor.get(f"{PAGE}/0123/stop").status_code == 503


def test_a_ledger_that_cannot_be_written_rents_nothing(
    visitor: Visitor, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    (process.state_dir / "rentals.db").write_bytes(b"something else" * 100)
    page = visitor.follow(rent(visitor, "mr", **MACHINE))
    card = text_of(page.select(".problem")[0])
    assert "RentalLedgerError" in card
    assert "nothing was rented" in card
    assert [entry for entry in sandbox.journal.entries() if entry.change] == []


def test_a_session_that_could_not_be_recorded_is_named(
    visitor: Visitor, ledger: RentalLedger, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    """The ledger breaks between the request and the answer: the page leads to the session."""
    gate = sandbox.faults.add("slow", seconds=1.0, path="/services/vpn", methods=["POST"])
    answers = []
    sender = threading.Thread(target=lambda: answers.append(rent(visitor, "vpn", **RELAY)))
    sender.start()
    path = process.state_dir / "rentals.db"
    while not path.exists() or not ledger.backend.open_rentals():
        assert sender.is_alive()
    path.write_bytes(b"something else" * 100)
    sender.join()
    sandbox.faults.remove_fault(gate.id)
    page = visitor.follow(answers[0])
    card = text_of(page.select(".problem")[0])
    (uuid,) = [one.uuid for one in sandbox.world.active() if one.uuid in str(answers[0].headers["Location"])]
    assert "Rented, but not recorded" in card
    assert uuid in card


def test_costs_are_unknown_while_the_sessions_cannot_be_loaded(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    rent(visitor, "vpn", **RELAY)
    sandbox.faults.add("status", status=500, path="/sessions")
    page = visitor.page(PAGE)
    (row,) = rows(page)
    assert "—" in row
    assert "not listed" not in row
    assert "ServerError" in text_of(page.select("#panel-running .problem")[0])


def test_the_live_api_asks_for_the_name(live_visitor: Visitor, sandbox: SandboxServer) -> None:
    form = live_visitor.page("/playground/services/vpn/rent?node_id=9301&subkind=wg")
    assert form.select("#max_duration")[0]["value"] == "4"
    order = live_visitor.post(
        "/playground/services/vpn/rent", step="review", **RELAY, max_duration="4"
    ).headers["Location"]
    live_visitor.post(str(order), typed_name="9301")
    ledger = live_visitor.client.application.extensions["playground"].rental_ledger
    rental = only(ledger)
    page = live_visitor.page(f"{PAGE}/{rental.id}/stop")
    assert page.select('[name="typed_name"]')
    refused = live_visitor.follow(live_visitor.post(f"{PAGE}/{rental.id}/stop"))
    assert "does not match" in text_of(refused.select(".notice-warn")[0])
    assert stops(sandbox) == []
    live_visitor.post(f"{PAGE}/{rental.id}/stop", typed_name=str(rental.uuid)[:8])
    assert stops(sandbox) == [rental.uuid]
    assert ledger.backend.open_rentals() == []


def test_a_page_warns_while_no_reaper_looks(visitor: Visitor, app: Flask) -> None:
    rent(visitor, "vpn", **RELAY)
    assert "deadlines are not enforced" in text_of(visitor.page(PAGE).select("#live .notice-warn")[0])
    ReaperRounds(app.extensions["playground"].database).note([(account_fingerprint(SANDBOX_KEY), "sandbox")])
    page = visitor.page(PAGE)
    assert not page.select("#live .notice-warn")
    assert "The reaper last checked this account" in text_of(page.select("#panel-rentals")[0])


def test_two_playgrounds_share_a_ledger_by_its_url(
    process: ProcessSettings, make_app: MakeApp, tmp_path: Path
) -> None:
    url = {"PLAYGROUND_RENTAL_LEDGER": f"sqlite:///{tmp_path}/both.db"}
    both = [
        make_app(
            replace(
                ProcessSettings.read(url, tmp_path / name),
                sandbox_urls=process.sandbox_urls,
                secret_key="the same for both workers",
            )
        )
        for name in ("first", "second")
    ]
    rent(Visitor(both[0]), "vpn", **RELAY, name="of the first")
    assert "of the first" in rows(Visitor(both[1]).page(PAGE))[0]
    assert (tmp_path / "both.db").exists()
