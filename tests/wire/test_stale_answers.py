"""Older answers while the API fails."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

import octaspace
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    answer,
    close_after_reading,
    truncate,
)
from tests.support.waiting import until

from .caching import HTML, Held, cache_of, taking_part, waiting
from .conftest import ClientFactory, ServerFactory


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (close_after_reading, None),
        (truncate, None),
        (answer(status=500), None),
        (answer(status=502), None),
        (answer(status=503), None),
        (answer(status=504), None),
        (answer(status=429), None),
        (answer(body=b"<p>maintenance</p>", headers=HTML), None),
        (answer(body=b"[1"), None),
        (answer(status=301, headers={"Location": "/x"}), octaspace.ApiError),
        (answer(status=400), octaspace.ApiError),
        (answer(status=401), octaspace.AuthenticationError),
        (answer(status=403), octaspace.PermissionError),
        (answer(status=404), octaspace.NotFoundError),
        (answer(status=408), octaspace.ApiError),
        (answer(status=422), octaspace.ValidationError),
    ],
)  # fmt: skip
def test_an_older_answer_is_used_if_the_api_fails(
    behaviour: Behaviour, error: type[octaspace.Error] | None, serve: ServerFactory, cached: ClientFactory,
    clock: FakeClock,
) -> None:  # fmt: skip
    server = serve(answer([1]), behaviour, after=answer([2]))
    client = cached(server, cache_stale=60)
    client.services.mr.list()
    clock.advance(30)
    if error is None:
        old = client.services.mr.list()
        assert (old.data, old.status, old.from_cache, old.stale, old.age, old.attempts) == (
            [1],
            200,
            True,
            True,
            30,
            0,
        )
        assert cache_of(client)["stale"] == 1
    else:
        with pytest.raises(error):
            client.services.mr.list()
        assert cache_of(client)["stale"] == 0
    assert len(server.journal) == 2
    assert client.services.mr.list().data == [2]


def test_how_old_an_older_answer_may_be(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    server = serve(answer([1]), after=answer(status=503))
    client = cached(server, cache_ttl=10, cache_stale=20)
    without = client.with_options(cache_stale=0)
    longer = client.with_options(cache_stale=20.5)
    client.services.mr.list()
    clock.advance(10)
    assert not client.services.mr.list().stale
    clock.advance(0.25)
    assert client.services.mr.list().stale
    with pytest.raises(octaspace.ServiceUnavailableError):
        without.services.mr.list()
    clock.advance(19.75)
    assert client.services.mr.list().stale
    clock.advance(0.25)
    with pytest.raises(octaspace.ServiceUnavailableError):
        client.services.mr.list()
    assert longer.services.mr.list().stale


def test_after_a_change_no_older_answer_is_left(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    client = cached(serve(answer([1]), answer({"uuid": "u"}), after=answer(status=503)), cache_stale=60)
    client.services.mr.list()
    client.services.vpn.create(node_id=1)
    with pytest.raises(octaspace.ServiceUnavailableError):
        client.services.mr.list()


@pytest.mark.parametrize("status", [401, 403])
def test_after_a_refused_key_the_older_answer_is_gone(
    status: int, serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    server = serve(answer([1]), answer(status=status), after=answer(status=503))
    client = cached(server, cache_stale=60)
    client.services.mr.list()
    clock.advance(11)
    for expected in (status, 503):
        with pytest.raises(octaspace.ApiError) as caught:
            client.services.mr.list()
        assert caught.value.status == expected


def test_a_change_that_was_not_sent_leaves_the_older_answers(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    server = serve(answer([1]))
    client = cached(server, cache_stale=60)
    client.services.mr.list()
    server.close()
    with pytest.raises(octaspace.ConnectionError) as caught:
        client.services.vpn.create(node_id=1)
    assert not caught.value.outcome_unknown
    assert client.services.mr.list().from_cache
    clock.advance(11)
    assert client.services.mr.list().stale


def test_those_who_wait_get_the_older_answer_too(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(answer([1]), held, held)
    client = cached(server, cache_stale=60)
    strict = client.with_options(cache_stale=0)
    client.services.mr.list()
    clock.advance(11)
    calls = [threads.submit(client.services.mr.list) for _ in range(4)]
    held.arrives()
    waiting(client, 3)
    without = threads.submit(strict.services.mr.list)
    waiting(client, 4)
    held.reply({}, status=503)
    assert [(call.result().data, call.result().stale) for call in calls] == [([1], True)] * 4
    held.arrives()  # the one that wants no older answer asks
    held.reply([2])
    assert without.result().data == [2]
    assert len(server.journal) == 3


def test_who_may_use_an_older_answer_does_not_wait_for_the_next_request(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(answer([1]), held, held), cache_stale=60)
    strict = client.with_options(cache_stale=0)
    client.services.mr.list()
    clock.advance(11)
    first = threads.submit(strict.services.mr.list)
    held.arrives()
    calls = [threads.submit(strict.services.mr.list) for _ in range(6)]
    lax = threads.submit(client.services.mr.list)
    waiting(client, 7)
    held.hang_up()
    held.arrives()
    assert lax.result(20).stale  # while the next request is under way
    held.reply([2])
    assert [call.result().data for call in calls] == [[2]] * 6
    assert isinstance(first.exception(), octaspace.ConnectionError)


def test_who_comes_after_a_failure_waits_for_the_next_request(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(answer([1]), held, held), cache_stale=60)
    strict = client.with_options(cache_stale=0)
    client.services.mr.list()
    clock.advance(11)
    first = threads.submit(strict.services.mr.list)
    held.arrives()
    second = threads.submit(strict.services.mr.list)
    waiting(client, 1)
    held.hang_up()
    held.arrives()
    late = threads.submit(client.services.mr.list)
    until(lambda: taking_part(client) == 2)
    assert isinstance(first.exception(), octaspace.ConnectionError)
    held.reply([2])
    assert (second.result().data, late.result().data, late.result().stale) == ([2], [2], False)


def test_a_waiting_caller_whose_time_is_over_gets_the_older_answer(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(answer([1]), held), cache_stale=60)
    client.services.mr.list()
    clock.advance(11)
    first = threads.submit(client.services.mr.list)
    held.arrives()
    second = threads.submit(client.with_options(total_timeout=5).services.mr.list)
    waiting(client, 1)
    clock.advance(5)
    assert (second.result().data, second.result().stale, second.result().age) == ([1], True, 16)
    held.reply([2])
    assert first.result().data == [2]


def test_the_second_failure_is_replaced_by_an_older_answer_as_well(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(answer([1]), held, held), cache_stale=60)
    strict = client.with_options(cache_stale=0)
    client.services.mr.list()
    clock.advance(11)
    calls = [threads.submit(strict.services.mr.list) for _ in range(2)]
    held.arrives()
    waiting(client, 1)
    held.hang_up()
    held.arrives()
    late = threads.submit(client.services.mr.list)
    until(lambda: taking_part(client) == 2)
    held.hang_up()
    assert late.result().stale
    assert all(isinstance(call.exception(), octaspace.ConnectionError) for call in calls)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answer({"message": "down for sk-secret-of-12"}, status=503), "503: down for ***"),
        (close_after_reading, "closed connection"),
    ],
)
def test_the_use_of_an_older_answer_is_logged(
    behaviour: Behaviour, reason: str, serve: ServerFactory, cached: ClientFactory, clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    client = cached(serve(answer([1]), after=behaviour), cache_stale=60, api_key="sk-secret-of-12")
    client.services.mr.list(), client.services.mr.list()
    clock.advance(11.5)
    caplog.set_level(logging.WARNING, "octaspace")
    client.services.mr.list()
    (record,) = [one for one in caplog.records if "answer of" in one.getMessage()]
    assert record.levelno == logging.WARNING
    assert reason in record.getMessage()
    assert "GET /services/mr" in record.getMessage()
    assert "11.5 s" in record.getMessage()
    assert "sk-secret" not in record.getMessage()
    assert record.exc_info is None
