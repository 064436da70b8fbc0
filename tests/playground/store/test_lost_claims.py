"""Redis is killed without its last second: it forgets that a form was sent, and the form is sent again."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from octaspace import RentalLedgerError
from octaspace.sandbox import SandboxServer
from playground.settings import ProcessSettings
from playground.store.redis import RedisDatabase

from ...support.redis_server import RedisServer
from ...support.running_playground import ROOT
from ..browsing import Visitor, text_of
from ..conftest import MakeApp
from ..pages.rent.renting import MACHINE, order, rentals

WALLET = "/playground/account/wallet"
ORDERS: dict[str, dict[str, Any]] = {
    "mr": MACHINE,
    "vpn": {"node_id": "9301", "subkind": "wg"},
    "render": {"node_id": "9201", "disk_size": "20"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """It saves its data on request only."""
    server = RedisServer(tmp_path, "--dbfilename", "saved.rdb")
    yield server
    server.stop()


@pytest.fixture
def app(process: ProcessSettings, make_app: MakeApp, server: RedisServer) -> Flask:
    return make_app(replace(process, redis_url=server.url))


def save(server: RedisServer) -> None:
    with server.client() as client:
        client.save()


def lose_what_was_not_saved(server: RedisServer) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("service", ORDERS)
def test_a_rent_form_rents_once(
    service: str, visitor: Visitor, server: RedisServer, sandbox: SandboxServer
) -> None:
    question = order(visitor, service, **ORDERS[service])
    save(server)
    first = visitor.post(question)
    assert first.status_code == 303
    assert len(rentals(sandbox)) == 1
    lose_what_was_not_saved(server)
    second = visitor.post(question)
    assert len(rentals(sandbox)) == 1
    page = visitor.follow(second)
    assert second.headers["Location"].partition("?")[0] == first.headers["Location"].partition("?")[0]
    assert "Nothing was sent again: this is the session that it rented" in text_of(page)


def test_a_form_sends_nothing_again_when_the_ledger_is_in_the_same_redis(
    process: ProcessSettings, make_app: MakeApp, server: RedisServer, sandbox: SandboxServer
) -> None:
    settings = ProcessSettings.read({"PLAYGROUND_REDIS_URL": server.url}, process.state_dir)
    visitor = Visitor(make_app(replace(settings, sandbox_urls=process.sandbox_urls)))
    machine, relay = (order(visitor, service, **ORDERS[service]) for service in ("mr", "vpn"))
    save(server)
    first = visitor.post(machine)
    visitor.post(relay)
    lose_what_was_not_saved(server)
    again = visitor.post(machine)
    assert again.headers["Location"].partition("?")[0] == first.headers["Location"].partition("?")[0]
    # Nothing of a VPN session tells which form has made it.
    assert "Nothing was sent now: the storage was restarted" in text_of(visitor.follow(visitor.post(relay)))
    assert len(rentals(sandbox)) == 2


def test_a_machine_is_found_by_the_api_when_the_ledger_is_lost_as_well(
    visitor: Visitor, server: RedisServer, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    question = order(visitor, "mr", **MACHINE)
    save(server)
    first = visitor.post(question)
    lose_what_was_not_saved(server)
    for path in process.state_dir.glob("rentals.db*"):
        path.unlink()
    second = visitor.post(question)
    assert len(rentals(sandbox)) == 1
    assert second.headers["Location"].partition("?")[0] == first.headers["Location"].partition("?")[0]


@pytest.mark.parametrize("service", ORDERS)
def test_a_ledger_that_fails_for_a_moment_sends_nothing(
    service: str, visitor: Visitor, app: Flask, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be written again when the rental is sent, and would not have told that there was one."""
    backend = app.extensions["playground"].rental_ledger.backend
    question = order(visitor, service, **ORDERS[service])
    failed = []

    def fail_once(id: str) -> Any:
        monkeypatch.undo()
        failed.append(id)
        raise RentalLedgerError("the rental ledger is locked")

    monkeypatch.setattr(backend, "exists", lambda: True)
    monkeypatch.setattr(backend, "get", fail_once)
    page = visitor.follow(visitor.post(question))
    assert failed
    assert rentals(sandbox) == []
    assert "the rental ledger is locked" in text_of(page)
    assert "nothing was rented" in text_of(page)


