"""A small part of `benchmarks/chaos.py`: the guarantees under all faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos import certificates_in, changes, forks, reads, table
from benchmarks.chaos_servers import Servers

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    # Python's ssl forgets to close one that is reset between connect and handshake.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]


@pytest.fixture(scope="module", params=["plain", "tls"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Servers, Path | None]]:
    certificates = certificates_in(tmp_path_factory.mktemp("chaos")) if request.param == "tls" else None
    started = Servers(certificates)
    yield started, certificates.bundle if certificates else None
    started.close()


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "standard"])
def test_changes_under_every_fault(servers: tuple[Servers, Path | None], keep_alive: bool) -> None:
    row = changes(servers[0], 300, 16, keep_alive, servers[1])
    assert row.bad == [], table([row])
    # How many of each depends on how busy the machine is.
    assert row.figures["errors"] > 0
    assert row.figures["answers"] > 0


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "standard"])
def test_reads_while_one_of_two_endpoints_dies(
    servers: tuple[Servers, Path | None], keep_alive: bool
) -> None:
    row = reads(servers[0], 500, 16, keep_alive, servers[1])
    assert row.bad == [], table([row])
    assert row.figures["answers"] == 500


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "standard"])
def test_children_of_a_client_with_calls_in_flight(
    servers: tuple[Servers, Path | None], keep_alive: bool
) -> None:
    row = forks(servers[0], 15, True, keep_alive, servers[1])
    assert row.bad == [], table([row])
