"""The namespaces: only loopback interfaces, with host names that only these tests see."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.support import namespaces
from tests.support.namespaces import Hosts
from tests.support.silent_address import SilentAddress

from .conftest import NAMES, SPACE


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_external_addresses_are_unreachable(address: str) -> None:
    with pytest.raises(OSError, match="unreachable"):
        socket.create_connection((address, 80), timeout=10)


def test_names_resolve_as_configured(hosts: Hosts) -> None:
    def addresses(name: str) -> list[str]:
        return [str(found[4][0]) for found in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)]

    assert addresses(SPACE) == list(NAMES[SPACE])
    hosts.point(SPACE, "127.0.21.1", "127.0.21.2", "::1")
    assert sorted(addresses(SPACE)) == ["127.0.21.1", "127.0.21.2", "::1"]
    hosts.point(SPACE)
    with pytest.raises(socket.gaierror):
        addresses(SPACE)
    with pytest.raises(socket.gaierror):
        addresses("elsewhere.example")


def test_child_processes_are_inside(hosts: Hosts) -> None:
    hosts.point(SPACE, "127.0.21.9")
    asked = f"import socket; print(socket.gethostbyname({SPACE!r}))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "127.0.21.9"


def test_a_folder_of_their_own_goes_with_them() -> None:
    folder = namespaces.current_folder()
    assert folder is not None
    asked = f"import os; print(os.environ[{namespaces.VARIABLE!r}], os.readlink('/proc/self/ns/net'))"
    run = [sys.executable, "-m", "tests.support.namespaces", sys.executable, "-c", asked]
    said = subprocess.run(run, cwd=namespaces.ROOT, capture_output=True, text=True, check=True)
    other_folder, other_network = said.stdout.split()
    assert other_folder != str(folder)
    assert not os.path.exists(other_folder)
    assert other_network != os.readlink("/proc/self/ns/net")


def test_address_without_answers() -> None:
    with SilentAddress("127.0.21.1", 80), pytest.raises(TimeoutError):
        socket.create_connection(("127.0.21.1", 80), timeout=0.1)
