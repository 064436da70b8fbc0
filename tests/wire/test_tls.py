"""TLS: trust, and that a failed handshake counts as unsent."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util import ssl_

import octaspace
from octaspace import Request
from tests.support.fault_server import Exchange, close_after_reading, echo, http, raw
from tests.support.proxy import Proxy

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


def context(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    authority.issue_cert(*names, not_after=past if expired else None).configure_cert(made)
    return made


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("endpoints", [1, 2])
def test_a_trusted_server(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    keep_alive: bool, endpoints: int,
) -> None:  # fmt: skip
    servers = [serve(after=echo, tls=tls) for _ in range(endpoints)]
    client = connect(*servers, ssl_verify=authority[1], keep_alive=keep_alive)
    for _ in range(4):
        assert client.send(CHANGE).data["path"] == "/services/mr"
    assert [server.accepted for server in servers] == [(1 if keep_alive else 4 // endpoints)] * endpoints


def test_a_passed_bundle_wins_over_the_environment(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert connect(serve(tls=tls), ssl_verify=authority[1]).send(READ).ok
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[1]))
    assert connect(serve(tls=tls)).send(READ).ok


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_no_verification_wins_over_the_environment(
    serve: ServerFactory, connect: ClientFactory, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(name, str(authority[1]))
    stranger = serve(tls=context(trustme.CA(), "elsewhere.example"))
    with pytest.warns(InsecureRequestWarning):
        assert connect(stranger, ssl_verify=False).send(READ).ok
    with pytest.raises(octaspace.ConnectionError):
        connect(stranger).send(READ)


def test_a_bundle_of_the_environment_that_is_not_there_is_a_configuration_error(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(octaspace.ConfigurationError, match=r"/no/such/bundle\.pem"):
        connect(serve(tls=tls)).send(READ)


def test_an_invalid_bundle(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate\n")
    server = serve(tls=tls)
    for _ in range(2):
        with pytest.raises(octaspace.ConfigurationError, match=r"bundle\.pem' cannot be used"):
            connect(server, ssl_verify=bundle).send(CHANGE)
    assert server.accepted == 0


def test_an_empty_folder_of_certificates_trusts_nobody(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    server = serve(tls=tls)
    with pytest.raises(octaspace.ConnectionError, match="certificate verify failed"):
        connect(server, ssl_verify=tmp_path).send(CHANGE)


def test_the_bundle_is_read_once_per_client(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority[1].read_bytes())
    client = connect(serve(after=echo, tls=tls), ssl_verify=bundle, keep_alive=False)
    client.send(CHANGE)
    bundle.write_text("")
    assert client.with_options(api_key="sk-other").send(CHANGE).ok


@pytest.mark.parametrize("flaw", ["unknown authority", "wrong host", "expired"])
def test_an_untrusted_server_gets_nothing_and_no_retry(
    serve: ServerFactory, connect: ClientFactory, authority: tuple[trustme.CA, Path], flaw: str
) -> None:
    good, bundle = authority
    flawed = {
        "unknown authority": lambda: context(trustme.CA(), "127.0.0.1"),
        "wrong host": lambda: context(good, "elsewhere.example"),
        "expired": lambda: context(good, "127.0.0.1", expired=True),
    }[flaw]()
    server = serve(tls=flawed)
    with pytest.raises(octaspace.ConnectionError, match=r"certificate verify failed|doesn.t match") as caught:
        connect(server, ssl_verify=bundle).send(CHANGE)
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 1
    assert server.journal == []


def test_a_failed_handshake_fails_over_even_for_a_change(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path]
) -> None:
    bad, good = serve(tls=context(trustme.CA(), "127.0.0.1")), serve(tls=tls)
    client = connect(bad, good, ssl_verify=authority[1])
    assert [client.send(CHANGE).ok for _ in range(4)] == [True] * 4
    assert len(good.journal) == 4


def test_a_plain_server_behind_an_https_url(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, base_url=server.url.replace("http", "https"), max_retries=0, open_timeout=0.2)
    with pytest.raises(octaspace.NetworkError, match=r"http://|open_timeout") as caught:
        client.send(CHANGE)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_a_body_without_length_and_close_notify_is_incomplete(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    request_: Request, tmp_path: Path,
) -> None:  # fmt: skip
    half = raw(http(200, b'{"a": 1}', length=False))  # the server's socket is closed as it is
    client = connect(serve(after=half, tls=tls), ssl_verify=authority[1], max_retries=0)
    with pytest.raises(octaspace.ConnectionError) as caught:
        client.send(request_)
    assert caught.value.outcome_unknown is (request_ is CHANGE)
    target = tmp_path / "ident"
    with pytest.raises(octaspace.ConnectionError):
        client.nodes.download_ident(1, to=target)
    assert not target.exists()


def test_a_body_without_length_that_tls_ends_is_whole(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path]
) -> None:
    def farewell(exchange: Exchange) -> bool:
        exchange.read_request()
        exchange.send(http(200, b'{"a": 1}', length=False))
        exchange.sock.unwrap()  # type: ignore[attr-defined]
        return False

    assert connect(serve(farewell, tls=tls), ssl_verify=authority[1]).send(CHANGE).data == {"a": 1}


def test_the_class_of_a_library_context_is_unchanged(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made: list[ssl.SSLContext] = []

    class Foreign(ssl.SSLContext):
        """Like truststore's: it uses its own class during the handshake."""

        def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
            assert type(self) is Foreign
            assert "do_handshake_on_connect" not in kwargs
            made.append(self)
            return super().wrap_socket(*args, **kwargs)

    monkeypatch.setattr(ssl_, "SSLContext", Foreign)
    client = connect(serve(after=echo, tls=tls), ssl_verify=authority[1], keep_alive=False)
    for _ in range(2):
        assert client.send(CHANGE).ok
    assert len(made) == 2


