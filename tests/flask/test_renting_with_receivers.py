"""A receiver of a signal that raises behind the creation of a rental: no machine is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace, octaspace_error, octaspace_request, octaspace_response
from octaspace.rentals import open_ledger
from octaspace.sandbox import SandboxServer

MACHINE: dict[str, Any] = {"disk_size": 5, "image": "ubuntu:24.04"}


@pytest.fixture(params=[False, True], ids=["without a ledger", "with a ledger"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return f"sqlite:///{tmp_path}/rentals.db" if request.param else None


@pytest.fixture
def octa(octaspace_sandbox: SandboxServer, url: str | None) -> OctaSpace:
    return OctaSpace(api_key="app-key-0123456789", base_url=octaspace_sandbox.url, rental_ledger=url)


def raising(error: BaseException) -> Callable[..., None]:
    def receive(sender: Flask, request: octaspace.Request, **extra: Any) -> None:
        if request.path == "/services/mr" and request.method == "POST":
            raise error

    return receive


class Interrupt(BaseException):
    """Not an Exception, as KeyboardInterrupt and the timeouts of gevent."""


@pytest.mark.parametrize("signal", [octaspace_request, octaspace_response])
@pytest.mark.parametrize("error", [RuntimeError("a bug"), octaspace.Error("a bug")], ids=["foreign", "ours"])
def test_an_exception_fails_no_rental(
    signal: NamedSignal, error: Exception, octa: OctaSpace, octaspace_sandbox: SandboxServer
) -> None:
    app = Flask("renting")
    octa.init_app(app)
    with (
        app.app_context(),
        signal.connected_to(raising(error), app),
        octa.client.services.mr.rent(node_id=9101, **MACHINE) as session,
    ):
        assert octaspace_sandbox.world.active()[-1].uuid == session.uuid
    changes = [entry.operation for entry in octaspace_sandbox.journal.entries() if entry.change]
    assert len(changes) == 2, "it was made, and stopped"


def test_an_interrupt_behind_the_answer_stops_the_machine(
    octa: OctaSpace, url: str | None, octaspace_sandbox: SandboxServer
) -> None:
    app = Flask("renting")
    octa.init_app(app)
    before = {session.uuid for session in octaspace_sandbox.world.active()}
    error = Interrupt()
    with app.app_context(), octaspace_response.connected_to(raising(error), app):
        rental = octa.client.services.mr.rent(node_id=9101, **MACHINE)
        with pytest.raises(Interrupt) as caught, rental:
            raise AssertionError("the block must not run")
    assert caught.value is error
    assert {session.uuid for session in octaspace_sandbox.world.active()} == before
    changes = [entry.operation for entry in octaspace_sandbox.journal.entries() if entry.change]
    assert len(changes) == 2, "it was made, and stopped"
    if url is not None:
        assert [one.outcome for one in open_ledger(url).backend.closed_rentals()] == ["stopped"]


def test_an_interrupt_behind_a_lost_answer(
    octa: OctaSpace, url: str | None, octaspace_sandbox: SandboxServer
) -> None:
    """It proves nothing about the rental, which is left to the reaper."""
    app = Flask("renting")
    octa.init_app(app)
    octaspace_sandbox.faults.add("drop_after_read", methods=["POST"], path="/services/mr")
    with app.app_context(), octaspace_error.connected_to(raising(Interrupt()), app):
        rental = octa.client.services.mr.rent(node_id=9101, **MACHINE)
        with pytest.raises(Interrupt), rental:
            raise AssertionError("the block must not run")
    if url is not None:
        (entry,) = open_ledger(url).backend.open_rentals()
        assert (entry.released, entry.closed) == (True, None)
