"""The default configuration where the live API would be: its names, its ports, its certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import trustme

import octaspace
from octaspace.telemetry import OpenTelemetryObserver
from tests.support.certificates import Authority
from tests.support.telemetry_record import TelemetryRecord
from tests.support.waiting import until

from .calls import READS, created, read_everything, rent
from .conftest import COMPUTER, SPACE, Api, Front

BOTH = [f"https://{SPACE}", f"https://{COMPUTER}"]


@pytest.mark.parametrize("keep_alive", [False, True])
def test_every_read_with_the_default_configuration(api: Api, keep_alive: bool) -> None:
    with octaspace.Client("key", keep_alive=keep_alive) as client:
        assert client.config.endpoints == ("https://api.octa.space",)
        answers = read_everything(client)
    assert {answer.attempts for answer in answers.values()} == {1}
    until(lambda: len(api.space.served()) >= len(READS))
    served = api.space.served()
    assert {(line.host, line.status) for line in served} == {(SPACE, 200)}
    assert len({line.connection for line in served}) == (1 if keep_alive else len(served))
    assert api.computer.served() == []


def test_the_shared_client(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_API_KEY", "key")
    try:
        assert octaspace.client().accounts.balance().data["balance"]
    finally:
        octaspace.shutdown_shared_client()


@pytest.mark.parametrize("keep_alive", [False, True])
def test_both_names_take_turns(api: Api, keep_alive: bool) -> None:
    with octaspace.Client("key", base_urls=BOTH, keep_alive=keep_alive) as client:
        for _ in range(4):
            client.nodes.list()
    assert [entry.endpoint for entry in api.sandbox.journal.entries()] == [3001, 3002, 3001, 3002]


def test_watched_and_cached(api: Api) -> None:
    class Recorder(octaspace.Observer):
        attempts: ClassVar[list[octaspace.AttemptFinished]] = []
        ends: ClassVar[list[octaspace.CallFinished]] = []

        def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
            self.attempts.append(event)

        def call_finished(self, event: octaspace.CallFinished) -> None:
            self.ends.append(event)

    record = TelemetryRecord()
    telemetry = OpenTelemetryObserver(record.tracer_provider, record.meter_provider)
    options: dict[str, Any] = {"keep_alive": True, "observers": [Recorder(), telemetry], "cache_ttl": 60}
    with octaspace.Client("key", **options) as client:
        first, second = client.services.mr.list(), client.services.mr.list()
        rent(client, "1")
        third = client.services.mr.list()
    assert [one.from_cache for one in (first, second, third)] == [False, True, False]
    assert second.data == first.data
    assert [(a.endpoint, a.connection) for a in Recorder.attempts] == [
        (f"https://{SPACE}", "new"), (f"https://{SPACE}", "reused"), (f"https://{SPACE}", "reused"),
    ]  # fmt: skip
    assert [end.cache for end in Recorder.ends] == ["miss", "hit", None, "miss"]
    servers = [
        ((span.attributes or {}).get("server.address"), (span.attributes or {}).get("server.port"))
        for span in record.spans
    ]
    assert servers == [(SPACE, 443), (None, None), (SPACE, 443), (SPACE, 443)]
    assert [entry.path for entry in api.sandbox.journal.entries()] == ["/services/mr"] * 3
    record.shutdown()


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_rental_is_made_once_per_call(api: Api, keep_alive: bool) -> None:
    with octaspace.Client("key", base_urls=BOTH, keep_alive=keep_alive) as client:
        answers = [rent(client, str(number)) for number in range(4)]
    assert len({answer.data[0]["uuid"] for answer in answers}) == 4
    assert len(set(created(api.sandbox))) == len(created(api.sandbox)) == 4


@pytest.mark.parametrize("keep_alive", [False, True])
def test_one_name_is_down(api: Api, keep_alive: bool) -> None:
    with octaspace.Client("key", base_urls=BOTH, keep_alive=keep_alive) as client:
        read_everything(client)
        api.space.stop()
        before = len(api.sandbox.journal.entries())
        answers = [rent(client, str(number)) for number in range(4)]
        read_everything(client)
        assert max(answer.attempts for answer in answers) == 2, "one call tried the address that is down"
        assert client.transport_stats()["rotator"]["failed"] == [BOTH[0]]
    later = api.sandbox.journal.entries(before)
    assert {entry.endpoint for entry in later} == {3002}
    assert len(created(api.sandbox)) == 4


@pytest.mark.parametrize("keep_alive", [False, True])
def test_one_name_stalls(api: Api, keep_alive: bool) -> None:
    """With a limit for the whole call, the answer comes from the other name within it."""
    with octaspace.Client("key", base_urls=BOTH, keep_alive=keep_alive, total_timeout=10) as client:
        api.sandbox.faults.add("stall", endpoint=3001)
        answers = [client.nodes.list(), client.nodes.list()]
    assert [answer.attempts for answer in answers] == [2, 1], "the second call avoids the name that stalls"
    assert {answer.url for answer in answers} == {f"{BOTH[1]}/nodes"}


def test_both_names_are_down(api: Api) -> None:
    api.space.stop()
    api.computer.stop()
    with octaspace.Client("key", base_urls=BOTH, max_retries=0) as client:
        with pytest.raises(octaspace.ConnectionError, match="Connection refused") as caught:
            rent(client)
        assert caught.value.attempts == 2
        assert not caught.value.outcome_unknown
        api.space.start()
        assert client.network.info().ok
    assert created(api.sandbox) == []


def test_a_server_that_was_restarted(api: Api) -> None:
    with octaspace.Client("key", keep_alive=True, max_retries=0) as client:
        for number in range(3):
            client.nodes.list()
            api.space.stop()
            api.space.start()
            assert rent(client, str(number)).attempts == 1
    assert len(created(api.sandbox)) == 3


def test_the_sandbox_behind_it_is_gone(api: Api) -> None:
    api.sandbox.stop()
    with octaspace.Client("key", max_retries=1, retry_interval=0) as client:
        with pytest.raises(octaspace.BadGatewayError) as caught:
            client.nodes.list()
        assert caught.value.attempts == 2
        with pytest.raises(octaspace.BadGatewayError) as caught:
            rent(client)
        assert caught.value.attempts == 1


def test_a_bundle_that_is_passed(
    api: Api, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with (
        octaspace.Client("key") as client,
        pytest.raises(octaspace.ConnectionError, match="unable to get local issuer certificate") as caught,
    ):
        rent(client)
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 1
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with octaspace.Client("key", ssl_verify=authority.bundle) as client:
        assert rent(client).ok
    assert len(created(api.sandbox)) == 1


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("another name", rf"(not valid for|hostname) '{SPACE}'"),
        ("expired", "certificate has expired"),
        ("another authority", "unable to get local issuer certificate"),
    ],
)
@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_certificate_that_is_wrong(
    front: Front, authority: Authority, tmp_path: Path, flaw: str, words: str, keep_alive: bool
) -> None:
    certificate = {
        "another name": lambda: authority.certificate("elsewhere.octa.space"),
        "expired": lambda: authority.certificate(SPACE, expired=True),
        "another authority": lambda: Authority(tmp_path).certificate(SPACE),
    }[flaw]()
    nginx = front(certificate=certificate)
    with octaspace.Client("key", keep_alive=keep_alive) as client:
        with pytest.raises(octaspace.ConnectionError, match=words) as caught:
            rent(client)
        assert f"https://{SPACE}" in str(caught.value)
        assert not caught.value.outcome_unknown
        assert caught.value.attempts == 1
    assert nginx.served() == []


def test_the_next_name_has_a_certificate_that_is_right(api: Api, front: Front, authority: Authority) -> None:
    front(certificate=authority.certificate("elsewhere.octa.space"))
    with octaspace.Client("key", base_urls=BOTH) as client:
        assert [rent(client, str(number)).ok for number in range(3)] == [True] * 3
    assert {entry.endpoint for entry in api.sandbox.journal.entries()} == {3002}
    assert len(created(api.sandbox)) == 3
