"""The password in the URL of a ledger is in no traceback, also with the locals of each frame."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

import octaspace
from octaspace import Client, Config
from octaspace.rentals import open_ledger

PASSWORD = "pass-of-the-ledger"
#: Addresses that are refused, by what is wrong.
REFUSED = {
    "port": f"redis://app:{PASSWORD}@127.0.0.1:99999/0",
    "scheme": f"postgres://app:{PASSWORD}@127.0.0.1/0",
    "option": f"redis://app:{PASSWORD}@127.0.0.1/0?lease=0",
    "slash": f"redis://app:slash/{PASSWORD}@127.0.0.1/0",
}


def in_environment(monkeypatch: pytest.MonkeyPatch, case: str) -> Callable[[], object]:
    monkeypatch.setenv("OCTA_RENTAL_LEDGER", REFUSED[case])
    return Config.from_env


WAYS: dict[str, Callable[[pytest.MonkeyPatch, str], Callable[[], object]]] = {
    "client": lambda monkeypatch, case: lambda: Client(rental_ledger=REFUSED[case]),
    "copy": lambda monkeypatch, case: lambda: Client().with_options(rental_ledger=REFUSED[case]),
    "ledger": lambda monkeypatch, case: lambda: open_ledger(REFUSED[case]),
    "environment": in_environment,
}


def frames_of(error: BaseException) -> str:
    """The traceback with its locals, without the frames of this file."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    found.stack = traceback.StackSummary.from_list(
        [frame for frame in found.stack if frame.filename != __file__]
    )
    return "".join(found.format())


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_url(way: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure = WAYS[way](monkeypatch, case)
    with pytest.raises((octaspace.ConfigurationError, ValueError)) as caught:
        configure()
    text = frames_of(caught.value)
    assert "octaspace" in text.partition("\n")[2]
    assert PASSWORD not in text


def test_a_server_that_refuses_connections() -> None:
    url = f"redis://app:{PASSWORD}@127.0.0.1:1/0"
    with Client("sk-secret", rental_ledger=url) as client:
        with pytest.raises(octaspace.RentalLedgerError) as caught:
            client.services.mr.rent(node_id=9101, disk_size=10, image="ubuntu:24.04").__enter__()
        assert PASSWORD not in frames_of(caught.value)
        assert PASSWORD not in repr((client.config, client.rental_ledger))
