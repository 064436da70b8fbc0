from __future__ import annotations

import importlib
import subprocess
import sys
import threading

import pytest

import octaspace


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


def test_a_refused_configuration_leaves_the_one_before() -> None:
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


def test_no_submodule_hides_the_functions() -> None:
    for name in ("_client", "_shared", "config"):
        importlib.import_module(f"octaspace.{name}")
    assert callable(octaspace.client)
    assert callable(octaspace.configuration)
    assert callable(octaspace.configure)
