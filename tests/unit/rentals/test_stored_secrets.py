"""What a ledger stores and shows: no key, no environment variable, no configuration."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octaspace import Client
from octaspace.rentals import RentalLedger, account_fingerprint, open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support.redis_server import RedisServer

KEY = "octa-key-of-the-owner-7Hq2-7Hq2-7Hq2"
SECRETS = {
    "value of a variable": "hf_token_value_Zx81",
    "name of a variable": "NAME_OF_A_VARIABLE_Zx82",
    "start command": "serve --token start_Zx83",
    "image": "registry.example/private_Zx84:latest",
    "key": KEY,
}
#: Entries contain it.
NAME = "nightly Zx99"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0,)) as server:
        yield server


@pytest.fixture
def stored(url: str, path: Path, request: pytest.FixtureRequest) -> Callable[[], bytes]:
    """Returns every byte that the ledger has stored."""

    def read() -> bytes:
        if url.startswith("sqlite"):
            return b"".join(one.read_bytes() for one in path.parent.iterdir())
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.execute_command("CONFIG SET rdbcompression no")
            client.save()
            folder = Path(client.config_get("dir")["dir"])
            values = [client.type(key) + str(client.hgetall(key)) for key in client.keys("*:*n")]
        return (folder / "dump.rdb").read_bytes() + "".join(values).encode()

    return read


def leaks(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [name for name, secret in SECRETS.items() if secret.encode() in data]


def test_no_secret_is_stored_or_shown(
    sandbox: SandboxServer,
    url: str,
    stored: Callable[[], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[Any] = []
    machine: dict[str, Any] = {
        "disk_size": 5, "image": SECRETS["image"], "start_command": SECRETS["start command"],
        "envs": {SECRETS["name of a variable"]: SECRETS["value of a variable"]}, "name": NAME,
    }  # fmt: skip
    with Client(KEY, base_url=sandbox.url, rental_ledger=url) as client:
        ledger = open_ledger(url)
        node_id = client.services.mr.search()[0].node_id
        with client.services.mr.rent(node_id=node_id, max_duration=3600, **machine) as session:
            # The session itself has the variables, and the id of the entry.
            assert SECRETS["value of a variable"] in str(client.sessions.list().data)
            (rental,) = ledger.backend.open_rentals()
            shown += [
                rental,
                rental.to_json(),
                rental.owner,
                str(rental.owner),
                ledger,
                ledger.heartbeat._leases,
            ]
            data = stored()
            assert NAME.encode() in data
            assert rental.id.encode() in data
            assert session.uuid.encode() in data
            assert leaks(data) == []
        client.services.mr.create(node_id=node_id, max_duration=3600, **machine)
        shown.append(reap(client))
    assert rental.account == account_fingerprint(KEY)
    assert leaks(stored()) == []
    assert leaks(repr(shown)) == []
    assert leaks(caplog.text) == []


def test_an_entry_has_the_documented_fields_only(ledger: RentalLedger) -> None:
    rental = ledger.draft(account="a" * 32, service="mr", node_id=9101)
    fields = json.loads(rental.to_json())
    assert set(fields) == {
        "id", "account", "service", "node_id", "owner", "created", "renewed", "name", "lease", "released",
        "deadline", "thread", "uuid", "claim", "outcome", "closed", "revision",
    }  # fmt: skip
    assert set(fields["owner"]) == {"host", "boot_id", "pid", "start_time", "pid_namespace", "label"}
