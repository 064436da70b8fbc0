"""A pytest fixture for tests of code that talks to OctaSpace.

In a `conftest.py`: `pytest_plugins = ["playground.sandbox.pytest_fixture"]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clock import ManualClock
from .server import SandboxServer


@pytest.fixture
def octaspace_sandbox() -> Iterator[SandboxServer]:
    """A fresh sandbox with two endpoints of one world, for this test alone.

    Its clock is a `ManualClock`: `octaspace_sandbox.world.clock.advance(10)` makes a rental ready at once.
    """
    with SandboxServer(ports=(0, 0), clock=ManualClock()) as sandbox:
        yield sandbox
