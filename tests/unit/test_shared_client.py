from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import octaspace
from octaspace import _shared


def test_it_is_one_lazy_object_per_process() -> None:
    assert octaspace.client() is octaspace.client()
    found: list[octaspace.Client] = []
    octaspace.reset_configuration()
    threads = [threading.Thread(target=lambda: found.append(octaspace.client())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1


def test_configure_starts_from_the_environment_and_replaces_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTA_API_KEY", "sk-env")
    before = octaspace.client()
    assert before.config.api_key == "sk-env"
    config = octaspace.configure(pool_size=7)
    assert config is octaspace.configuration()
    assert (config.api_key, config.pool_size) == ("sk-env", 7)
    assert octaspace.client() is not before
    assert octaspace.client().config is config
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        before.send(octaspace.Request("GET", "/nodes"))


def test_an_invalid_configuration_changes_nothing() -> None:
    octaspace.configure(pool_size=7)
    before = octaspace.client()
    with pytest.raises(octaspace.ConfigurationError):
        octaspace.configure(pool_size=0)
    assert octaspace.configuration().pool_size == 7
    assert octaspace.client() is before


def test_with_a_key_or_an_option_it_is_a_new_client_on_top_of_the_configuration() -> None:
    octaspace.configure(api_key="sk-1", pool_size=7)
    one_off = octaspace.client(api_key="sk-2", read_timeout=1)
    assert one_off is not octaspace.client()
    assert (one_off.config.api_key, one_off.config.pool_size, one_off.config.read_timeout) == ("sk-2", 7, 1)
    assert octaspace.client(max_retries=0).config.api_key == "sk-1"
    one_off.close()
    assert octaspace.client().config.api_key == "sk-1"


def test_shutdown_closes_and_the_next_use_makes_a_new_one() -> None:
    before = octaspace.client()
    octaspace.shutdown_shared_client()
    octaspace.shutdown_shared_client()
    assert octaspace.client() is not before


def test_reset_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    octaspace.configure(pool_size=7)
    octaspace.reset_configuration()
    monkeypatch.setenv("OCTA_POOL_SIZE", "9")
    assert octaspace.configuration().pool_size == 9


def test_it_is_closed_at_interpreter_exit() -> None:
    program = (
        "import octaspace, atexit\nclient = octaspace.client()\natexit._run_exitfuncs()\nprint(client)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("closed>")


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_handler_of_the_interpreters_exit(order: str) -> None:
    """A handler registered after our import still has the client; an earlier one gets an error."""
    program = (
        "import atexit, sys, requests_mock\n"
        "mock = requests_mock.Mocker()\n"
        "mock.start()\n"
        "mock.post('https://api.octa.space/services/u-1/stop', json={})\n"
        "def stop():\n"
        "    try:\n"
        "        session.stop()\n"
        "    except octaspace.ConfigurationError as error:\n"
        "        print(error)\n"
        "    print('requests', mock.call_count)\n"
        + ("atexit.register(stop)\n" if order == "before" else "")
        + "import octaspace\n"
        + ("atexit.register(stop)\n" if order == "after" else "")
        + "session = octaspace.client().services.session('u-1')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    if order == "after":
        assert done.stdout == "requests 1\n"
    else:
        assert "closed when the interpreter began to exit" in done.stdout
        assert "registered with atexit after" in done.stdout
        assert done.stdout.endswith("requests 0\n")


def test_concurrent_configure_client_and_reset() -> None:
    """`client()` returns a client with a configuration that was in use, never with a discarded one."""
    errors: list[BaseException] = []
    start = threading.Barrier(6)

    def run(step: Callable[[int], object]) -> None:
        try:
            start.wait(30)
            for number in range(60):
                step(number)
        except BaseException as error:
            errors.append(error)

    steps: list[Callable[[int], object]] = [
        lambda number: octaspace.configure(pool_size=number + 1),
        lambda _: octaspace.reset_configuration(),
        lambda _: octaspace.shutdown_shared_client(),
        lambda _: octaspace.client().config.pool_size,
        lambda _: octaspace.configuration().pool_size,
        lambda _: octaspace.client(api_key="sk-other").close(),
    ]
    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    octaspace.reset_configuration()
    assert octaspace.client().config == octaspace.Config()
    octaspace.configure(pool_size=61)
    assert octaspace.client().config is octaspace.configuration()


class Meddling:
    """A lock that calls a function when it is acquired, like a thread that waited for it."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        self._lock, self._meddle = threading.Lock(), [meddle]

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        while self._meddle:
            self._meddle.pop()()


def test_no_client_is_created_from_a_configuration_reset_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    octaspace.configure(pool_size=7)
    monkeypatch.setattr(_shared._shared, "_lock", Meddling(octaspace.reset_configuration))
    octaspace.client()
    assert octaspace.client().config.pool_size == octaspace.configuration().pool_size == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_the_configuration_and_its_own_client() -> None:
    program = (
        "import os, octaspace\n"
        "octaspace.configure(api_key='sk-1', pool_size=7)\n"
        "parent = octaspace.client()\n"
        "octaspace._shared._shared.lock.acquire()\n"  # as if held by another thread
        "pid = os.fork()\n"
        "if pid:\n"
        "    status = os.waitpid(pid, 0)[1]\n"
        "    octaspace._shared._shared.lock.release()\n"
        "    print(status, octaspace.client() is parent)\n"
        "else:\n"
        "    child = octaspace.client()\n"
        "    print(child is parent, child.config.pool_size, child is octaspace.client(), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["False 7 True", "0 True"]


@pytest.mark.parametrize("registered", ["before", "after"])
def test_exit_handlers_of_others_may_use_it(registered: str) -> None:
    """Those registered before ours run after it, and get a new client."""
    register = "import atexit\natexit.register(lambda: print(octaspace.client()))\n"
    lines = [register, "import octaspace\noctaspace.client()\n"]
    program = "".join(lines if registered == "before" else reversed(lines))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("<Client https://api.octa.space>\n", "")


def test_no_submodule_hides_the_functions() -> None:
    for name in ("_client", "_shared", "config"):
        importlib.import_module(f"octaspace.{name}")
    assert callable(octaspace.client)
    assert callable(octaspace.configuration)
    assert callable(octaspace.configure)
