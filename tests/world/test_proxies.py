"""Common forward proxies, configured by environment variables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

import octaspace
from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer, answer
from tests.support.namespaces import Hosts
from tests.support.server_process import ServerProcess
from tests.support.waiting import until

from .calls import created, read_everything, rent
from .conftest import COMPUTER, SPACE, Api
from .connections import ended_by_peer
from .forward_proxy import ForwardProxy, Login, microsocks, squid, stunnel, tinyproxy

PROXY = "proxy.octa.test"
ADDRESS = "127.0.30.1"

LOGIN = Login("some one", "p@ss:word/1")
PLAIN_LOGIN = Login("someone", "pass-word.1")  # tinyproxy accepts no other characters
WRONG_USER_INFO = "someone:not-the-password@"

#: Port, factory, and whether it requires a login.
PROXIES = {
    "tinyproxy": (8888, tinyproxy, None),
    "tinyproxy with a password": (8889, tinyproxy, PLAIN_LOGIN),
    "squid": (3128, squid, None),
    "squid with a password": (3129, squid, LOGIN),
}
WITH_PASSWORD = [name for name, (_, _, login) in PROXIES.items() if login]
TLS_PORT, TLS_PORT_WITH_PASSWORD, SOCKS_PORT, SOCKS_PORT_WITH_PASSWORD = 8443, 8444, 1080, 1081

#: No server listens there.
DOWN = 9


class Proxies:
    """The proxies used by tests so far, each started once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._started: dict[str, ForwardProxy] = {}

    def get(self, name: str) -> ForwardProxy:
        if name not in self._started:
            port, make, login = PROXIES[name]
            made = make(self._folder / str(port), ADDRESS, port, login)
            self._stack.enter_context(made)
            self._started[name] = made
        return self._started[name]

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    proxies = Proxies(tmp_path_factory.mktemp("proxies"))
    yield proxies
    proxies.close()


@pytest.fixture
def proxies(started: Proxies, hosts: Hosts) -> Proxies:
    hosts.point(PROXY, ADDRESS)
    return started


def url_of(name: str) -> str:
    port, _, login = PROXIES[name]
    return f"http://{user_info(login)}{PROXY}:{port}"


