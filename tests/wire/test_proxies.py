"""Proxies and CA bundles of the environment, over a real proxy."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import octaspace
from octaspace import Request
from tests.support import proxy as policies
from tests.support.fault_server import close_after_reading, echo
from tests.support.proxy import Proxy
from tests.support.waiting import until

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

KEY = "sk-secret"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy() as started:
        monkeypatch.setenv("HTTP_PROXY", started.url)
        monkeypatch.setenv("HTTPS_PROXY", started.url)
        yield started


@pytest.mark.parametrize("keep_alive", [True, False])
def test_plain_requests_are_forwarded(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, keep_alive: bool
) -> None:
    server = serve(after=echo)
    client = connect(server, keep_alive=keep_alive)
    assert client.send(Request("GET", "/nodes", params={"a": "b c"})).data["path"] == "/nodes?a=b+c"
    assert client.send(CHANGE).data["body"]
    assert proxy.heads[0].startswith(f"GET {server.url}/nodes?a=b+c HTTP/1.1\r\n")
    assert [a.headers["authorization"] for a in server.journal] == [KEY, KEY]
    assert {a.headers["host"] for a in server.journal} == {server.url.removeprefix("http://")}


@pytest.mark.parametrize("keep_alive", [True, False])
def test_tls_goes_through_a_tunnel_that_never_sees_the_key(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path], keep_alive: bool,
) -> None:  # fmt: skip
    servers = [serve(after=echo, tls=tls), serve(after=echo, tls=tls)]
    client = connect(*servers, ssl_verify=authority[1], keep_alive=keep_alive)
    for _ in range(4):
        assert client.send(CHANGE).attempts == 1
    assert [len(server.journal) for server in servers] == [2, 2]
    assert [server.accepted for server in servers] == ([1, 1] if keep_alive else [2, 2])
    assert len(proxy.heads) == (2 if keep_alive else 4)
    for head in proxy.heads:
        assert head.startswith("CONNECT 127.0.0.1:")
        assert "authorization" not in head.lower()
        assert KEY not in head


def test_credentials_of_the_proxy_go_to_the_proxy_alone(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://somebody:something@"))
    server = serve(after=echo, tls=tls)
    connect(server, ssl_verify=authority[1]).send(READ)
    assert "Proxy-Authorization: Basic " in proxy.heads[0]
    assert "proxy-authorization" not in server.journal[0].headers


@pytest.mark.parametrize(
    ("policy", "phase"),
    [
        (policies.refuse(403), None),
        (policies.refuse(407), None),
        (policies.refuse(502), None),
        (policies.close, None),
        (policies.babble, None),
        (policies.stall, "open"),
        (policies.drip, "open"),
    ],
)
@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_a_refused_tunnel_counts_as_unsent(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path], policy: policies.Policy, phase: str | None, request_: Request,
) -> None:  # fmt: skip
    proxy.tunnel = policy
    server = serve(after=echo, tls=tls)
    open_timeout = 0.15 if phase == "open" else 20.0
    client = connect(server, ssl_verify=authority[1], open_timeout=open_timeout, max_retries=1)
    with pytest.raises(octaspace.NetworkError) as caught:
        client.send(request_)
    assert getattr(caught.value, "phase", None) == phase
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 2
    assert server.journal == []
    proxy.tunnel = policies.grant
    assert connect(server, ssl_verify=authority[1]).send(request_).ok


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, scheme: str,
) -> None:  # fmt: skip
    refusing = serve()
    refusing.refuse()
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", refusing.url)
    server = serve(after=echo, tls=tls if scheme == "https" else None)
    with pytest.raises(octaspace.ConnectionError, match="Connection refused") as caught:
        connect(server, ssl_verify=authority[1]).send(CHANGE)
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 3


def test_what_is_lost_behind_a_tunnel_is_lost(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path],
) -> None:  # fmt: skip
    server = serve(close_after_reading, after=echo, tls=tls)
    client = connect(server, ssl_verify=authority[1])
    with pytest.raises(octaspace.ConnectionError, match="may have taken effect") as caught:
        client.send(CHANGE)
    assert caught.value.outcome_unknown
    assert client.send(READ).attempts == 1
    server.then(close_after_reading)  # now on a tunnel that was used before
    assert client.send(READ).attempts == 2
    assert [arrival.method for arrival in server.journal] == ["POST", "GET", "GET", "GET"]


def test_a_closed_tunnel_is_detected(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path],
) -> None:  # fmt: skip
    server = serve(after=echo, tls=tls)
    client = connect(server, ssl_verify=authority[1])
    client.send(READ)
    server.drop_connections()
    until(lambda: proxy.connections == 0)
    assert client.send(CHANGE).attempts == 1
    assert len(proxy.heads) == 2


def test_the_environment_is_read_once_per_client(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(after=echo)
    client = connect(server)
    client.send(READ)
    monkeypatch.delenv("HTTP_PROXY")
    client.send(READ)
    client.with_options(api_key="sk-other").send(READ)
    assert [arrival.connection for arrival in server.journal] == [1, 1, 1]
    connect(server).send(READ)
    assert len(proxy.heads) == 1  # what followed went over the connection that it had made, or without it
    assert server.journal[-1].connection == 2


def test_no_proxy_is_obeyed(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = serve(after=echo)
    connect(server).send(READ)
    assert proxy.heads == []
    assert len(server.journal) == 1


PASSWORD = "proxy-pa%20ss"


@pytest.mark.parametrize("place", ["gone", "refusing"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_message_names_the_proxy_and_never_its_password(
    proxy: Proxy, serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    place: str, scheme: str,
) -> None:  # fmt: skip
    caplog.set_level("DEBUG", "octaspace")
    refusing = serve()
    refusing.refuse()
    proxy.tunnel = policies.refuse(407)
    address = (refusing if place == "gone" else proxy).url
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", address.replace("://", f"://somebody:{PASSWORD}@"))
    server = serve(after=echo, tls=tls if scheme == "https" else None)
    if scheme == "http" and place == "refusing":
        server.refuse()
    with pytest.raises(octaspace.ConnectionError) as caught:
        connect(server, ssl_verify=authority[1], max_retries=0).send(READ)
    assert f"{server.url} through the proxy {address}: " in str(caught.value)
    chain, error = "", caught.value.__cause__
    while error is not None:
        chain, error = f"{chain}{error!r}", error.__cause__
    recorded = f"{caught.value!r}{chain}{caplog.text}"
    assert address in caplog.text
    for secret in (PASSWORD, "proxy-pa ss", "somebody"):
        assert secret not in recorded


@pytest.mark.parametrize(
    "url",
    [f"http://somebody:{PASSWORD}@", f"http://somebody:{PASSWORD}@[::1", f"somebody:{PASSWORD}@:x:y",
     f"ftp://somebody:{PASSWORD}@127.0.0.1:1", f"http://somebody:{PASSWORD}@127.0.0.1:port",
     f"socks://somebody:{PASSWORD}@127.0.0.1:1", f"socks6://somebody:{PASSWORD}@127.0.0.1:1",
     *(f"http://somebody:{PASSWORD}{delimiter}@127.0.0.1:1" for delimiter in "/?#\\"),
     f"http://somebody:{PASSWORD}%E2%82%AC@127.0.0.1:1"],
)  # fmt: skip
def test_a_malformed_proxy_is_named_without_its_password(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    with pytest.raises(octaspace.Error, match="through the proxy ") as caught:
        connect(serve(after=echo), max_retries=0).send(CHANGE)
    assert not caught.value.outcome_unknown
    recorded = ""
    error: BaseException | None = caught.value
    while error is not None:
        recorded, error = f"{recorded}{error!r}", error.__cause__ or error.__context__
    for secret in (PASSWORD, "proxy-pa ss", "somebody"):
        assert secret not in recorded


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
def test_the_frames_of_an_error_do_not_show_the_password_of_a_proxy(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://somebody:{PASSWORD}@127.0.0.1:1")
    (tmp_path / "bundle.pem").write_text("no certificate")
    client = connect(serve(), base_url="https://api.example", ssl_verify=tmp_path / "bundle.pem")
    with pytest.raises(octaspace.ConfigurationError, match="CA bundle") as caught:
        client.send(CHANGE)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    for secret in (PASSWORD, "proxy-pa ss", "somebody"):
        assert not [frame for frame in shown.stack[1:] if secret in str(frame.locals)]


@pytest.mark.parametrize("keep_alive", [True, False])
def test_an_http_address_behind_an_https_proxy_with_a_bundle_of_its_own(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, keep_alive: bool,
) -> None:  # fmt: skip
    proxy = serve(after=echo, tls=tls)  # a request in absolute form is all that it gets
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    client = connect(proxy, base_url="http://api.example", ssl_verify=authority[1], keep_alive=keep_alive)
    for request in (READ, CHANGE):
        assert client.send(request).data["path"].startswith("http://api.example/")
    assert {arrival.headers["host"] for arrival in proxy.journal} == {"api.example"}


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1:1", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_a_configuration_error(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    server = serve(after=echo)
    with pytest.raises(octaspace.ConfigurationError, match="cannot be sent"):
        connect(server).send(CHANGE)
    assert server.journal == []


@pytest.mark.parametrize("total_timeout", [None, 30], ids=["no-deadline", "deadline"])
def test_a_socks_proxy_that_is_never_silent_for_long_keeps_to_the_limit(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, total_timeout: float | None
) -> None:
    def drip(client: socket.socket) -> bool:
        client.recv(100)
        client.sendall(b"\5\0")
        client.recv(300)
        for byte in b"\5\0\0\3\xff" + b"x" * 257:  # connected, by way of a host with a long name
            if dripping.stopping.wait(0.02):
                break
            client.sendall(bytes([byte]))
        return False

    dripping = serve(welcome=drip)
    monkeypatch.setenv("HTTP_PROXY", dripping.url.replace("http", "socks5h"))
    client = connect(serve(), open_timeout=0.2, total_timeout=total_timeout, max_retries=0)
    with pytest.raises(octaspace.TimeoutError, match=r"open_timeout=0\.2 s") as caught:
        client.send(CHANGE)
    assert (caught.value.phase, caught.value.outcome_unknown) == ("open", False)


def test_the_message_for_an_unreachable_socks_proxy(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = serve()
    refusing.refuse()
    monkeypatch.setenv("HTTP_PROXY", address := refusing.url.replace("http", "socks5h"))
    with pytest.raises(octaspace.ConnectionError) as caught:
        connect(server := serve(), max_retries=0).send(CHANGE)
    assert f"{server.url} through the proxy {address}: Connection refused" in str(caught.value)
