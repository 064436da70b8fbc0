"""The live API's names and ports, offline: nginx with TLS before a sandbox, in separate namespaces.

Every test of this folder runs in the namespaces (see `tests.support.inner_pytest`). It finds there:

- `api`: `https://api.octa.space` and `https://api.octa.computer` on port 443, and both on port 80 without
  TLS, each a separate nginx in front of its own port of one sandbox. `api.sandbox.journal` counts what
  arrived.
- `front(location="gzip on;")`: an nginx of the test's own under the name api.octa.space.
- `hosts`: where names lead; `hosts.point("api.octa.space", "127.0.10.7")` moves one.
- `authority`: issues certificates. Programs trust it by default: the environment names its bundle.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from octaspace.sandbox import SandboxServer
from tests.support import namespaces
from tests.support.certificates import Authority
from tests.support.inner_pytest import InnerPytest
from tests.support.namespaces import Hosts

from .nginx import Nginx, Site

FOLDER = Path(__file__).parent

SPACE, COMPUTER = "api.octa.space", "api.octa.computer"

#: Each name has its own address, so that both have port 443.
NAMES = {SPACE: ("127.0.10.1",), COMPUTER: ("127.0.10.2",)}

#: The sandbox's ports behind the two.
BEHIND = {SPACE: 3001, COMPUTER: 3002}

#: Starts a separate nginx for api.octa.space, in front of the same sandbox.
Front = Callable[..., Nginx]

_inner = pytest.StashKey[InnerPytest]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if FOLDER in item.path.parents]
    for item in ours:
        item.add_marker("world")
    if not ours or namespaces.current_folder() is not None or config.option.collectonly:
        return
    obstacle = namespaces.obstacle()
    if obstacle is None:
        config.stash[_inner] = InnerPytest(config, ours)
    elif os.environ.get("CI"):
        raise pytest.UsageError(f"tests/world: {obstacle}")
    else:
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=obstacle))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    inner = item.config.stash.get(_inner, None)
    if inner is None or FOLDER not in item.path.parents:
        return None
    inner.run(item, nextitem if nextitem is not None and FOLDER in nextitem.path.parents else None)
    return True


def pytest_unconfigure(config: pytest.Config) -> None:
    inner = config.stash.get(_inner, None)
    if inner is not None:
        inner.close()


@dataclass(frozen=True)
class Api:
    """The simulated live API.

    Attributes:
        sandbox: What answers; one world behind both names.
        space: The nginx of api.octa.space; it can be stopped and started.
        computer: That of api.octa.computer.
    """

    sandbox: SandboxServer
    space: Nginx
    computer: Nginx


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Host name resolution; both names of the live API are present, and restored after the test."""
    folder = namespaces.current_folder()
    assert folder is not None
    names = Hosts(folder / "hosts")
    names.reset(NAMES)
    yield names
    names.reset(NAMES)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority of every server here."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def trust_by_default(clean_environment: None, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way a user adds a CA; child processes of a test see it as well."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """A fresh sandbox, on one port for each name of the live API."""
    with SandboxServer(ports=tuple(BEHIND.values()), allow_hosts=tuple(NAMES)) as server:
        yield server


@pytest.fixture
def api(hosts: Hosts, authority: Authority, sandbox: SandboxServer, tmp_path: Path) -> Iterator[Api]:
    """The live API, simulated."""
    started = {
        name: Nginx(
            tmp_path / name,
            [
                Site(
                    name,
                    (f"{address}:443",),
                    authority.certificate(name),
                    f"http://127.0.0.1:{BEHIND[name]}",
                    plain=(f"{address}:80",),
                )
            ],
        )
        for name, (address,) in NAMES.items()
    }
    with started[SPACE], started[COMPUTER]:
        yield Api(sandbox, started[SPACE], started[COMPUTER])


@pytest.fixture
def front(hosts: Hosts, authority: Authority, sandbox: SandboxServer, tmp_path: Path) -> Iterator[Front]:
    """Start an nginx on its own address, and resolve api.octa.space to it.

    It takes the attributes of `Site` that differ; `plain=True` has it listen on port 80 instead of 443.
    """
    started: list[Nginx] = []

    def start(*, plain: bool = False, certificate: Path | None = None, **options: str) -> Nginx:
        address = f"127.0.11.{len(started) + 1}"
        site = Site(
            SPACE,
            () if plain else (f"{address}:443",),
            None if plain else certificate or authority.certificate(SPACE),
            f"http://127.0.0.1:{BEHIND[SPACE]}",
            plain=(f"{address}:80",) if plain else (),
            **options,
        )
        started.append(Nginx(tmp_path / f"nginx-{address}", [site]))
        started[-1].start()
        hosts.point(SPACE, address)
        return started[-1]

    yield start
    for nginx in started:
        nginx.stop()
