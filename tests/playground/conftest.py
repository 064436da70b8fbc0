"""The app over Flask's test client, speaking real HTTP to a sandbox with two endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from octaspace.sandbox import ManualClock, SandboxServer
from playground import create_app
from playground.browser import api_target
from playground.settings import ProcessSettings

from ..support.redis_server import RedisServer
from ..support.running_playground import RunningPlayground
from .browsing import Visitor
from .compiled import CompiledRule, CompiledTemplates
from .remote import Remote
from .small_api import SmallApi

MakeApp = Callable[[ProcessSettings], Flask]


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0, 0), clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxServer) -> SandboxServer:
    """The sandbox as new: its first world, no faults, an empty journal."""
    running_sandbox.faults.remove_all()
    running_sandbox.reset(dataset="default")
    running_sandbox.journal.clear()
    return running_sandbox


@pytest.fixture
def process(sandbox: SandboxServer, tmp_path: Path) -> ProcessSettings:
    settings = ProcessSettings.read({}, tmp_path / "state")
    return replace(settings, sandbox_urls=tuple(sandbox.urls))


@pytest.fixture(scope="session")
def compiled_templates() -> CompiledTemplates:
    return CompiledTemplates()


@pytest.fixture
def make_app(compiled_templates: CompiledTemplates) -> Iterator[MakeApp]:
    made: list[Flask] = []

    def make(process: ProcessSettings) -> Flask:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Flask, "url_rule_class", CompiledRule)
            made.append(create_app({"TESTING": True, "PROCESS": process}))
        made[-1].jinja_env.bytecode_cache = compiled_templates
        return made[-1]

    yield make
    for app in made:
        app.extensions["playground"].close()


@pytest.fixture
def app(process: ProcessSettings, make_app: MakeApp) -> Flask:
    return make_app(process)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def live_visitor(
    sandbox: SandboxServer, tmp_path: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> Visitor:
    """A browser whose pages take the sandbox for the live API, as its address is said to be one of it."""
    monkeypatch.setattr(api_target, "_LIVE_HOSTS", frozenset({"127.0.0.1"}))
    operator = {"OCTA_API_KEY": "the-operators-key", "OCTA_BASE_URLS": ",".join(sandbox.urls)}
    return Visitor(make_app(ProcessSettings.read(operator, tmp_path / "live")))


@pytest.fixture
def small_api() -> Iterator[SmallApi]:
    """An API whose answers the test makes up."""
    api = SmallApi()
    yield api
    api.server.close()


@pytest.fixture
def guest(small_api: SmallApi, tmp_path: Path, make_app: MakeApp) -> Visitor:
    """A browser that uses `small_api`, with a key and no retries."""
    operator = {"OCTA_API_KEY": "the-key-of-a-guest", "OCTA_BASE_URL": small_api.url}
    visitor = Visitor(make_app(ProcessSettings.read(operator, tmp_path / "guest")))
    visitor.post("/playground/settings/options", max_retries="0")
    return visitor


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis; skips the test when there is none, and fails it in CI."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def remote(running: RunningPlayground) -> Iterator[Remote]:
    """A browser of the module's running playground, whose sandbox has no faults and an empty journal."""
    running.sandbox.faults.remove_all()
    running.sandbox.journal.clear()
    browser = Remote(running.url)
    yield browser
    browser.close()
