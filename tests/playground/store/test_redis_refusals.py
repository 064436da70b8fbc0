"""A Redis that refuses: one line says why, names the variable, and repeats no part of the URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from octaspace.rentals.redis_errors import describe_redis_error
from playground.app_state import check_rental_ledger
from playground.settings import ProcessSettings, StartError
from playground.store import OneTimeTokens, StoreError, open_database

from ...support.redis_server import RedisServer
from ...support.running_playground import free_port

PASSWORD = "pass-of-the-store"

#: Users who may not write, may not run scripts, and may use other keys only.
READER = "ACL SETUSER reader on >pass-of-the-store ~* +@all -@write"
STRANGER = "ACL SETUSER stranger on >pass-of-the-store ~others:* +@all"
WORKER = "ACL SETUSER worker on >pass-of-the-store ~playground:* +@all -@dangerous"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    with server.client() as client:
        for line in (READER, STRANGER, WORKER):
            client.execute_command(*line.split(" "))
    yield server
    server.stop()


def refusal(tmp_path: Path, url: str) -> str:
    with pytest.raises(StoreError) as raised:
        open_database(tmp_path, url).check()
    text = str(raised.value)
    assert "PLAYGROUND_REDIS_URL" in text
    assert "\n" not in text
    assert PASSWORD not in text
    assert "127.0.0.1" not in text
    return text


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ("reader", "its user lacks the rights for a command or a key (NOPERM): it needs all commands"),
        ("stranger", "its user lacks the rights"),
        ("nobody", "the user name or the password is wrong (WRONGPASS)"),
    ],
)
def test_a_user_without_rights(server: RedisServer, tmp_path: Path, user: str, says: str) -> None:
    assert says in refusal(tmp_path, f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}/0")


def test_the_rights_that_it_names_are_enough(server: RedisServer, tmp_path: Path) -> None:
    database = open_database(tmp_path, f"redis://worker:{PASSWORD}@127.0.0.1:{server.port}/0")
    database.check()
    assert OneTimeTokens(database, "a").claim("one")
    database.close()


def test_a_replica_and_a_server_that_wants_a_password(server: RedisServer, tmp_path: Path) -> None:
    with server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))
        try:
            assert "read-only replica: use the address of the primary (READONLY)" in refusal(
                tmp_path, server.url
            )
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
        client.config_set("requirepass", PASSWORD)
        try:
            assert "it requires a password (NOAUTH)" in refusal(tmp_path, server.url)
        finally:
            client.execute_command("AUTH", PASSWORD)
            client.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (BusyLoadingError("Redis is loading the dataset in memory"), "try again in a moment (LOADING)"),
        (
            ResponseError("MISCONF Errors writing to the AOF file"),
            "it cannot save its data to disk (MISCONF)",
        ),
        (ResponseError("XYZ pass-of-the-store"), "XYZ (ResponseError)"),
        (ResponseError("wrong pass-of-the-store"), "ResponseError"),
    ],
)
def test_answers_are_explained_and_not_repeated(answer: RedisError, says: str) -> None:
    text = describe_redis_error(answer)
    assert text.endswith(says)
    assert PASSWORD not in text


@pytest.mark.parametrize("variable", ["PLAYGROUND_REDIS_URL", "PLAYGROUND_RENTAL_LEDGER"])
def test_the_ledger_names_the_variable_it_comes_from(
    server: RedisServer, tmp_path: Path, variable: str
) -> None:
    url = f"redis://nobody:{PASSWORD}@127.0.0.1:{server.port}/0"
    process = ProcessSettings.read({variable: url}, tmp_path)
    with pytest.raises(StartError) as raised:
        check_rental_ledger(process)
    said = f"The rental ledger of {variable} cannot be used: the user name or the password is wrong"
    assert str(raised.value).startswith(said)
    assert "127.0.0.1" not in str(raised.value)
    assert PASSWORD not in str(raised.value)
