"""The pytest fixture that others use in their own tests."""

from __future__ import annotations

import requests

from octaspace.sandbox import ManualClock, SandboxServer


def test_the_fixture_gives_a_fresh_sandbox_whose_time_stands_still(
    octaspace_sandbox: SandboxServer, octaspace_sandbox_clock: ManualClock
) -> None:
    assert len(octaspace_sandbox.urls) == 2
    assert octaspace_sandbox.world.clock is octaspace_sandbox_clock
    assert octaspace_sandbox.journal.entries() == []
    first = requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json()
    assert requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json() == first
    octaspace_sandbox_clock.advance(3600)
    assert requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json() != first


def test_it_is_another_one_for_the_next_test(octaspace_sandbox: SandboxServer) -> None:
    assert octaspace_sandbox.journal.entries() == []
