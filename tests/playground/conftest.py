"""The app over Flask's test client, speaking real HTTP to a sandbox with two endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from playground import create_app
from playground.process import ProcessSettings
from playground.sandbox import ManualClock, SandboxServer

BASE = "http://127.0.0.1:3000"

Post = Callable[..., TestResponse]


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0, 0), clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxServer) -> SandboxServer:
    """The sandbox as new: its first world, no faults, an empty journal."""
    running_sandbox.faults.heal_all()
    running_sandbox.reset(dataset="default")
    running_sandbox.journal.clear()
    return running_sandbox


@pytest.fixture
def process(sandbox: SandboxServer, tmp_path: Path) -> ProcessSettings:
    settings = ProcessSettings.read({}, tmp_path / "state")
    return replace(settings, sandbox_urls=tuple(sandbox.urls))


@pytest.fixture
def make_app() -> Iterator[Callable[[ProcessSettings], Flask]]:
    made: list[Flask] = []

    def make(process: ProcessSettings) -> Flask:
        made.append(create_app({"TESTING": True, "PROCESS": process}))
        return made[-1]

    yield make
    for app in made:
        app.extensions["playground"].close()


@pytest.fixture
def app(process: ProcessSettings, make_app: Callable[[ProcessSettings], Flask]) -> Flask:
    return make_app(process)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return browser(app)


def browser(app: Flask) -> FlaskClient:
    """A further browser: cookies of its own."""
    client = app.test_client()
    client.environ_base["HTTP_HOST"] = "127.0.0.1:3000"
    return client


@pytest.fixture
def post() -> Post:
    """Post a form as a page of ours does: with the CSRF token and a new one-time token."""

    def send(client: FlaskClient, url: str, once: str | None = None, **fields: object) -> TestResponse:
        token = csrf_token(client)
        with client.application.test_request_context():
            from playground.changes import new_token

            fields.setdefault("csrf_token", token)
            fields.setdefault("once", once or new_token())
        return client.post(url, data=fields, base_url=BASE)

    return send


def csrf_token(client: FlaskClient) -> str:
    page = client.get("/playground/settings", base_url=BASE).get_data(as_text=True)
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found is not None, page[:500]
    return found[1]
