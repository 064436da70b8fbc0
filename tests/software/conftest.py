"""Servers for the programs to talk to. They run in the process of the test, which is not patched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octaspace.sandbox import SandboxServer
from tests.support.fault_server import FaultServer
from tests.wire.conftest import ServerFactory, authority, serve, tls

__all__ = ["authority", "serve", "tls"]


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0,)) as server:
        yield server


@dataclass(frozen=True)
class Secure:
    """How to reach servers: plainly, or with TLS and a certificate authority of the test's own."""

    serve: ServerFactory
    tls: Any
    bundle: Path

    def server(self, *script: Any, **options: Any) -> FaultServer:
        return self.serve(*script, tls=self.tls, **options)

    @property
    def options(self) -> dict[str, Any]:
        """For a client."""
        return {} if self.tls is None else {"ssl_verify": str(self.bundle)}

    @property
    def options_json(self) -> str:
        """The same, as an argument for a program."""
        return json.dumps(self.options)


@pytest.fixture(params=["plain", "tls"])
def way(request: pytest.FixtureRequest, serve: Any, tls: Any, authority: Any) -> Secure:
    return Secure(serve, tls if request.param == "tls" else None, authority[1])
