"""A form whose worker ends before it has the outcome: the rental ledger tells whether it rented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.sdk.identified_ledger import IdentifiedLedger
from playground.store import OneTimeTokens
from playground.store.process_identity import ProcessIdentity

from ..browsing import Visitor, text_of
from ..pages.rent.renting import MACHINE, SERVICES_PAGE, order, rentals
from ..store.fakes import ended_process

RELAY = {"node_id": "9201", "subkind": "wg"}


class Killed(BaseException):
    """Stands for the end of the process."""


def die(*_: Any, **__: Any) -> Any:
    raise Killed


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Requests within the block are handled by a process that ends before it has saved an outcome."""

    gone = ended_process()

    @contextmanager
    def dying(*, ended: bool = True) -> Iterator[None]:
        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(OneTimeTokens, "finish", die)
            if ended:
                patch.setattr(ProcessIdentity, "current", staticmethod(lambda: gone))
            yield

    return dying


@pytest.fixture(autouse=True)
def remove_faults(sandbox: SandboxServer) -> Iterator[None]:
    yield
    sandbox.faults.remove_all()


def settled(visitor: Visitor, question: str) -> tuple[str, str]:
    """Press the button again; where it leads to, and what is said there."""
    answer = visitor.post(question)
    page = visitor.follow(answer)
    notices = page.select("main > .notice") or page.select("#outcome-pending")
    return str(answer.headers["Location"]), text_of(notices[0])


@pytest.mark.parametrize("drop", [False, True], ids=["after the answer", "before the answer"])
@pytest.mark.parametrize(("service", "fields"), [("mr", MACHINE), ("vpn", RELAY)])
def test_what_was_rented_is_found(
    visitor: Visitor,
    sandbox: SandboxServer,
    dying: Callable[..., Any],
    service: str,
    fields: dict[str, str],
    drop: bool,
) -> None:
    if service == "vpn":
        fields = {**fields, "node_id": str(sandbox.world.initial_state.vpn[0]["node_id"])}
    before = {rental.uuid for rental in sandbox.world.active()}
    question = order(visitor, service, **fields)
    if drop:
        sandbox.faults.add("drop_after_read", methods=["POST"])
    with dying():
        visitor.post(question)
    (uuid,) = {rental.uuid for rental in sandbox.world.active()} - before
    page = visitor.page(question)
    assert "It was rented" in text_of(page.select("main .empty")[0])
    assert str(page.select("main .empty a")[0]["href"]).startswith(f"/playground/sessions/{uuid}")
    where, said = settled(visitor, question)
    assert where.startswith(f"/playground/sessions/{uuid}")
    assert "its worker process ended, or the storage failed. It was rented" in said
    assert len(rentals(sandbox)) == 1


def test_what_was_never_sent_can_be_sent_again(
    visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = order(visitor, "mr", **MACHINE)
    with dying(), monkeypatch.context() as patch:
        patch.setattr(IdentifiedLedger, "draft", die)
        visitor.post(question)
    assert rentals(sandbox) == []
    where, said = settled(visitor, question)
    assert "It was not rented: the rental ledger has no entry of it" in said
    # A new form with what was typed leads to a rental.
    page = visitor.page(where)
    assert page.select("#image")[0]["value"] == MACHINE["image"]
    again = order(visitor, "mr", **MACHINE)
    assert again != question
    assert str(visitor.post(again).headers["Location"]).startswith("/playground/sessions/")
    assert len(rentals(sandbox)) == 1


@pytest.mark.parametrize("rents", [True, False], ids=["rented", "not rented"])
def test_an_entry_that_the_store_may_have_lost_proves_nothing(
    app: Flask,
    visitor: Visitor,
    sandbox: SandboxServer,
    dying: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    rents: bool,
) -> None:
    """Ledger and store may be one Redis, which was killed without its last second."""
    state = app.extensions["playground"]
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("drop_after_read", methods=["POST"], carry_out=rents)
    with dying():
        visitor.post(question)
    monkeypatch.setattr(state.rental_ledger.backend, "get", lambda _: None)
    monkeypatch.setattr(state.database, "generation", lambda: "another")
    _, said = settled(visitor, question)
    if rents:
        assert "It was rented: the list of sessions has it" in said
    else:
        assert "It is not known whether it was rented" in said
        assert "the storage may have lost what it knew" in said
        assert "safe to send it again" not in said


def test_a_session_that_may_still_appear_is_waited_for(
    app: Flask, visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any]
) -> None:
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("drop_after_read", methods=["POST"], carry_out=False)
    with dying():
        visitor.post(question)
    where, said = settled(visitor, question)
    assert where.startswith("/playground/outcome/")
    assert "not known whether it was rented: no session of it has appeared yet" in said
    page = visitor.page(where)
    assert page.select(f'main a[href="{where}"]'), "it can be followed without a script"
    ledger = app.extensions["playground"].rental_ledger
    (entry,) = ledger.backend.open_rentals()
    past = ledger.now().after(-ledger.reconcile_timeout - 1)
    ledger.change(entry.id, lambda one: one.changed(renewed=past))
    assert "It was not rented" in text_of(visitor.follow(visitor.get(where)).select("main > .notice")[0])