def user_info(login: Login | None) -> str:
    return f"{quote(login.user)}:{quote(login.password, safe='')}@" if login else ""


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", list(PROXIES))
def test_every_read_and_a_rental(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str, keep_alive: bool
) -> None:
    proxy = proxies.get(name)
    before = len(proxy.asked())
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", url_of(name))
    with octaspace.Client("key", base_url=f"{scheme}://{SPACE}", keep_alive=keep_alive) as client:
        # tinyproxy ends each connection without announcing it: the next request may already be sent.
        ends_early = keep_alive and scheme == "http" and name.startswith("tinyproxy")
        attempts = {answer.attempts for answer in read_everything(client).values()}
        assert attempts <= ({1, 2} if ends_early else {1})
        for number in range(3):
            if ends_early:
                until(lambda: ended_by_peer(ADDRESS, PROXIES[name][0]))
            assert rent(client, str(number)).attempts == 1
    assert len(set(created(api.sandbox))) == len(created(api.sandbox)) == 3
    calls = len(api.sandbox.journal.entries())
    tunnels = 1 if keep_alive else calls
    until(lambda: len(proxy.asked()) - before >= (calls if scheme == "http" else tunnels))
    asked = proxy.asked()[before:]
    if scheme == "http":
        assert len(asked) == calls
        assert {target.startswith(f"http://{SPACE}/") for _, target in asked} == {True}
    else:
        assert asked == [("CONNECT", f"{SPACE}:443")] * tunnels


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_variables(api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    proxy = proxies.get("tinyproxy")
    before = len(proxy.asked())
    monkeypatch.setenv(variable, url_of("tinyproxy"))
    with octaspace.Client("key") as client:
        assert rent(client).ok
    until(lambda: proxy.asked()[before:] == [("CONNECT", f"{SPACE}:443")])


@pytest.mark.parametrize(
    ("exempt", "by_proxy"),
    [
        (SPACE, [COMPUTER]),
        (".octa.space", [COMPUTER]),
        ("octa.space,localhost", [COMPUTER]),
        ("*", []),
        ("elsewhere.test", [SPACE, COMPUTER]),
        ("127.0.0.0/8", [SPACE, COMPUTER]),
    ],
)
def test_no_proxy(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch, exempt: str, by_proxy: list[str]
) -> None:
    proxy = proxies.get("tinyproxy")
    before = len(proxy.asked())
    monkeypatch.setenv("HTTPS_PROXY", url_of("tinyproxy"))
    monkeypatch.setenv("NO_PROXY", exempt)
    with octaspace.Client("key", base_urls=[f"https://{SPACE}", f"https://{COMPUTER}"]) as client:
        for _ in range(2):
            assert client.nodes.list().attempts == 1
    until(lambda: len(proxy.asked()) - before == len(by_proxy))
    assert [target for _, target in proxy.asked()[before:]] == [f"{name}:443" for name in by_proxy]


def test_one_of_two_names_is_down_behind_a_proxy(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies.get("tinyproxy")
    monkeypatch.setenv("HTTPS_PROXY", url_of("tinyproxy"))
    api.space.stop()
    with octaspace.Client("key", base_urls=[f"https://{SPACE}", f"https://{COMPUTER}"]) as client:
        assert [rent(client, str(number)).ok for number in range(3)] == [True] * 3
    assert len(created(api.sandbox)) == 3


@pytest.fixture(scope="module")
def tls_before_proxies(
    started: Proxies, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """stunnel in front of both tinyproxies."""
    folder, certificate = tmp_path_factory.mktemp("stunnel"), authority.certificate(PROXY)
    with ExitStack() as stack:
        for name, port in (
            ("tinyproxy", TLS_PORT),
            ("tinyproxy with a password", TLS_PORT_WITH_PASSWORD),
        ):
            started.get(name)
            behind = (ADDRESS, PROXIES[name][0])
            stack.enter_context(stunnel(folder / name, ADDRESS, port, certificate, behind))
        yield


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("password", "by_option"),
    [(False, False), (True, False), (False, True)],
    ids=["trusted by the environment", "with a password", "trusted by ssl_verify"],
)
def test_a_proxy_with_tls(
    api: Api, proxies: Proxies, tls_before_proxies: None, authority: Authority,
    monkeypatch: pytest.MonkeyPatch, password: bool, scheme: str, keep_alive: bool, by_option: bool,
) -> None:  # fmt: skip
    port, login = (TLS_PORT_WITH_PASSWORD, PLAIN_LOGIN) if password else (TLS_PORT, None)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"https://{user_info(login)}{PROXY}:{port}")
    options: dict[str, str] = {}
    if by_option:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        options["ssl_verify"] = str(authority.bundle)
    with octaspace.Client(
        "key",
        base_url=f"{scheme}://{SPACE}",
        keep_alive=keep_alive,
        **options,  # type: ignore[arg-type]
    ) as client:
        ends_early = keep_alive and scheme == "http"  # as above
        attempts = {answer.attempts for answer in read_everything(client).values()}
        assert attempts <= ({1, 2} if ends_early else {1})
        if ends_early:
            until(lambda: ended_by_peer(ADDRESS, port))
        assert rent(client).attempts == 1
    assert len(created(api.sandbox)) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_tls_that_is_not_trusted(
    api: Api, proxies: Proxies, tls_before_proxies: None, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"https://{PROXY}:{TLS_PORT}")
    with octaspace.Client("key", base_url=f"{scheme}://{SPACE}", max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match="certificate verify failed") as caught:
            rent(client)
        assert not caught.value.outcome_unknown
        assert PROXY in str(caught.value)
    assert api.sandbox.journal.entries() == []


def shown(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that a user sees of an error: message, causes and log."""
    words, link = [caplog.text], error
    while link is not None:
        words += [str(link), repr(link)]
        link = link.__cause__  # type: ignore[assignment]
    words += [str(getattr(record, "octaspace_attempt", "")) for record in caplog.records]
    return "\n".join(words)


@pytest.mark.parametrize("proxy_scheme", ["http", "https", "socks5", "socks5h"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str,
    proxy_scheme: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    hosts.point(PROXY, ADDRESS)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"{proxy_scheme}://{user_info(LOGIN)}{PROXY}:{DOWN}")
    with octaspace.Client("key", base_url=f"{scheme}://{SPACE}", max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match="refused") as caught:
            rent(client)
        assert not caught.value.outcome_unknown
    assert f"{PROXY}:{DOWN}" in str(caught.value)
    assert_no_user_info(shown(caught.value, caplog))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_with_an_unresolvable_name(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{user_info(LOGIN)}{PROXY}:3128")
    with octaspace.Client("key", base_url=f"{scheme}://{SPACE}", max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match=PROXY) as caught:
            rent(client)
        assert not caught.value.outcome_unknown
    assert_no_user_info(shown(caught.value, caplog))


@pytest.mark.parametrize("rest", ["", ":port", "[::1", "proxy.octa.test:99999", "%zz:80/"])
@pytest.mark.parametrize("proxy_scheme", ["http", "https", "ftp"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_invalid_proxy(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, scheme: str,
    proxy_scheme: str, rest: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"{proxy_scheme}://{user_info(LOGIN)}{rest}")
    with (
        octaspace.Client("key", base_url=f"{scheme}://{SPACE}", max_retries=0) as client,
        pytest.raises((octaspace.ConfigurationError, octaspace.ConnectionError)) as caught,
    ):
        rent(client)
    assert "proxy" in str(caught.value).lower()
    assert_no_user_info(shown(caught.value, caplog))
    assert api.sandbox.journal.entries() == []


@pytest.mark.parametrize("name", WITH_PASSWORD)
@pytest.mark.parametrize("wrong", ["", WRONG_USER_INFO])
@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_tunnel_is_refused_for_a_wrong_password(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    name: str, wrong: str, keep_alive: bool,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    proxies.get(name)
    monkeypatch.setenv("HTTPS_PROXY", f"http://{wrong}{PROXY}:{PROXIES[name][0]}")
    with octaspace.Client("key", keep_alive=keep_alive, max_retries=0) as client:
        # tinyproxy answers 407 without a password, and 401 with a wrong one.
        with pytest.raises(octaspace.ConnectionError, match=r"40[17]") as caught:
            rent(client)
        assert not caught.value.outcome_unknown
    assert PROXY in str(caught.value)
    assert_no_user_info(shown(caught.value, caplog))
    assert api.sandbox.journal.entries() == []


@pytest.mark.parametrize("name", WITH_PASSWORD)
@pytest.mark.parametrize("wrong", ["", WRONG_USER_INFO])
def test_a_request_is_refused_for_a_wrong_password(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    name: str, wrong: str,
) -> None:  # fmt: skip
    """Without a tunnel the proxy answers instead of the server."""
    caplog.set_level(logging.DEBUG)
    proxies.get(name)
    monkeypatch.setenv("HTTP_PROXY", f"http://{wrong}{PROXY}:{PROXIES[name][0]}")
    with (
        octaspace.Client("key", base_url=f"http://{SPACE}", max_retries=0) as client,
        pytest.raises(octaspace.ApiError) as caught,
    ):
        client.nodes.list()
    assert caught.value.status in (401, 407)
    if caught.value.status == 407:
        assert "proxy" in str(caught.value).lower()
    assert_no_user_info(shown(caught.value, caplog))
    assert api.sandbox.journal.entries() == []


def test_a_proxy_that_cannot_reach_the_server(
    api: Api, proxies: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies.get("tinyproxy")
    proxies.get("squid")
    api.space.stop()
    for name in ("tinyproxy", "squid"):
        monkeypatch.setenv("HTTPS_PROXY", url_of(name))
        with octaspace.Client("key", max_retries=0) as client:
            with pytest.raises(octaspace.ConnectionError, match=r"50[0-9]") as caught:
                rent(client)
            assert not caught.value.outcome_unknown
            assert PROXY in str(caught.value)


@pytest.fixture(scope="module")
def socks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """A SOCKS5 proxy without a login, and one that requires a password."""
    folder = tmp_path_factory.mktemp("socks")
    with (
        microsocks(folder / "open", ADDRESS, SOCKS_PORT) as open_to_all,
        microsocks(folder / "closed", ADDRESS, SOCKS_PORT_WITH_PASSWORD, LOGIN) as closed,
    ):
        yield open_to_all, closed


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("proxy_scheme", "password"), [("socks5", False), ("socks5h", True)])
def test_socks(
    api: Api, hosts: Hosts, socks: object, monkeypatch: pytest.MonkeyPatch, password: bool,
    proxy_scheme: str, scheme: str, keep_alive: bool,
) -> None:  # fmt: skip
    hosts.point(PROXY, ADDRESS)
    port, login = (SOCKS_PORT_WITH_PASSWORD, LOGIN) if password else (SOCKS_PORT, None)
    monkeypatch.setenv("ALL_PROXY", f"{proxy_scheme}://{user_info(login)}{PROXY}:{port}")
    with octaspace.Client("key", base_url=f"{scheme}://{SPACE}", keep_alive=keep_alive) as client:
        assert {answer.attempts for answer in read_everything(client).values()} == {1}
        assert rent(client).attempts == 1
    assert len(created(api.sandbox)) == 1
    until(lambda: len(api.space.served()) == len(api.sandbox.journal.entries()))
    served = api.space.served()
    assert len({line.connection for line in served}) == (1 if keep_alive else len(served))


def test_socks_without_keep_alive_takes_a_fresh_connection_for_each_call(
    api: Api, hosts: Hosts, socks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.point(PROXY, ADDRESS)
    monkeypatch.setenv("ALL_PROXY", f"socks5h://{PROXY}:{SOCKS_PORT}")
    with octaspace.Client("key", keep_alive=False, max_retries=0) as client:
        for number in range(40):
            assert rent(client, str(number)).attempts == 1
    assert len(set(created(api.sandbox))) == len(created(api.sandbox)) == 40
    until(lambda: len(api.space.served()) == 40)
    assert len({line.connection for line in api.space.served()}) == 40


def test_socks_with_a_server_that_closes_connections_unannounced(
    hosts: Hosts, socks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has requested this, so it must not rely on the server to announce it."""
    hosts.point(PROXY, ADDRESS)
    monkeypatch.setenv("ALL_PROXY", f"socks5h://{PROXY}:{SOCKS_PORT}")
    server = FaultServer(after=answer([{"uuid": "a", "id": 0}]))
    try:
        with octaspace.Client("key", base_url=server.url, keep_alive=False, max_retries=0) as client:
            for number in range(40):
                assert rent(client, str(number)).attempts == 1
        assert len(server.journal) == server.accepted == 40
    finally:
        server.close()


def test_a_socks_proxy_refuses_for_a_wrong_password(
    api: Api, hosts: Hosts, socks: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hosts.point(PROXY, ADDRESS)
    monkeypatch.setenv("ALL_PROXY", f"socks5h://{WRONG_USER_INFO}{PROXY}:{SOCKS_PORT_WITH_PASSWORD}")
    with octaspace.Client("key", max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match=PROXY) as caught:
            rent(client)
        assert not caught.value.outcome_unknown
    assert_no_user_info(shown(caught.value, caplog))
    assert api.sandbox.journal.entries() == []


def assert_no_user_info(text: str) -> None:
    secrets = (
        LOGIN.password,
        quote(LOGIN.password, safe=""),
        "not-the-password",
        quote(LOGIN.user),
        "Basic ",
    )
    assert [secret for secret in secrets if secret in text] == []
