"""ClientCache: one client per configuration, closed when unused, without leaks."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest
from flask import Flask

from octaspace import Client, Config, ConfigurationError
from playground.sdk import client_cache as module
from playground.sdk.client_cache import ClientCache
from playground.settings import ProcessSettings

from ...support.waiting import until
from ..browsing import Visitor
from ..conftest import MakeApp

SETTINGS = "/playground/settings"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(app: Flask, clock: Clock) -> ClientCache:
    state = app.extensions["playground"]
    state.clients = ClientCache(app, clock)
    return state.clients  # closed with the app's state


def config(clients: ClientCache, **options: object) -> Config:
    return clients.base_config.replace(**options)  # type: ignore[arg-type]


def is_closed(client: Client) -> bool:
    try:
        client.network.info()
    except ConfigurationError:
        return True
    return False


def open_sockets() -> int:
    """Sockets of this process to other processes and to the sandbox."""
    gc.collect()  # of what ran before
    targets = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            targets.append(os.readlink(path))
        except FileNotFoundError:
            continue
    return sum(target.startswith("socket:") for target in targets)


def test_equal_configurations_share_a_client(clients: ClientCache) -> None:
    with clients.lease(config(clients, max_retries=7)) as first:
        first.network.info()
        with clients.lease(config(clients, max_retries=7)) as second:
            assert second is first
        with clients.lease(config(clients, max_retries=8)) as other:
            assert other is not first
        with clients.lease(config(clients, max_retries=7, api_key="another")) as other:
            assert other is not first, "another key has its own connections"
    with clients.lease(config(clients, max_retries=7)) as later:
        assert later is first
        assert later.transport_stats()["pools"][later.config.endpoints[0]]["created"] == 1


def test_evicted_client_is_closed_after_its_last_use(
    clients: ClientCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clients.lease(config(clients, max_retries=0)) as busy:
        with clients.lease(config(clients, max_retries=0)):
            idle: list[Client] = []
            for number in range(1, module._MAX + 2):
                with clients.lease(config(clients, max_retries=0, retry_interval=float(number))) as client:
                    idle.append(client)
            assert not is_closed(busy)
            assert is_closed(idle[0])
            assert not is_closed(idle[-1])
        assert not is_closed(busy), "one of two users is left"
        with clients.lease(config(clients, max_retries=0)) as renewed:
            assert renewed is not busy
    assert is_closed(busy)


def test_idle_clients_are_closed(clients: ClientCache, clock: Clock) -> None:
    chosen = config(clients, max_retries=7, api_key="typed once")
    with clients.lease(chosen) as client, clients.lease(config(clients, max_retries=8)) as busy:
        clock.now += 3 * module._IDLE_SECONDS
    clock.now += 0.5 * module._IDLE_SECONDS
    with clients.lease(config(clients, max_retries=9)):
        assert not is_closed(client), "it was in use until now"
    clock.now += module._IDLE_SECONDS
    with clients.lease(config(clients, max_retries=9)):
        assert is_closed(client)
        assert is_closed(busy)
    with clients.lease(chosen) as renewed:
        assert not is_closed(renewed)


def test_close_closes_every_client(clients: ClientCache, app: Flask) -> None:
    with clients.lease(config(clients, max_retries=7)) as client, clients.lease(clients.base_config) as own:
        client.network.info()
        own.network.info()
    clients.close()
    assert is_closed(client)
    assert is_closed(own)


def test_many_configurations_leak_no_sockets_or_threads(clients: ClientCache, clock: Clock) -> None:
    before, sockets = set(threading.enumerate()), open_sockets()
    for number in range(3 * module._MAX):
        with clients.lease(config(clients, retry_interval=float(number))) as client:
            client.network.info()
    # Each connection has two ends, and both are in this process, as are the sandbox's threads.
    until(lambda: open_sockets() <= sockets + 2 * module._MAX)
    until(lambda: len(set(threading.enumerate()) - before) <= module._MAX)
    clock.now += 2 * module._IDLE_SECONDS
    with clients.lease(clients.base_config):
        until(lambda: open_sockets() <= sockets)
        until(lambda: not set(threading.enumerate()) - before)


def test_many_settings_changes_leak_no_sockets(visitor: Visitor, app: Flask) -> None:
    url = "/playground/dashboard?_panel=profile"
    visitor.panel(url, "profile")
    state = app.extensions["playground"]
    for number in range(5):
        visitor.post(f"{SETTINGS}/options", pool_timeout=str(1 + number))
        visitor.panel(url, "profile")
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("panel")]
    assert threads
    sockets = open_sockets()
    state.close()
    until(lambda: not any(thread.is_alive() for thread in threads))
    until(lambda: open_sockets() <= sockets - 2 * 5)


def test_concurrent_leases_share_a_client(clients: ClientCache) -> None:
    chosen, found = config(clients, max_retries=3), []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait()
        with clients.lease(chosen) as client:
            found.append(client)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_no_option_comes_from_the_environment_by_way_of_the_extension(
    process: ProcessSettings, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, text in (
        ("OCTA_BASE_URL", "http://elsewhere.test"),
        ("OCTA_API_KEY", "sk-other"),
        ("OCTA_SSL_VERIFY", "no"),
        ("OCTA_POOL_SIZE", "77"),
    ):
        monkeypatch.setenv(variable, text)
    config = make_app(process).extensions["octaspace"].settings.config
    assert "http://elsewhere.test" not in config.endpoints
    assert (config.api_key != "sk-other", config.ssl_verify, config.pool_size) == (True, True, 5)