def test_an_api_that_fails_leaves_it_open(
    visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any]
) -> None:
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("drop_after_read", methods=["POST"])
    with dying():
        visitor.post(question)
    visitor.post("/playground/settings/options", max_retries="0")
    fault = sandbox.faults.add("status", status=500, path="/sessions")
    _, said = settled(visitor, question)
    assert "the sessions cannot be listed" in said
    sandbox.faults.remove_fault(fault.id)
    assert "It was rented" in settled(visitor, question)[1], "nothing was saved as the outcome"


def test_another_api_is_not_asked(
    visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any]
) -> None:
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("drop_after_read", methods=["POST"])
    with dying():
        visitor.post(question)
    visitor.post("/playground/settings/source", kind="sandbox", api_key="another-key")
    page = visitor.page(question)
    assert "for another API or key than this browser uses" in text_of(page.select("main .empty")[0])


def test_another_change_may_have_been_carried_out(
    visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any]
) -> None:
    uuid = next(iter(sandbox.world.active())).uuid
    with dying():
        visitor.post("/playground/sessions/stop", once="stop it", uuid=uuid)
    answer = visitor.post("/playground/sessions/stop", once="stop it", uuid=uuid)
    # It was stopped: its page leads to that of the ended session.
    answer = visitor.get(str(answer.headers["Location"]))
    page = visitor.page(str(answer.headers["Location"]))
    notice = page.select("main > .notice")[0]
    assert "The change may have been carried out" in text_of(notice)
    assert [str(link["href"]) for link in notice.select("a")] == [f"/playground/sessions/{uuid}"]
    assert len(rentals(sandbox)) == 1


def test_a_second_press_waits_on_a_page_and_not_in_a_thread(
    app: Flask, visitor: Visitor, sandbox: SandboxServer, dying: Callable[..., Any]
) -> None:
    question = order(visitor, "mr", **MACHINE)
    token = question.rpartition("/")[2]
    with dying(ended=False):
        visitor.post(question)
    where, said = settled(visitor, question)
    assert where == f"/playground/outcome/{token}"
    assert "The request is under way" in said
    assert visitor.page(where).select('script[src*="outcome"]')
    with app.extensions["playground"].database.reading() as connection:
        (browser,) = connection.execute("SELECT browser FROM tokens WHERE token = ?", (token,)).fetchone()
    OneTimeTokens(app.extensions["playground"].database, browser).finish(
        token, {"ok": True, "text": "Done.", "problem": None, "endpoint": "sessions.index", "values": {}}
    )
    assert visitor.get(where).headers["Location"] == f"/playground/sessions?done={token}"


def test_an_outcome_that_is_unknown_to_this_browser(visitor: Visitor) -> None:
    assert visitor.get("/playground/outcome/of-another-browser").status_code == 404
    assert visitor.get(f"{SERVICES_PAGE}/mr/rent?done=of-another-browser").status_code == 200
