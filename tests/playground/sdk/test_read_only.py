"""The guard for tools that only read: no change is sent, whatever method makes it."""

from __future__ import annotations

import pytest
from flask import Flask

from octaspace import Request
from octaspace.sandbox import SandboxServer
from playground.sdk.read_only import ChangeStoppedError, reading_only
from playground.sdk.recording import record_calls


def test_a_change_is_stopped_before_it_is_sent(app: Flask, sandbox: SandboxServer) -> None:
    clients = app.extensions["playground"].clients
    with clients.lease(clients.base_config) as client, reading_only(), record_calls() as calls:
        for derived in (client, client.with_options(max_retries=0)):
            with pytest.raises(ChangeStoppedError):
                derived.services.session("a-session").stop()
            with pytest.raises(ChangeStoppedError):
                derived.nodes.reboot(9001)  # a GET that changes something (Q1)
            with pytest.raises(ChangeStoppedError):
                derived.send(Request("POST", "/accounts"))
        assert client.network.info().status == 200
    assert [entry.path for entry in sandbox.journal.entries()] == ["/network"]
    assert [call.request.path for call in calls] == ["/network"]


def test_changes_are_sent_outside_of_it(app: Flask, sandbox: SandboxServer) -> None:
    clients = app.extensions["playground"].clients
    with clients.lease(clients.base_config) as client:
        with reading_only():
            client.network.info()
        client.accounts.generate_wallet()
    assert [entry.method for entry in sandbox.journal.entries()] == ["GET", "POST"]
