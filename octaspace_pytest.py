"""The pytest plugin of Flask-OctaSpace: fixtures for tests against the sandbox.

pytest loads this module through an entry point, in every run wherever the distribution is installed. It is
not part of the package `octaspace`, because importing that package imports requests. What a fixture needs is
imported when a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import octaspace
    from octaspace.sandbox import FaultRegistry, ManualClock, SandboxServer

_SERVER = pytest.StashKey["SandboxServer"]()
_SERVER_OPTIONS = pytest.StashKey[dict[str, Any]]()
_CURRENT_ITEM = pytest.StashKey[pytest.Item]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("octaspace_dataset", "data set of octaspace_sandbox (default: default)", default="default")
    parser.addini("octaspace_seed", "seed of octaspace_sandbox (default: 7)", default="7")
    parser.addini("octaspace_ready_after", "seconds until a rental is ready (default: 4)", default="4")
    parser.addini(
        "octaspace_strict_keys",
        "refuse keys that do not have 64 characters (default: false)",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "octaspace(dataset='default', seed=7, ready_after=4.0, strict_keys=False): "
        "options of octaspace_sandbox for this test",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Restart the sandbox for a test that uses it, before any of the test's fixtures is set up."""
    stash = item.config.stash
    stash[_CURRENT_ITEM] = item
    server = stash.get(_SERVER, None)
    if server is None:
        return
    options = _options(item)
    uses_it = "octaspace_sandbox" in getattr(item, "fixturenames", ())
    # A test may also use it through request.getfixturevalue; its fixture names do not contain it then.
    if uses_it or not server.is_fresh or options != stash[_SERVER_OPTIONS]:
        try:
            server.restart(**options)
        except ValueError as problem:
            pytest.fail(f"octaspace_sandbox: {problem}", pytrace=False)
        stash[_SERVER_OPTIONS] = options


@pytest.fixture(scope="session")
def octaspace_sandbox_clock() -> ManualClock:
    """The clock of `octaspace_sandbox`, at its start for each test: `advance(10)` makes a rental ready."""
    from octaspace.sandbox import ManualClock

    return ManualClock()


@pytest.fixture(scope="session")
def octaspace_sandbox(
    request: pytest.FixtureRequest, octaspace_sandbox_clock: ManualClock
) -> Iterator[SandboxServer]:
    """A simulated OctaSpace API with two endpoints on free ports, restarted for each test."""
    from octaspace.sandbox import SandboxServer

    stash = request.config.stash
    options = _options(stash[_CURRENT_ITEM])
    try:
        server = SandboxServer(ports=(0, 0), clock=octaspace_sandbox_clock, **options)
    except ValueError as problem:
        pytest.fail(f"octaspace_sandbox: {problem}", pytrace=False)
    with server:
        stash[_SERVER], stash[_SERVER_OPTIONS] = server, options
        yield server
        del stash[_SERVER]


@pytest.fixture
def octaspace_faults(octaspace_sandbox: SandboxServer) -> Iterator[FaultRegistry]:
    """The faults of `octaspace_sandbox`, all removed when the test ends."""
    yield octaspace_sandbox.faults
    octaspace_sandbox.faults.remove_all()


@pytest.fixture
def octaspace_client_options() -> dict[str, Any]:
    """Options of `octaspace_client` in addition to key and endpoints. Override it to set some."""
    return {}


@pytest.fixture
def octaspace_client(
    octaspace_sandbox: SandboxServer,
    octaspace_sandbox_clock: ManualClock,
    octaspace_client_options: dict[str, Any],
) -> Iterator[octaspace.Client]:
    """A client of `octaspace_sandbox`, closed when the test ends.

    It shares the sandbox's clock: a pause before a retry, or while it waits for a rental, takes no time and
    moves the clock.
    """
    import octaspace
    from octaspace.sandbox import ManualClock
    from octaspace.transport import SYSTEM_CLOCK, Clock

    options = {
        "api_key": octaspace_sandbox.api_key,
        "base_urls": octaspace_sandbox.urls,
        **octaspace_client_options,
    }
    clock = SYSTEM_CLOCK
    if isinstance(octaspace_sandbox_clock, ManualClock):
        clock = Clock(octaspace_sandbox_clock.monotonic, octaspace_sandbox_clock.advance, lambda: 0.5)
    with octaspace.Client.from_config(octaspace.Config(**options), clock=clock) as client:
        yield client


def _options(item: pytest.Item) -> dict[str, Any]:
    """The options of the sandbox for a test: those of its closest marker, else of the configuration file."""
    ini = item.config.getini
    options: dict[str, Any] = {
        "dataset": ini("octaspace_dataset"),
        "seed": int(ini("octaspace_seed")),
        "ready_after": float(ini("octaspace_ready_after")),
        "strict_keys": ini("octaspace_strict_keys"),
    }
    for marker in reversed(list(item.iter_markers("octaspace"))):
        unknown = sorted(set(marker.kwargs) - set(options))
        if marker.args or unknown:
            found = ", ".join([*map(repr, marker.args), *unknown])
            pytest.fail(f"marker octaspace takes {', '.join(options)} by name, not {found}", pytrace=False)
        options |= marker.kwargs
    return options
