"""The pytest plugin: what its fixtures give, in this process and in separate projects."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

import octaspace
from octaspace.sandbox import FaultRegistry, ManualClock, SandboxServer

#: Plugins of our own tests that a separate project does not have, and that take a second to import.
NOT_OF_THE_PROJECT = ("-p", "no:hypothesispytest", "-p", "no:playwright", "-p", "no:cacheprovider")

PROJECT_INI = "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n"


@pytest.fixture(scope="module")
def server_of_this_module(octaspace_sandbox: SandboxServer) -> SandboxServer:
    """Fixtures of a larger scope can use the sandbox too: an app made once for many tests."""
    return octaspace_sandbox


class Project:
    """A separate project: its files in one folder, its tests run by pytest in another process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("pytest.ini", PROJECT_INI)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *words: str, **variables: str) -> tuple[int, str]:
        """Exit code and output of pytest with these arguments and environment variables."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *NOT_OF_THE_PROJECT, *words],
            env={**environment, **variables}, cwd=self.folder, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        return result.returncode, result.stdout + result.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_sandbox_has_two_endpoints_and_its_time_stands_still(
    octaspace_sandbox: SandboxServer, octaspace_sandbox_clock: ManualClock
) -> None:
    assert len(octaspace_sandbox.urls) == 2
    assert octaspace_sandbox.world.clock is octaspace_sandbox_clock
    first = requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json()
    assert requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json() == first
    octaspace_sandbox_clock.advance(3600)
    assert requests.get(f"{octaspace_sandbox.url}/network", timeout=10).json() != first


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_it_as_it_was_at_the_start(
    octaspace_client: octaspace.Client,
    octaspace_sandbox: SandboxServer,
    octaspace_sandbox_clock: ManualClock,
    server_of_this_module: SandboxServer,
    turn: int,
) -> None:
    assert server_of_this_module is octaspace_sandbox
    assert octaspace_sandbox.is_fresh
    assert octaspace_sandbox.journal.entries() == []
    assert octaspace_sandbox.faults.active() == []
    assert octaspace_sandbox_clock.monotonic() == 0
    assert len(octaspace_sandbox.world.active()) == 6
    octaspace_client.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04")
    (entry,) = octaspace_sandbox.journal.entries()
    assert (entry.id, entry.connection, entry.request_id) == (1, 1, "req-00000001")
    fault = octaspace_sandbox.faults.add("refuse", endpoint=octaspace_sandbox.ports[0])
    assert fault.id == 1
    octaspace_sandbox_clock.advance(60)
    assert not octaspace_sandbox.is_fresh


@pytest.mark.parametrize("turn", [1, 2])
def test_a_request_under_way_does_not_reach_the_next_test(
    octaspace_sandbox: SandboxServer, turn: int
) -> None:
    """The second turn starts while the request of the first is being held."""
    assert octaspace_sandbox.journal.entries() == []
    assert len(octaspace_sandbox.world.active()) == 6
    held_up(octaspace_sandbox)


def held_up(sandbox: SandboxServer) -> threading.Thread:
    """A thread with a rental that the sandbox has read and delays by an hour."""
    sandbox.faults.add("slow", seconds=3600)
    item = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04", "app": ""}

    def rent() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(
                f"{sandbox.url}/services/mr", json=[item], headers={"Authorization": "key"}, timeout=90
            )

    thread = threading.Thread(target=rent)
    thread.start()
    while not sandbox.journal.entries():
        thread.join(0.01)
    return thread


def test_a_restart_ends_requests_and_carries_none_of_them_out() -> None:
    with SandboxServer(ports=(0, 0), clock=ManualClock()) as sandbox:
        ports = sandbox.ports
        thread = held_up(sandbox)
        sandbox.restart(dataset="large", strict_keys=True)
        thread.join(30)
        assert not thread.is_alive()
        assert sandbox.journal.entries() == []
        assert len(sandbox.world.active()) == 150
        assert sandbox.ports == ports
        assert [endpoint["accepted"] for endpoint in sandbox.endpoints()] == [0, 0]
        short = requests.get(f"{sandbox.url}/accounts", headers={"Authorization": "short"}, timeout=10)
        good = requests.get(f"{sandbox.url}/accounts", headers={"Authorization": sandbox.api_key}, timeout=10)
        assert (short.status_code, good.status_code) == (401, 200)


def test_a_restart_that_fails_leaves_a_sandbox_that_serves() -> None:
    with SandboxServer(ports=(0,), clock=ManualClock()) as sandbox:
        sandbox.faults.add("refuse")
        with pytest.raises(ValueError, match="unknown data set"):
            sandbox.restart(dataset="none")
        assert requests.get(f"{sandbox.url}/network", timeout=10).status_code == 200
        sandbox.faults.add("refuse")
        assert sandbox.endpoints()[0]["listening"] is False


def test_the_client_pauses_without_waiting(
    octaspace_client: octaspace.Client,
    octaspace_faults: FaultRegistry,
    octaspace_sandbox: SandboxServer,
    octaspace_sandbox_clock: ManualClock,
) -> None:
    fault = octaspace_faults.add("status", status=503, retry_after=20, count=2)
    response = octaspace_client.nodes.list()
    assert (response.attempts, fault.fired) == (3, 2)
    assert [entry.status for entry in octaspace_sandbox.journal.entries()] == [503, 503, 200]
    assert octaspace_sandbox_clock.monotonic() >= 20
    session = octaspace_client.services.mr.rent(node_id=9101, disk_size=10, image="ubuntu:24.04")
    with session as rented:
        assert rented.wait_until_ready().data["is_ready"] is True
    assert len(octaspace_sandbox.world.active()) == 6


class TestOptionsOfTheClient:
    @pytest.fixture
    def octaspace_client_options(self) -> dict[str, Any]:
        return {"max_retries": 0, "user_agent": "own/1"}

    def test_they_can_be_overridden(
        self, octaspace_client: octaspace.Client, octaspace_faults: FaultRegistry
    ) -> None:
        octaspace_faults.add("status", status=503)
        assert octaspace_client.config.user_agent == "own/1"
        with pytest.raises(octaspace.ServiceUnavailableError):
            octaspace_client.nodes.list()


@pytest.mark.octaspace(dataset="large", ready_after=0)
class TestMarkers:
    def test_the_class_says_which_data_set(
        self, octaspace_client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        assert len(octaspace_client.nodes.list().data) == 700
        assert octaspace_sandbox.world.ready_after == 0

    @pytest.mark.octaspace(dataset="empty", seed=3, strict_keys=True)
    def test_the_closest_one_counts(
        self, octaspace_client: octaspace.Client, octaspace_sandbox: SandboxServer
    ) -> None:
        assert octaspace_client.nodes.list().data == []
        world = octaspace_sandbox.world
        assert (world.dataset, world.seed, world.ready_after) == ("empty", 3, 0)
        with pytest.raises(octaspace.AuthenticationError):
            octaspace_client.with_options(api_key="short").nodes.list()


def test_without_a_marker_the_defaults_are_back(octaspace_sandbox: SandboxServer) -> None:
    world = octaspace_sandbox.world
    assert (world.dataset, world.seed, world.ready_after) == ("default", 7, 4)
    assert octaspace_sandbox.app.strict_keys is False


LIST_MODULES = """
import sys