def test_a_wallet_is_made_once(visitor: Visitor, server: RedisServer, sandbox: SandboxServer) -> None:
    token = str(
        visitor.page("/playground/account").select(f'form[action="{WALLET}"] [name=once]')[0]["value"]
    )
    save(server)
    visitor.post(WALLET, once=token)
    lose_what_was_not_saved(server)
    page = visitor.follow(visitor.post(WALLET, once=token))
    assert "Nothing was sent now: the storage was restarted" in text_of(page)
    assert len(rentals(sandbox)) == 1
    visitor.post(WALLET, once=str(page.select(f'form[action="{WALLET}"] [name=once]')[0]["value"]))
    assert len(rentals(sandbox)) == 2, "the form of a page that was loaded after the restart"


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "durable"
    folder.mkdir()
    server = RedisServer(folder, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.stop()


def test_a_durable_redis_that_is_empty_again_is_another_one(
    process: ProcessSettings, make_app: MakeApp, durable: RedisServer, sandbox: SandboxServer
) -> None:
    settings = ProcessSettings.read({"PLAYGROUND_REDIS_URL": durable.url}, process.state_dir)
    visitor = Visitor(make_app(replace(settings, sandbox_urls=process.sandbox_urls)))
    page = visitor.page("/playground/account")
    token = str(page.select(f'form[action="{WALLET}"] [name=once]')[0]["value"])
    machine, relay = (order(visitor, service, **ORDERS[service]) for service in ("mr", "vpn"))
    for form, fields in ((WALLET, {"once": token}), (machine, {}), (relay, {})):
        visitor.post(form, **fields)
    assert len(rentals(sandbox)) == 3
    with durable.client() as client:
        client.flushall()  # or its volume is lost, or a replica takes over that has nothing
    for form, fields in ((WALLET, {"once": token}), (relay, {})):
        page = visitor.follow(visitor.post(form, **fields))
        assert "Nothing was sent now: the storage was restarted or replaced" in text_of(page)
    page = visitor.follow(visitor.post(machine))
    assert "Nothing was sent again: this is the session that it rented" in text_of(page)
    assert len(rentals(sandbox)) == 3


def test_a_rent_form_whose_draft_was_lost_as_well_says_what_it_rented(
    visitor: Visitor, server: RedisServer, sandbox: SandboxServer
) -> None:
    question = order(visitor, "mr", **MACHINE)
    first = visitor.post(question)
    lose_what_was_not_saved(server)
    assert "has forgotten whether this form was sent" in text_of(visitor.page(question))
    page = visitor.follow(visitor.post(question))
    assert "Nothing was sent again: this is the session that it rented" in text_of(page)
    assert "has forgotten whether" in text_of(visitor.page("/playground/sessions?done=" + "x.y.other"))
    assert first.status_code == 303
    assert len(rentals(sandbox)) == 1


def test_a_rent_form_whose_draft_has_expired_says_so(visitor: Visitor, sandbox: SandboxServer) -> None:
    question = order(visitor, "mr", **MACHINE)
    for _ in range(21):
        order(visitor, "mr", **MACHINE)
    page = visitor.follow(visitor.post(question))
    assert "Nothing was sent: the values of this order are not kept any more" in text_of(page)
    assert rentals(sandbox) == []


def test_with_a_durable_redis_forms_survive_its_end(
    process: ProcessSettings, make_app: MakeApp, durable: RedisServer, sandbox: SandboxServer
) -> None:
    visitor = Visitor(make_app(replace(process, redis_url=durable.url)))
    assert "appendfsync" not in text_of(visitor.page("/playground/diagnostics"))
    question = order(visitor, "mr", **MACHINE)
    lose_what_was_not_saved(durable)
    first = visitor.post(question)
    lose_what_was_not_saved(durable)
    assert visitor.post(question).headers["Location"] == first.headers["Location"]
    assert len(rentals(sandbox)) == 1


def test_diagnostics_warns_of_a_redis_that_may_forget(visitor: Visitor) -> None:
    page = visitor.page("/playground/diagnostics")
    (warning,) = page.select("#store-warning")
    assert "set appendonly yes and appendfsync always (now appendonly no" in text_of(warning)


def test_the_start_warns_of_a_redis_that_may_forget(server: RedisServer, tmp_path: Path) -> None:
    environment = {"PLAYGROUND_STATE_DIR": str(tmp_path / "state"), "PLAYGROUND_REDIS_URL": server.url}
    warnings: list[str] = []
    with patch.dict(os.environ, environment):
        settings = runpy.run_path(str(ROOT / "playground" / "gunicorn.conf.py"))
        log = SimpleNamespace(warning=lambda text, *values: warnings.append(text % values))
        cfg = SimpleNamespace(threads=settings["threads"], bind=[settings["bind"]], preload_app=False)
        settings["on_starting"](SimpleNamespace(cfg=cfg, log=log))
    (warning,) = [text for text in warnings if "Redis" in text]
    assert "set appendonly yes and appendfsync always" in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("rights", "says", "notices"),
    [
        ("+@all -@dangerous +info", "are refused", True),
        ("+@all -@dangerous +config|get", "(now appendonly no, appendfsync everysec). Its user", False),
        ("+@all -@dangerous", "a restart is not noticed", False),
    ],
)
def test_what_a_managed_redis_does_not_tell(
    server: RedisServer, rights: str, says: str, notices: bool
) -> None:
    with server.client() as client:
        client.execute_command(f"ACL SETUSER app on >secret ~playground:* {rights}")
    database = RedisDatabase(server.url.replace("//", "//app:secret@"))
    assert says in str(database.durability_warning())
    assert database.notices_restarts() is notices
    database.close()


def test_a_rental_is_looked_for_when_a_restart_cannot_be_noticed(
    process: ProcessSettings, make_app: MakeApp, server: RedisServer, sandbox: SandboxServer
) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER app on >secret ~playground:* +@all -@dangerous")
        users = client.execute_command("ACL LIST")
    visitor = Visitor(make_app(replace(process, redis_url=server.url.replace("//", "//app:secret@"))))
    question = order(visitor, "mr", **MACHINE)
    save(server)
    first = visitor.post(question)
    lose_what_was_not_saved(server)
    with server.client() as client:
        for line in users:
            client.execute_command(f"ACL SETUSER {line.removeprefix('user ')}")
    for path in process.state_dir.glob("rentals.db*"):
        path.unlink()
    second = visitor.post(question)
    assert len(rentals(sandbox)) == 1
    assert second.headers["Location"].partition("?")[0] == first.headers["Location"].partition("?")[0]