def test_a_context_that_cannot_be_shared_is_created_for_each_connection(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Once:
        """Like pyOpenSSL's: not a subclass of the standard library's, and read-only after use."""

        def __init__(self, protocol: int) -> None:
            self.__dict__.update(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), used=False)
            self.context.check_hostname = False

        def __getattr__(self, name: str) -> Any:
            return getattr(self.__dict__["context"], name)

        def __setattr__(self, name: str, value: object) -> None:
            if self.used:
                raise ValueError("Context has already been used")
            setattr(self.context, name, value)

        def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
            self.__dict__["used"] = True
            return self.context.wrap_socket(*args, **kwargs)

    monkeypatch.setattr(ssl_, "SSLContext", Once)
    client = connect(serve(after=echo, tls=tls), ssl_verify=authority[1], keep_alive=False)
    for _ in range(2):
        assert client.send(CHANGE).ok
    stranger = serve(tls=context(trustme.CA(), "127.0.0.1"))
    with pytest.raises(octaspace.ConnectionError, match="certificate verify failed"):
        connect(stranger, ssl_verify=authority[1]).send(CHANGE)


def test_any_exception_while_a_connection_is_opened_raises_our_error(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Broken(ssl.SSLContext):
        def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
            raise AttributeError("no such part")

    monkeypatch.setattr(ssl_, "SSLContext", Broken)
    server = serve(after=echo, tls=tls)
    with pytest.raises(octaspace.ConnectionError, match="no such part") as caught:
        connect(server, ssl_verify=authority[1]).send(CHANGE)
    assert not caught.value.outcome_unknown
    assert server.journal == []


def test_a_reused_tls_connection_that_was_closed(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path]
) -> None:
    server = serve(after=echo, tls=tls)
    client = connect(server, ssl_verify=authority[1], max_retries=0)
    client.send(READ)
    server.then(close_after_reading)
    assert client.send(READ).attempts == 2
    server.then(close_after_reading)
    with pytest.raises(octaspace.ConnectionError, match="may have taken effect"):
        client.send(CHANGE)


#: The head and the body of this fill the buffer of an answer's file exactly.
_BUFFER_FULL = http(200, b'"%s"' % (b"x" * 8113))


@pytest.mark.parametrize("total_timeout", [None, 30], ids=["no-deadline", "deadline"])
def test_bytes_after_the_answer_through_an_https_proxy_are_not_the_next_answer(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, total_timeout: float | None,
) -> None:  # fmt: skip
    # What is left waits inside urllib3's TLS within TLS.
    assert len(_BUFFER_FULL) == 8192
    server = serve(raw(_BUFFER_FULL + http(200, b'"crossed"'), then="keep"), after=echo, tls=tls)
    with Proxy(tls=tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = connect(server, ssl_verify=authority[1], total_timeout=total_timeout)
        assert len(client.send(CHANGE).data) == 8113
        assert [client.send(CHANGE).data["connection"] for _ in range(2)] == [2, 2]
        client.close()


def test_a_socket_without_pending_is_not_reused(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Silent(ssl.SSLSocket):
        pending = None  # type: ignore[assignment]

    class Foreign(ssl.SSLContext):
        sslsocket_class = Silent

    monkeypatch.setattr(ssl_, "SSLContext", Foreign)
    client = connect(serve(after=echo, tls=tls), ssl_verify=authority[1])
    assert [client.send(CHANGE).data["connection"] for _ in range(2)] == [1, 2]