def pytest_sessionfinish():
    print("MODULES", *sorted(sys.modules))
"""


def test_loading_it_loads_one_module(project: Project) -> None:
    """In a project without a test that uses it, it costs the import of one small module."""
    project.write("conftest.py", LIST_MODULES)
    project.write("test_nothing.py", "def test_nothing():\n    assert 1 + 1 == 2\n")

    def loaded(*words: str) -> set[str]:
        code, output = project.run("-s", *words, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        assert code == 0, output
        (line,) = (line for line in output.splitlines() if "MODULES" in line)
        return set(line.partition("MODULES")[2].split())

    with_it = loaded("-p", "octaspace")
    assert with_it - loaded() == {"octaspace_pytest"}
    assert not {"octaspace", "requests", "urllib3", "http.server", "flask"} & with_it


OPTION_TESTS = """
import pytest

def test_of_the_file(octaspace_sandbox):
    world = octaspace_sandbox.world
    assert (world.dataset, world.seed, world.ready_after) == ("empty", 11, 0.5)
    assert octaspace_sandbox.app.strict_keys is True

@pytest.mark.octaspace(dataset="default")
def test_of_the_marker(octaspace_sandbox):
    assert (octaspace_sandbox.world.dataset, octaspace_sandbox.world.seed) == ("default", 11)

