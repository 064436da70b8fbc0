"""Real Chromium against the real playground; each test has its own browser context.

The browser tests run last: Playwright's loop runs in this thread until the session ends, and would be in the
way of tests that start loops or fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from octaspace.sandbox import ManualClock, SandboxServer

from ..support.running_playground import WITHOUT_CACHE, RunningPlayground
from .chromium import NO_BROWSER, launch_options
from .watching import Watcher

NewContext = Callable[..., BrowserContext]

_FOLDER = Path(__file__).parent

#: Milliseconds; nothing waits that long unless the machine is busy, or something is broken.
_PATIENCE = 30_000
expect.set_options(timeout=_PATIENCE)

_BROWSER = {
    "viewport": {"width": 1440, "height": 900},
    "locale": "en-GB",
    "timezone_id": "Europe/Kyiv",
    "color_scheme": "light",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if _FOLDER in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    items[:] = [item for item in items if item not in set(ours)] + ours


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    options = launch_options()
    if options is not None:
        return {**browser_type_launch_args, **options}
    if os.environ.get("CI"):
        pytest.fail(NO_BROWSER)
    pytest.skip(NO_BROWSER)


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    """The sandbox's clock, which only tests advance."""
    return ManualClock()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, clock: ManualClock) -> Iterator[RunningPlayground]:
    """The playground with three workers, once per session; tests of the cache switch it on for a browser."""
    folder = tmp_path_factory.mktemp("playground")
    with RunningPlayground(folder, workers=3, clock=clock, app=WITHOUT_CACHE) as running:
        yield running


@pytest.fixture
def sandbox(running: RunningPlayground) -> SandboxServer:
    """The sandbox after a reset: initial state, no faults, an empty journal."""
    running.sandbox.faults.remove_all()
    running.sandbox.reset(dataset="default", ready_after=4.0)
    running.sandbox.journal.clear()
    return running.sandbox


@pytest.fixture(scope="session")
def base_url() -> None:
    """Each context gets its own from `new_context`; the plugin's fixture warns under this pytest."""


@pytest.fixture
def watcher(running: RunningPlayground) -> Iterator[Watcher]:
    """Fail the test at its end for problems in any of its contexts or in the app."""
    watcher = Watcher()
    written = len(running.log())
    yield watcher
    assert watcher.problems == []
    assert "Traceback" not in running.log()[written:]


@pytest.fixture
def new_context(
    new_context: NewContext, watcher: Watcher, running: RunningPlayground, sandbox: SandboxServer
) -> NewContext:
    """Another browser with its own cookies and storage, watched like the first."""

    def make(**options: Any) -> BrowserContext:
        options = {"base_url": running.url, **_BROWSER, **options}
        context = new_context(**options)
        context.set_default_timeout(_PATIENCE)
        watcher.watch(context, options["base_url"])
        return context

    return make
