"""A pytest fixture for tests of code that talks to OctaSpace.

In a `conftest.py`: `pytest_plugins = ["octaspace.sandbox.pytest_plugin"]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clock import ManualClock
from .http.server import SandboxServer


@pytest.fixture
def octaspace_sandbox_clock() -> ManualClock:
    """The clock of `octaspace_sandbox`: `advance(10)` makes a rental ready at once."""
    return ManualClock()


@pytest.fixture
def octaspace_sandbox(octaspace_sandbox_clock: ManualClock) -> Iterator[SandboxServer]:
    """A fresh sandbox with two endpoints of one world, for this test alone; its time stands still."""
    with SandboxServer(ports=(0, 0), clock=octaspace_sandbox_clock) as sandbox:
        yield sandbox
