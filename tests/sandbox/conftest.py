"""A sandbox with two endpoints whose time stands still, and plain clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from octaspace.sandbox import ManualClock, SandboxServer

from .api import Api, MakeApi
from .raw_client import RawClient


@pytest.fixture
def clock(octaspace_sandbox_clock: ManualClock) -> ManualClock:
    return octaspace_sandbox_clock


@pytest.fixture
def sandbox(octaspace_sandbox: SandboxServer) -> SandboxServer:
    return octaspace_sandbox


@pytest.fixture
def make_api(sandbox: SandboxServer) -> Iterator[MakeApi]:
    made: list[Api] = []

    def make(url: str | None = None, key: str | None = "sk-any") -> Api:
        made.append(Api(url or sandbox.url, key))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api()


@pytest.fixture
def raw(sandbox: SandboxServer) -> Iterator[RawClient]:
    with RawClient(sandbox.ports[0]) as client:
        yield client
