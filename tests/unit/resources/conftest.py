"""A client on a fake clock, against mocked shapes or the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from octaspace import Client, Config
from octaspace.sandbox import ManualClock, SandboxServer
from tests.support.fake_clock import FakeClock

API = "https://api.octa.space"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(clock: FakeClock) -> Iterator[Client]:
    """A client of the live address, for `requests_mock`."""
    with Client.from_config(Config(api_key="sk-secret", base_url=API), clock=clock.clock()) as client:
        yield client


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[SandboxServer]:
    """A sandbox whose time moves with the client's waits."""
    time = ManualClock()
    with SandboxServer(ports=(0,), clock=time) as server:
        clock.on_sleep = lambda: time.advance(clock.slept[-1])
        yield server


@pytest.fixture
def sandbox_client(sandbox: SandboxServer, clock: FakeClock) -> Iterator[Client]:
    config = Config(api_key="sk-secret", base_url=sandbox.url, keep_alive=True)
    with Client.from_config(config, clock=clock.clock()) as client:
        yield client
