"""An API that repeats the key: `flask octaspace` and `bin/live-check` do not print it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from flask_octaspace import OctaSpace
from octaspace.rentals import Rental, RentalOwner, account_fingerprint, open_ledger
from playground.live_check import check as live_check
from playground.sdk.methods import all_methods

from ..support.hostile_api import LIES, HostileApi
from ..support.key_finder import key_in
from .test_key_in_app import every_spelling, in_a_new_field, in_values

KEY = "sk-Live/Qz7+x9-Rk2.Lm4_Vb8/Tn6-Wd3"
_LIES = {
    **{name: lie for name, lie in LIES.items() if ": " not in name},
    "all spellings in a new field": in_a_new_field(every_spelling),
    "all spellings in every text": in_values(every_spelling),
}


@pytest.fixture(scope="module")
def api() -> Iterator[HostileApi]:
    with HostileApi() as hostile:
        yield hostile


def arguments(name: str, api: HostileApi) -> list[str]:
    """The arguments of a reading method on a command line."""
    if name.startswith("services.session."):
        uuid = next(rental.uuid for rental in api.world.active())
        return [uuid, "timeout=0.1"] if name.endswith("wait_until_ready") else [uuid]
    if name.startswith("idle_jobs."):
        return ["node_id=69", "job_id=42"]
    return [str(api.world.nodes()[0]["id"])] if name.startswith("nodes.") and name != "nodes.list" else []


def record_entries(url: str, api: HostileApi) -> None:
    """An entry for each service, whose sessions are to be found, and one of a known session."""
    ledger = open_ledger(url)
    now = ledger.now()
    overdue = Rental(
        id="1", account=account_fingerprint(KEY), service="mr", node_id=1, owner=RentalOwner.current(),
        created=now, renewed=now, deadline=now,
    )  # fmt: skip
    rentals = {one.service: one for one in api.world.active()}
    entries = [
        replace(overdue, id=service, service=service, node_id=rental.node_id)  # type: ignore[arg-type]
        for service, rental in rentals.items()
    ]
    for entry in (*entries, replace(overdue, name=KEY, uuid=rentals["mr"].uuid)):
        ledger.backend.add(entry)


@pytest.mark.parametrize("name", _LIES)
def test_flask_octaspace(
    name: str, api: HostileApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.lie = _LIES[name]
    app = Flask(__name__)
    ledger = f"sqlite:///{tmp_path}/rentals.db"
    OctaSpace(app, api_key=KEY, base_url=api.url, max_retries=0, rental_ledger=ledger)
    record_entries(ledger, api)
    called = [["check"], ["config"], ["rentals"], ["rentals", "--json"], ["reap", "--dry-run"]]
    for method in all_methods():
        if not method.change and method.name.rpartition(".")[2] not in ("follow_logs", "search"):
            called.append(["call", method.name, *arguments(method.name, api)])
    printed = []
    with caplog.at_level(logging.DEBUG):
        for words in called:
            result = app.test_cli_runner().invoke(args=["octaspace", *words])
            assert result.exception is None or isinstance(result.exception, SystemExit), words
            printed.append(result.output)
            assert key_in(result.output, KEY) == "", words
    assert len([text for text in printed if text]) > 12
    assert key_in("\n".join(map(logging.Formatter().format, caplog.records)), KEY) == ""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("all spellings in a new field", []),
        ("all spellings in every text", ["--json"]),
        ("beside every text", []),
        ("every header field", ["--json"]),
        ("status 403", []),
        ("the content encoding", ["--json"]),
        ("no HTTP", []),
    ],
)
def test_live_check(
    name: str,
    options: list[str],
    api: HostileApi,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    api.lie = _LIES[name]
    monkeypatch.setenv("OCTA_API_KEY", KEY)
    monkeypatch.setenv("OCTA_BASE_URL", api.url)
    monkeypatch.setenv("OCTA_MAX_RETRIES", "0")
    assert live_check.main([*options, "--timeout", "2"]) in (0, 1)
    printed = capsys.readouterr()
    assert len(printed.out) > 500
    assert key_in(printed.out + printed.err, KEY) == ""
