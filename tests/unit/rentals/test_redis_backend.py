"""A ledger in Redis: a server that fails, restarts or refuses, and a password that nobody sees."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis

import octaspace
from octaspace.rentals import RentalLedger, open_ledger
from octaspace.rentals import redis_backend as module
from octaspace.rentals.redis_backend import RedisBackend
from tests.support.certificates import Authority
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

from .entries import new_rental
from .lossy_link import LossyLink

#: A password with all characters that are special in a URL.
PASSWORD = "Pq7kk@Rs8ll/Tu9mm#Vw0nn%Xy1oo?Zz2pp:Ab3qq&Cd4rr=Ef5ss"
PARTS = re.split(r"[@/#%?:&=]", PASSWORD)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def failure(use: Callable[[], object]) -> str:
    """The message of the error, which shows no part of the password, and neither does its traceback."""
    with pytest.raises(octaspace.RentalLedgerError) as raised:
        use()
    error = raised.value
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__)) + repr(error)
    assert not [part for part in PARTS if part in shown]
    assert "\n" not in str(error)
    return str(error)


@pytest.fixture
def backend(redis_url: str) -> RedisBackend:
    return RedisBackend(redis_url)


@pytest.fixture
def user(redis_url: str, redis_server: RedisServer) -> Iterator[str]:
    """The URL of a user with this password."""
    with redis_server.client() as client:
        client.acl_setuser("app", enabled=True, passwords=["+" + PASSWORD], keys="*", commands=["+@all"])
        yield f"redis://app:{quote(PASSWORD, safe='')}@127.0.0.1:{redis_server.port}/0"
        client.acl_deluser("app")


def test_the_time_is_the_servers(
    backend: RedisBackend, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: pytest.fail("the clock of this machine was read"))
    with redis_server.client() as client:
        before, now, after = (*client.time(),), backend.now(), (*client.time(),)
    assert now.epoch == "redis"
    assert now.seconds == now.wall
    assert before[0] + before[1] / 1e6 <= now.seconds <= after[0] + after[1] / 1e6


def test_all_keys_are_in_one_slot(backend: RedisBackend, redis_server: RedisServer) -> None:
    backend.add(new_rental("e1"))
    backend.add(new_rental("e2", closed=new_rental().created, outcome="stopped"))
    with redis_server.client() as client:
        keys = client.keys()
    assert sorted(keys) == [f"{{octaspace:rentals}}:{name}" for name in ("closed", "format", "open")]


def test_a_password_with_special_characters_works_and_is_not_shown(user: str) -> None:
    ledger = open_ledger(user)
    ledger.backend.add(new_rental())
    assert ledger.backend.get("e1") is not None
    assert ledger.backend.location == re.sub("app:.*@", "***@", user)
    assert not [part for part in PARTS if part in f"{ledger!r} {ledger.backend!r} {ledger.backend.location}"]


def test_a_wrong_password(user: str) -> None:
    wrong = user.replace("app:", "app:x")
    message = failure(lambda: RedisBackend(wrong).add(new_rental()))
    assert "the user name or the password is wrong (WRONGPASS)" in message
    assert "***@127.0.0.1" in message


def test_a_server_that_repeats_what_it_was_sent(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = RedisBackend(user)

    def answer() -> None:
        raise redis.ResponseError(f"unknown command 'AUTH', with args beginning with: '{PASSWORD}'")

    monkeypatch.setattr(backend._redis, "time", answer)
    assert "ResponseError" in failure(backend.now)


def test_a_server_that_cannot_be_reached() -> None:
    backend = RedisBackend(f"redis://app:{quote(PASSWORD, safe='')}@127.0.0.1:{free_port()}/0")
    assert "Connection refused" in failure(lambda: backend.add(new_rental()))
    for use in (backend.now, backend.open_rentals, backend.closed_rentals, lambda: backend.get("e1")):
        failure(use)


def test_a_name_that_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert "not known" in failure(RedisBackend("redis://ledger.example/0").now)


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = RedisBackend(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert "TimeoutError" in failure(backend.now)


def test_a_server_that_is_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with other.accept()[0] as client:
                        client.recv(100)
                        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        failure(RedisBackend(f"redis://127.0.0.1:{other.getsockname()[1]}/0").now)
        other.shutdown(socket.SHUT_RDWR)  # ends the wait for another connection
        thread.join(20)


def test_a_newer_version_is_refused_and_not_changed(backend: RedisBackend, redis_server: RedisServer) -> None:
    rental = new_rental()
    backend.add(rental)
    with redis_server.client() as client:
        client.set("{octaspace:rentals}:format", "2")
        uses: list[Callable[[], object]] = [
            lambda: backend.add(new_rental("e2")), lambda: backend.get("e1"), backend.open_rentals,
            backend.closed_rentals, lambda: backend.replace(rental, rental.changed()),
            lambda: backend.remove(rental),
        ]  # fmt: skip
        for use in uses:
            message = failure(use)
            assert "newer version" in message
            assert "format 2" in message
        assert client.hkeys("{octaspace:rentals}:open") == ["e1"]


def test_keys_of_another_program(backend: RedisBackend, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.set("{octaspace:rentals}:open", "theirs")
        failure(lambda: backend.add(new_rental()))
        failure(backend.open_rentals)
        assert client.get("{octaspace:rentals}:open") == "theirs"


def test_an_entry_that_cannot_be_read(backend: RedisBackend, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.hset("{octaspace:rentals}:open", "e1", "[]")
    assert "cannot be read" in failure(backend.open_rentals)
    assert "cannot be read" in failure(lambda: backend.get("e1"))


def test_a_server_without_memory_refuses_and_can_still_be_read(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    rental = new_rental()
    backend.add(rental)
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            assert "its memory is full (OOM)" in failure(lambda: backend.add(new_rental("e2")))
            assert backend.open_rentals() == [rental]
        finally:
            client.config_set("maxmemory", "0")
    assert backend.replace(rental, rental.changed())


def test_a_replica_refuses(backend: RedisBackend, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.execute_command(f"REPLICAOF 127.0.0.1 {free_port()}")
        try:
            assert "it is a read-only replica: use the address of the primary" in failure(
                lambda: backend.add(new_rental())
            )
        finally:
            client.execute_command("REPLICAOF NO ONE")
    assert backend.open_rentals() == []


def test_an_answer_that_is_lost_is_asked_for_again(backend: RedisBackend, redis_server: RedisServer) -> None:
    first = new_rental()
    second = first.changed(uuid="u-2")
    with LossyLink(redis_server.port) as link:
        remote = RedisBackend(f"redis://127.0.0.1:{link.port}/0")
        link.lose_answer_to(first.revision)
        remote.add(first)
        link.lose_answer_to(second.revision)
        assert remote.replace(first, second)
        assert link.lost == 2
        remote._redis.close()
    assert backend.open_rentals() == [second]


def test_a_ledger_that_is_no_longer_used_leaves_no_connection(
    redis_url: str, redis_server: RedisServer
) -> None:
    with redis_server.client() as client:

        def connected() -> set[str]:
            return {one["id"] for one in client.client_list()}

        before = connected()
        backend = RedisBackend(redis_url)
        cycle: list[object] = [backend]
        cycle.append(cycle)
        backend.now()
        (own,) = connected() - before
        del backend, cycle
        gc.collect()
        until(lambda: own not in connected())


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that waits for the disk before it acknowledges."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.stop()


def test_a_server_that_is_killed_keeps_what_it_acknowledged(own_server: RedisServer) -> None:
    ledger = RentalLedger(RedisBackend(own_server.url))
    backend = ledger.backend
    for number in range(5):
        rentals = [new_rental(f"{number}-{each}", at=float(number * 10 + each)) for each in range(10)]
        for rental in rentals:
            backend.add(rental)
        own_server.kill()
        assert "Connection refused" in failure(backend.open_rentals)
        own_server.start()
        assert backend.open_rentals()[-10:] == rentals
    assert len(backend.open_rentals()) == 50
    own_server.kill()
    own_server.start()
    assert ledger.change("0-0", lambda one: one.changed(uuid="u-1")) is not None, "the first use after it"


@pytest.fixture
def tls_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a certificate for localhost, whose authority this process trusts."""
    authority, port = Authority(tmp_path), str(free_port())
    certificate = str(authority.certificate("localhost"))
    server = RedisServer(
        tmp_path, "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", certificate,
        "--tls-ca-cert-file", str(authority.bundle), "--tls-auth-clients", "no",
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    yield f"rediss://localhost:{port}/0"
    server.stop()


def test_tls(tls_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ledger = open_ledger(tls_url)
    ledger.backend.add(new_rental())
    assert [one.id for one in ledger.backend.open_rentals()] == ["e1"]

    another_name = RedisBackend(tls_url.replace("localhost", "127.0.0.1"))
    assert "CERTIFICATE_VERIFY_FAILED" in failure(another_name.open_rentals)

    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "empty").bundle))
    assert "CERTIFICATE_VERIFY_FAILED" in failure(RedisBackend(tls_url).open_rentals)

    plain = RedisBackend(tls_url.replace("rediss", "redis"))
    failure(plain.open_rentals)
