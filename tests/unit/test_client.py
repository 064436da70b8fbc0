"""The client without its transport: derived copies, closing, and repr."""

from __future__ import annotations

import gc
import pydoc
import weakref
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client, ConfigurationError
from octaspace._client import _SHARED_OPTIONS
from octaspace.config import DEFAULTS

API = "https://api.octa.space"


@pytest.fixture
def balance(requests_mock: requests_mock.Mocker) -> Any:
    return requests_mock.get(f"{API}/accounts/balance", json={"balance": 1})


class Watcher(octaspace.Observer):
    """An observer that does nothing."""


#: For each option that a copy may differ in, something else than its default.
OTHER: dict[str, Any] = {
    "api_key": "sk-other", "pool_timeout": 1, "open_timeout": 1, "read_timeout": 1, "write_timeout": 1,
    "max_retries": 9, "retry_interval": 9, "backoff_factor": 9, "max_retry_interval": 9,
    "total_timeout": 9, "max_retry_after": 9,
    "max_response_bytes": 9, "max_json_values": 7, "on_request": print, "on_response": print,
    "logger": None, "log_level": "debug", "user_agent": "me", "rental_ledger": "sqlite:////var/lib/rentals.db",
    "observers": (Watcher(),), "cache_ttl": 9, "cache_stale": 9,
}  # fmt: skip


def test_each_option_belongs_to_the_copy_or_to_the_sockets() -> None:
    assert {*OTHER, *_SHARED_OPTIONS} == {*DEFAULTS, "persistent"}
    with Client("sk-secret") as client:
        copy = client.with_options(**OTHER)
        assert {name: getattr(copy.config, name) for name in OTHER} == OTHER
        assert client.config == octaspace.Config(api_key="sk-secret")


@pytest.mark.parametrize("name", _SHARED_OPTIONS)
def test_an_option_of_the_sockets_is_refused(name: str) -> None:
    with Client() as client, pytest.raises(ConfigurationError, match=f"{name} cannot be changed") as caught:
        client.with_options(**{name: DEFAULTS.get(name)})  # type: ignore[misc]
    assert caught.value.option == name


def test_a_chain_of_copies(balance: Any) -> None:
    with Client("sk-1", max_retries=1, user_agent="mine") as first:
        second = first.with_options(api_key="sk-2", read_timeout=7)
        third = second.with_options(api_key=None, max_retries=3)
        seen = []
        for client in (first, second, third):
            client.accounts.balance()
            seen.append(balance.last_request.headers.get("Authorization"))
        assert seen == ["sk-1", "sk-2", None]
        config = third.config
        assert (config.read_timeout, config.max_retries, config.user_agent) == (7, 3, "mine")
        assert (first.config.read_timeout, first.config.max_retries) == (30, 1)


@pytest.mark.parametrize(("closed", "ended"), [(0, {0, 1, 2}), (1, {1}), (2, {2})])
def test_closing_ends_all_copies_or_one_copy(closed: int, ended: set[int], balance: Any) -> None:
    chain = [Client("sk-1")]
    chain += [chain[0].with_options(max_retries=0)]
    chain += [chain[1].with_options(max_retries=0)]
    chain[closed].close()
    chain[closed].close()
    for number, client in enumerate(chain):
        if number in ended:
            assert repr(client).endswith(" closed>")
            with pytest.raises(ConfigurationError, match="the client is closed"):
                client.accounts.balance()
        else:
            assert client.accounts.balance().data == {"balance": 1}
    late = chain[closed].with_options(api_key="sk-2")  # a copy of a closed client is closed as well
    with pytest.raises(ConfigurationError, match="closed"):
        late.accounts.balance()
    chain[0].close()


def test_copies_of_copies_do_not_form_a_chain(balance: Any) -> None:
    client = first = Client("sk-1")
    references = []
    for _ in range(3000):
        references.append(weakref.ref(client))
        client = client.with_options(max_retries=1)
    references.pop(0)  # the first is held here
    assert client.accounts.balance().data == {"balance": 1}
    gc.collect()
    assert [reference for reference in references if reference() is not None] == []
    first.close()
    with pytest.raises(ConfigurationError, match="the client is closed"):
        client.accounts.balance()


def test_a_copy_holds_its_parents_sockets(balance: Any) -> None:
    copy = Client("sk-1").with_options(api_key="sk-2")
    gc.collect()
    assert copy.accounts.balance().ok  # although the parent is not referenced


def test_a_resource_holds_its_client(balance: Any) -> None:
    accounts = Client("sk-1").accounts
    assert accounts.balance().ok
    client = Client("sk-1")
    reference = weakref.ref(client)
    del client
    assert reference() is None


def test_copies_keep_the_subclass_and_its_attributes(balance: Any) -> None:
    class Counting(Client):
        calls = 0
        label = "none"

        def send(self, request: octaspace.Request, **options: Any) -> octaspace.Response[Any]:
            self.calls += 1
            return super().send(request, **options)

    with Counting("sk-1") as client:
        client.label = "mine"
        copy = client.with_options(api_key="sk-2")
        copy.accounts.balance()
        assert (type(copy), copy.label, copy.calls, client.calls) == (Counting, "mine", 1, 0)


def test_cookies_are_not_kept_by_any_client(requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/accounts/balance", json={}, headers={"Set-Cookie": "session=1; Path=/"})
    with Client("sk-1") as client:
        for sender in (client, client.with_options(api_key="sk-2"), client):
            sender.accounts.balance()
            assert requests_mock.last_request is not None
            assert "Cookie" not in requests_mock.last_request.headers


def test_repr_shows_the_endpoints_and_not_the_key() -> None:
    with Client("sk-secret", base_urls=["http://one", "http://two"]) as client:
        assert repr(client) == "<Client http://one http://two>"
        assert repr(client.nodes) == "<Nodes of an octaspace.Client>"
        assert repr(client.services.session("u-1")) == "<Session u-1>"
    assert repr(client) == "<Client http://one http://two closed>"
    assert repr(Client.__new__(Client)) == "<Client not set up>"


def test_help_names_every_resource_and_method() -> None:
    shown = pydoc.render_doc(Client, renderer=pydoc.plaintext)
    for name in ("accounts", "nodes", "sessions", "services", "apps", "network", "idle_jobs"):
        assert f"\n |  {name} = <class 'octaspace.resources.{name}." in shown
    services = pydoc.render_doc(octaspace.resources.Services, renderer=pydoc.plaintext)
    for words in ("Machines for rent", "VPN relays for rent", "Render nodes for rent"):
        assert words in services
