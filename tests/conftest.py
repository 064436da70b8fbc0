"""For every test: no setting of this machine leaks in, and no request leaves it."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

import octaspace

from .support import namespaces, sample
from .support.coverage_and_fork import measure_no_forked_children

_LEAKS = ("OCTA_", "OCTASPACE_", "PLAYGROUND_", "FLASK_")
_PROXIES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NETRC",
)

# How many examples of a property are tried: `--hypothesis-profile quick` tries a few. No example has a
# deadline, because a machine may be busy.
settings.register_profile("thorough", settings(), deadline=None)
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("thorough")

if "coverage" in sys.modules and hasattr(os, "fork"):
    measure_no_forked_children()

#: Allocations between two collections of garbage; Python's default is 700.
_ALLOCATIONS = 20_000


def pytest_addoption(parser: pytest.Parser) -> None:
    sample.add_option(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    sample.select(config, items)


def pytest_collection_finish() -> None:
    """Collect garbage less often, and never search what the collection of tests has made.

    Modules, tests and their parameters live until the end. Pages that are rendered and parsed allocate much
    and leave little garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    for name in list(os.environ):
        if name.upper().startswith(_LEAKS) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    octaspace.reset_configuration()
    yield
    octaspace.reset_configuration()


@pytest.fixture(autouse=True, scope="session")
def programs_hear_signals() -> Iterator[None]:
    """Programs that tests start hear every signal, also when this process was started with some ignored.

    `nohup bin/test &` in a script ignores SIGINT and SIGHUP, and a program inherits what is ignored. It does
    not inherit a handler, so one that does nothing keeps the signals ignored in this process only.
    """
    # subprocess restores these, which Python ignores in each process.
    own = {getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ")}
    ignored = [
        number for number in signal.valid_signals() - own if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """A test that reaches for the internet fails at once, and says where it wanted to go."""
    if namespaces.current_folder() is not None:  # there is no other interface, and names are the tests' own
        yield
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to connect to {address!r}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