def test_asked_for_later(request):
    sandbox = request.getfixturevalue("octaspace_sandbox")
    assert sandbox.is_fresh
    assert sandbox.world.dataset == "empty"
    sandbox.faults.add("html")

def test_asked_for_later_again(request):
    assert request.getfixturevalue("octaspace_sandbox").is_fresh
"""


def test_options_of_the_configuration_file(project: Project) -> None:
    options = {"dataset": "empty", "seed": "11", "ready_after": "0.5", "strict_keys": "true"}
    lines = [f"octaspace_{name} = {value}\n" for name, value in options.items()]
    project.write("pytest.ini", PROJECT_INI + "".join(lines))
    project.write("test_options.py", OPTION_TESTS)
    code, output = project.run("-W", "error")
    assert (code, "4 passed" in output) == (0, True), output


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("dataset='none'", "unknown data set 'none'"),
        ("data='large'", "not data"),
        ("'large'", "not 'large'"),
        ("ready_after=-1", "between 0 and 86400"),
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_a_wrong_marker_is_an_error_of_its_test(
    project: Project, marker: str, said: str, position: int
) -> None:
    tests = [
        "def test_good(octaspace_sandbox):\n    assert octaspace_sandbox.world.dataset == 'default'\n",
        f"@pytest.mark.octaspace({marker})\ndef test_wrong(octaspace_sandbox):\n    assert False\n",
    ]
    tests.insert(position * 2, "def test_other(octaspace_sandbox):\n    assert octaspace_sandbox.is_fresh\n")
    if position:
        tests.reverse()
    project.write("test_marker.py", "import pytest\n" + "\n".join(tests))
    code, output = project.run()
    assert code == 1
    assert "2 passed, 1 error" in output
    assert said in output


def test_it_can_be_switched_off(project: Project) -> None:
    project.write("test_it.py", "def test_it(octaspace_sandbox):\n    assert octaspace_sandbox\n")
    code, output = project.run("-p", "no:octaspace")
    assert code == 1
    assert "fixture 'octaspace_sandbox' not found" in output


PARALLEL_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(12))
def test_a_rental(octaspace_client, octaspace_sandbox, number):
    rental = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}
    octaspace_client.services.mr.create(**rental, envs={"N": str(number)})
    summary = octaspace_sandbox.journal.summary()
    assert (summary["requests"], summary["changes"], summary["repeated"]) == (1, 1, [])
    assert len(octaspace_client.sessions.list().data) == 7
"""


def test_each_worker_of_xdist_has_its_own(project: Project) -> None:
    project.write("test_rentals.py", PARALLEL_TESTS)
    code, output = project.run("-n", "3")
    assert (code, "12 passed" in output) == (0, True), output


def test_pytest_lists_its_fixtures_and_its_marker(project: Project) -> None:
    assert "@pytest.mark.octaspace(dataset=" in project.run("--markers")[1]
    output = project.run("--fixtures")[1]
    names = ("sandbox", "sandbox_clock", "client", "client_options", "faults")
    for name in names:
        assert f"octaspace_{name}" in output, name
