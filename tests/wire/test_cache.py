"""The cache for reads: what is kept, for whom, and what empties it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import octaspace
from flask_octaspace.client import MaskedClient
from octaspace import Client, Config, Request, Response
from octaspace.transport.response_cache import ResponseCache
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    Exchange,
    answer,
    close_after_reading,
    http,
    truncate,
)

from .caching import HTML, Held, cache_of, numbered, offers, paths, waiting
from .conftest import ClientFactory, ServerFactory


def test_an_answer_is_used_again_until_it_is_too_old(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer([1], headers={"X-Request-Id": "r-1", "Date": "then"}))
    client = cached(server)
    first = client.services.mr.list()
    clock.advance(10)
    second = client.services.mr.list()
    assert (first.from_cache, first.age, first.stale, first.attempts) == (False, 0.0, False, 1)
    assert (second.from_cache, second.age, second.stale, second.attempts) == (True, 10.0, False, 0)
    assert (second.status, second.data, second.body, second.url) == (200, [1], first.body, first.url)
    assert dict(second.headers) == dict(first.headers)
    assert (second.request_id, second.headers["date"], second.elapsed) == ("r-1", "then", 0.0)
    assert len(server.journal) == 1
    clock.advance(0.001)
    third = client.services.mr.list()
    assert (third.from_cache, third.attempts, len(server.journal)) == (False, 1, 2)
    assert cache_of(client) == {"hits": 1, "misses": 2, "stale": 0, "bytes": 3, "entries": 1}


@pytest.mark.parametrize(
    ("call", "requests"),
    [
        (lambda c: c.services.mr.list(), 1),
        (lambda c: c.services.vpn.list(), 1),
        (lambda c: c.services.render.list(), 1),
        (lambda c: c.apps.list(), 1),
        (lambda c: c.network.info(), 1),
        (lambda c: c.services.mr.search(), 1),
        (lambda c: c.accounts.profile(), 2),
        (lambda c: c.accounts.balance(), 2),
        (lambda c: c.nodes.list(), 2),
        (lambda c: c.nodes.find(1), 2),
        (lambda c: c.nodes.download_ident(1), 2),
        (lambda c: c.sessions.list(), 2),
        (lambda c: c.services.session("u-1").info(), 2),
        (lambda c: c.services.session("u-1").logs(), 2),
        (lambda c: c.idle_jobs.find(node_id=1, job_id=2), 2),
        (lambda c: c.send(Request("GET", "/services/mr")), 2),
        (lambda c: c.send(Request("GET", "/services/mr", body={}, cacheable=True)), 2),
        (lambda c: c.send(Request("GET", "/services/mr", check=print, cacheable=True)), 2),
    ],
)  # fmt: skip
def test_only_the_market_is_kept(
    call: Callable[[Client], object], requests: int, serve: ServerFactory, cached: ClientFactory
) -> None:
    server = serve(after=answer([]))
    client = cached(server)
    call(client), call(client)
    assert len(server.journal) == requests


def test_a_download_does_not_use_the_cache(serve: ServerFactory, cached: ClientFactory) -> None:
    class Sink:
        in_memory = False

        def begin(self, total: int | None) -> None: ...

        def write(self, chunk: bytes) -> None: ...

        def waiting(self) -> None: ...

        def commit(self, body: bytes) -> str:
            return "the file"

        def abort(self) -> None: ...

    server = serve(after=numbered)
    client = cached(server)
    request = Request("GET", "/services/mr", cacheable=True)
    client.send(request)
    assert client.send(request, sink=Sink()).data == "the file"
    assert client.send(request).data == [1]


def test_nothing_is_kept_by_default(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=numbered)
    client = connect(server)
    assert (offers(client), offers(client)) == ([1], [2])
    assert "cache" not in client.transport_stats()


def test_the_read_behind_a_creation_is_not_from_the_cache(
    serve: ServerFactory, cached: ClientFactory
) -> None:
    catalogue = [{"uuid": "app", "image": "one", "extra": {"min_disk_size": 7}}]
    server = serve(answer(catalogue), answer(catalogue), answer([{"uuid": "u-1"}]))
    client = cached(server)
    client.apps.list()
    client.services.mr.create(node_id=1, app="app")
    assert paths(server) == ["/apps", "/apps", "/services/mr"]


def test_each_caller_has_its_own_data(serve: ServerFactory, cached: ClientFactory) -> None:
    client = cached(serve(after=answer([{"node_id": 1, "gpus": []}])))
    for _ in range(3):
        data = offers(client)
        assert data == [{"node_id": 1, "gpus": []}]
        data[0]["gpus"].append("mine")
        data.append("mine")


def test_search_uses_the_cached_list(serve: ServerFactory, cached: ClientFactory, clock: FakeClock) -> None:
    machines = [{"node_id": n, "total_price_usd": n, "country_iso": "DE"} for n in (3, 1, 2)]
    server = serve(after=answer(machines))
    client = cached(server)
    assert [offer.node_id for offer in client.services.mr.search()] == [1, 2, 3]
    assert [offer.node_id for offer in client.services.mr.search(max_price_usd=2)] == [1, 2]
    assert client.services.mr.list().from_cache
    assert [offer.node_id for offer in client.services.mr.search(country="FR")] == []
    assert len(server.journal) == 1
    with pytest.raises(ValueError, match="sort"):
        client.services.mr.search(sort="none")  # type: ignore[arg-type]


def test_answers_are_by_query(serve: ServerFactory, cached: ClientFactory) -> None:
    server = serve(after=numbered)
    client = cached(server)
    assert client.services.mr.list(country="DE", gpu="x").data == [1]
    assert client.services.mr.list(gpu="x", country="DE").data == [1]
    assert client.services.mr.list(country="FR", gpu="x").data == [2]
    assert client.services.mr.list().data == [3]
    assert client.services.vpn.list().data == [4]
    assert cache_of(client)["entries"] == 4


def test_keys_do_not_see_each_others_answers(serve: ServerFactory, cached: ClientFactory) -> None:
    def by_key(exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        exchange.send(http(body=json.dumps([arrival.headers.get("authorization")]).encode()))
        return True

    server = serve(after=by_key)
    first = cached(server, api_key="sk-first")
    second, third = first.with_options(api_key="sk-second"), first.with_options(api_key=None)
    for client, key in [(first, "sk-first"), (second, "sk-second"), (third, None)] * 2:
        assert client.services.mr.list().data == [key]
    assert len(server.journal) == 3
    # A public answer is the same for all: none of them has sent its key.
    assert [client.network.info().data for client in (first, second, third)] == [[None]] * 3
    assert len(server.journal) == 4
    assert cache_of(third) == {"hits": 5, "misses": 4, "stale": 0, "bytes": 37, "entries": 4}


def test_other_clients_have_other_caches(serve: ServerFactory, cached: ClientFactory) -> None:
    server = serve(after=numbered)
    assert [offers(cached(server)) for _ in range(2)] == [[1], [2]]


# Derived clients


def test_copies_share_the_answers(serve: ServerFactory, cached: ClientFactory, clock: FakeClock) -> None:
    server = serve(after=numbered)
    client = cached(server, cache_ttl=10)
    short, long = client.with_options(cache_ttl=2), client.with_options(cache_ttl=60)
    assert offers(short) == [1]
    assert offers(client) == [1]
    clock.advance(3)
    assert offers(client) == [1]
    assert offers(short) == [2]
    clock.advance(20)
    assert offers(long) == [2]
    assert long.services.mr.list().age == 20
    assert offers(client) == [3]


def test_a_copy_without_a_cache_goes_past_it(serve: ServerFactory, cached: ClientFactory) -> None:
    server = serve(after=numbered)
    client = cached(server)
    without = client.with_options(cache_ttl=0)
    assert [offers(client), offers(without), offers(client), offers(without)] == [[1], [2], [1], [3]]
    assert not without.services.mr.list().from_cache
    assert "cache" not in without.transport_stats()
    assert cache_of(client) == {"hits": 1, "misses": 1, "stale": 0, "bytes": 3, "entries": 1}
    without.nodes.reboot(1)
    assert offers(client) == [6]


def test_a_copy_may_have_a_cache_that_its_original_has_not(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=answer([{"uuid": "u-1"}]))
    client = connect(server)
    copied = client.with_options(cache_ttl=10)
    copied.services.mr.list(), copied.services.mr.list(), client.services.mr.list()
    assert len(server.journal) == 2
    client.services.vpn.create(node_id=1)
    assert not copied.services.mr.list().from_cache
    assert "cache" not in client.transport_stats()


def test_the_size_of_the_cache_belongs_to_the_original(serve: ServerFactory, cached: ClientFactory) -> None:
    with pytest.raises(octaspace.ConfigurationError, match="cache_max_bytes"):
        cached(serve()).with_options(cache_max_bytes=1)


def test_limits_of_a_copy_hold_for_cached_answers(serve: ServerFactory, cached: ClientFactory) -> None:
    server = serve(after=answer([1, 2, 3]))
    client = cached(server)
    client.services.mr.list()
    narrow = client.with_options(max_response_bytes=8)
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        narrow.services.mr.list()
    assert caught.value.option == "max_response_bytes"
    few = client.with_options(max_json_values=2)
    with pytest.raises(octaspace.InvalidResponseError) as caught:
        few.services.mr.list()
    assert caught.value.option == "max_json_values"
    assert len(server.journal) == 3
    assert client.with_options(max_response_bytes=9, max_json_values=3).services.mr.list().from_cache


def test_each_request_has_the_body_that_it_expects(serve: ServerFactory, cached: ClientFactory) -> None:
    server = serve(after=answer(body=b"<p>", headers=HTML))
    client = cached(server)
    lax = Request("GET", "/services/mr", cacheable=True)
    assert client.send(lax).data == b"<p>"
    assert client.send(lax).from_cache
    with pytest.raises(octaspace.InvalidResponseError):
        client.services.mr.list()
    assert len(server.journal) == 2
    assert client.send(lax).from_cache  # the old one: nothing has replaced it


# What is not kept


@pytest.mark.parametrize(
    "bad",
    [
        answer(status=304),
        answer(status=401),
        answer(status=404),
        answer(status=500),
        answer("text"),
        answer(body=b"[1", headers={"Content-Type": "application/json"}),
        answer(body=b"<p>maintenance</p>", headers=HTML),
        answer(body=b""),
        answer([1], headers={"Content-Encoding": "gzip"}),
        truncate,
        close_after_reading,
    ],
)  # fmt: skip
def test_only_good_answers_are_kept(bad: Behaviour, serve: ServerFactory, cached: ClientFactory) -> None:
    client = cached(serve(bad, after=answer([2])))
    with pytest.raises(octaspace.Error):
        client.services.mr.list()
    assert cache_of(client)["entries"] == 0
    assert client.services.mr.list().data == [2]
    assert client.services.mr.list().from_cache


def test_no_store_is_obeyed(serve: ServerFactory, cached: ClientFactory, clock: FakeClock) -> None:
    forbidding = answer([2], headers={"Cache-Control": "private, No-Store"})
    client = cached(serve(answer([1]), forbidding, forbidding, answer(status=503)), cache_stale=60)
    assert offers(client) == [1]
    clock.advance(11)
    assert offers(client) == [2]
    assert cache_of(client)["entries"] == 0
    assert not client.services.mr.list().from_cache
    with pytest.raises(octaspace.ServiceUnavailableError):  # and the older answer is gone
        client.services.mr.list()


def test_an_answer_that_is_too_large_is_returned_and_not_kept(
    serve: ServerFactory, cached: ClientFactory
) -> None:
    server = serve(after=answer([1, 2, 3]))
    small, large = cached(server, cache_max_bytes=8), cached(server, cache_max_bytes=9)
    for client, requests in ((small, 2), (large, 1)):
        server.journal.clear()
        assert (offers(client), offers(client)) == ([1, 2, 3], [1, 2, 3])
        assert len(server.journal) == requests


# Changes


CHANGES: dict[str, Callable[[Client], object]] = {
    "create": lambda c: c.services.mr.create(node_id=1, disk_size=1, image="i"),
    "rent": lambda c: c.services.vpn.create(node_id=1),
    "stop": lambda c: c.services.session("u-1").stop(),
    "prices": lambda c: c.nodes.update_prices(1, base_usd=1),
    "reboot": lambda c: c.nodes.reboot(1),
    "wallet": lambda c: c.accounts.generate_wallet(),
    "own": lambda c: c.send(Request("DELETE", "/services/u-1")),
    "own read that is not repeatable": lambda c: c.send(Request("GET", "/x", repeatable=False)),
    "clear_cache": lambda c: c.clear_cache(),
    "clear_cache of a copy": lambda c: c.with_options(cache_ttl=0).clear_cache(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_empties_the_cache(
    change: Callable[[Client], object], serve: ServerFactory, cached: ClientFactory
) -> None:
    server = serve(after=answer([{"uuid": "u-1"}]))
    client = cached(server)
    calls = (client.services.mr.list, client.apps.list, client.network.info)
    assert [call().from_cache for call in calls * 2] == [False] * 3 + [True] * 3
    change(client)
    assert cache_of(client)["entries"] == 0
    assert [call().from_cache for call in calls * 2] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("ending", [answer(status=422), answer(status=500), close_after_reading, truncate])
def test_a_failed_change_empties_the_cache_as_well(
    ending: Behaviour, serve: ServerFactory, cached: ClientFactory
) -> None:
    client = cached(serve(answer([1]), ending, answer([2])))
    assert offers(client) == [1]
    with pytest.raises(octaspace.Error):
        client.services.vpn.create(node_id=1)
    assert offers(client) == [2]


def test_an_interrupt_while_a_creation_empties_the_cache_leaves_no_machine(
    serve: ServerFactory, cached: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer([{"uuid": "u-1"}]), answer({}))
    client = cached(server)
    clear, interrupts = ResponseCache.clear, [KeyboardInterrupt()]

    def interrupted(cache: ResponseCache) -> None:
        if interrupts:
            raise interrupts.pop()
        clear(cache)

    monkeypatch.setattr(ResponseCache, "clear", interrupted)
    rental = client.services.mr.rent(node_id=1, disk_size=1, image="x")
    with pytest.raises(KeyboardInterrupt), rental:
        raise AssertionError("the block must not run")
    assert [arrival.path for arrival in server.journal] == ["/services/mr", "/services/u-1/stop"]


def test_a_hook_behind_a_change_finds_the_cache_empty(serve: ServerFactory, cached: ClientFactory) -> None:
    seen: list[Any] = []
    client = cached(serve(answer([1]), answer({"uuid": "u-1"}), after=answer([2])))

    def look(response: Response[Any]) -> None:
        seen.append(client.services.mr.list())

    client.services.mr.list()
    client.with_options(on_response=look).services.vpn.create(node_id=1)
    assert [(response.data, response.from_cache) for response in seen] == [([2], False)]


def test_a_read_leaves_the_cache_as_it_is(serve: ServerFactory, cached: ClientFactory) -> None:
    client = cached(serve(after=answer([])))
    client.services.mr.list()
    client.accounts.balance(), client.sessions.list(), client.nodes.find(1)
    assert client.services.mr.list().from_cache


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_read_under_way_during_a_change_is_not_kept_or_joined(
    change: Callable[[Client], object], serve: ServerFactory, cached: ClientFactory, held: Held,
    threads: ThreadPoolExecutor,
) -> None:  # fmt: skip
    server = serve(held, answer([{"uuid": "u-1"}]))
    client = cached(server)
    first = threads.submit(client.services.mr.list)
    held.arrives()
    waits = threads.submit(client.services.mr.list)
    waiting(client, 1)
    if "clear_cache" not in change.__code__.co_names:
        change(client)
    else:
        client.clear_cache()
        client.accounts.balance()
    server.then(held, held)
    second = threads.submit(client.services.mr.list)
    held.arrives()
    held.reply(["before"])
    assert (first.result().data, waits.result().data) == (["before"], ["before"])
    assert cache_of(client)["entries"] == 0
    also = threads.submit(client.services.mr.list)
    waiting(client, 1)
    held.reply(["after"])
    assert (second.result().data, also.result().data) == (["after"], ["after"])
    assert offers(client) == ["after"]


def test_cached_responses_can_be_copied_and_pickled(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    client = cached(serve(answer([1]), after=answer(status=503)), cache_stale=60)
    client.services.mr.list()
    clock.advance(12)
    old = client.services.mr.list()
    for other in (copy.copy(old), copy.deepcopy(old), pickle.loads(pickle.dumps(old))):
        assert (other.data, other.from_cache, other.age, other.stale) == ([1], True, 12, True)
        assert dict(other.headers) == dict(old.headers)


def test_a_client_that_masks_answers_searches_a_kept_one_once(
    serve: ServerFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    mask = octaspace.key_mask.KeyMask
    response = mask.response

    def counting(self: Any, one: Response[Any]) -> Response[Any]:
        searched.append(len(one.body))
        return response(self, one)

    monkeypatch.setattr(mask, "response", counting)
    server = serve(answer(["sk-secret-of-12"]), after=answer(["plain"]))
    config = Config(api_key="sk-secret-of-12", base_url=server.url, cache_ttl=10, max_retries=0)
    with MaskedClient.from_config(config, clock=clock.clock()) as client:
        for _ in range(3):
            assert offers(client) == ["***"]
        assert len(searched) == 3
        clock.advance(11)
        for _ in range(3):
            assert offers(client) == ["plain"]
        assert len(searched) == 4
        client.masking("another-key-plain")
        assert offers(client) == ["plain"]
        assert len(searched) == 5
