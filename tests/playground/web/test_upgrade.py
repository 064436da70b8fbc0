"""A new version of the app with another schema of its store: a form is carried out once."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from octaspace.sandbox import SandboxServer
from playground.settings import ProcessSettings
from playground.store.sqlite.schema import VERSION

from ..browsing import Visitor
from ..conftest import MakeApp

WALLET = "/playground/account/wallet"


def test_a_form_sent_before_and_after(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer
) -> None:
    before = make_app(process)
    visitor = Visitor(before)
    first = visitor.post(WALLET, once="sent-before")
    before.extensions["playground"].close()
    with closing(sqlite3.connect(process.state_dir / "playground.sqlite3")) as database:
        database.execute(f"PRAGMA user_version={VERSION - 1}")
    visitor.client.application = make_app(process)
    second = visitor.post(WALLET, once="sent-before")
    assert second.headers["Location"] == first.headers["Location"]
    assert [entry.path for entry in sandbox.journal.entries() if entry.change] == ["/accounts"]
    visitor.post(WALLET, once="sent-after")
    assert len([entry for entry in sandbox.journal.entries() if entry.change]) == 2
