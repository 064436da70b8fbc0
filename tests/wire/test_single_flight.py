"""Callers that ask for the same at the same time: one request, and nobody waits forever."""

from __future__ import annotations

import contextvars
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import octaspace
from octaspace import Client, Request, Response
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer
from tests.support.forked_child import in_child
from tests.support.interrupting import Interrupting
from tests.support.waiting import until

from .caching import LIST, Events, Held, cache_of, numbered, offers, taking_part, waiting
from .conftest import ClientFactory, ServerFactory


def test_64_threads_ask_once(threads: ThreadPoolExecutor) -> None:
    with SandboxServer(ports=(0,), dataset="large") as sandbox:
        options: dict[str, Any] = {"base_url": sandbox.urls[0], "keep_alive": True, "cache_ttl": 60}
        with Client(sandbox.api_key, **options) as client:
            start = threading.Barrier(64)

            def ask() -> Response[Any]:
                start.wait()
                return client.services.mr.list()

            answers = [call.result() for call in [threads.submit(ask) for _ in range(64)]]
            assert [entry.path for entry in sandbox.journal.entries()] == ["/services/mr"]
            assert sorted(one.attempts for one in answers) == [0] * 63 + [1]
            assert sum(one.from_cache for one in answers) == 63
            assert len({id(one.data) for one in answers}) == 64
            assert all(len(one.data) == len(answers[0].data) > 300 for one in answers)
            stats = cache_of(client)
            assert (stats["hits"], stats["misses"], stats["entries"]) == (63, 1, 1)


def test_waiting_callers_get_the_answer_of_the_first(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    events = Events()
    server = serve(held)
    client = cached(server, observers=[events])
    calls = [threads.submit(client.services.mr.list) for _ in range(5)]
    held.arrives()
    waiting(client, 4)
    held.reply([{"a": 1}])
    answers = [call.result() for call in calls]
    assert sorted(one.from_cache for one in answers) == [False] + [True] * 4
    answers[0].data[0]["a"] = 2
    assert [one.data[0]["a"] for one in answers[1:]] == [1] * 4
    assert sorted((event.cache, event.attempts) for event in events.finished) == [("hit", 0)] * 4 + [
        ("miss", 1)
    ]
    assert taking_part(client) == 0


def test_an_answer_that_arrives_just_before_the_flight_begins_is_used(
    serve: ServerFactory, cached: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cached(serve(after=numbered))
    flights = client._transport.cache.flights
    join, earlier = flights.join, []

    def late(*args: Any) -> Any:
        if not earlier:
            earlier.append(None)
            earlier.append(client.services.mr.list())  # another call, between the two steps of this one
        return join(*args)

    monkeypatch.setattr(flights, "join", late)
    assert client.services.mr.list().data == [1]
    assert cache_of(client)["hits"] == 1


def test_different_requests_do_not_wait_for_each_other(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(held, after=answer(["other"]))
    client = cached(server, api_key="sk-1")
    first = threads.submit(client.services.mr.list)
    held.arrives()
    assert client.services.mr.list(country="DE").data == ["other"]
    assert client.services.vpn.list().data == ["other"]
    assert client.with_options(api_key="sk-2").services.mr.list().data == ["other"]
    assert client.with_options(cache_ttl=0).services.mr.list().data == ["other"]
    held.reply(["first"])
    assert first.result().data == ["first"]


def test_an_answer_that_is_too_large_is_shared_with_those_who_waited(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(held, after=answer([2]))
    client = cached(server, cache_max_bytes=5)
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    held.arrives()
    waiting(client, 2)
    held.reply(["large"])
    assert [call.result().data for call in calls] == [["large"]] * 3
    assert offers(client) == [2]


def test_after_no_store_those_who_waited_ask_themselves_at_once(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=held)
    client = cached(server)
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    held.arrives()
    waiting(client, 2)
    held.reply([1], Cache_Control="no-store")
    held.arrives(), held.arrives()  # both, although neither is answered
    held.reply([2]), held.reply([3])
    assert sorted(call.result().data for call in calls) == [[1], [2], [3]]
    assert {call.result().from_cache for call in calls} == {False}
    assert client.services.mr.list().from_cache  # those two may be kept


def test_a_waiting_caller_with_narrower_limits_asks_itself(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(held, after=answer([1]))
    client = cached(server)
    first = threads.submit(client.services.mr.list)
    held.arrives()
    narrow = threads.submit(client.with_options(max_response_bytes=5).services.mr.list)
    few = threads.submit(client.with_options(max_json_values=2).services.mr.list)
    other = threads.submit(client.send, Request("GET", "/services/mr", expects="file", cacheable=True))
    waiting(client, 3)
    held.reply([1, 2, 3])
    assert first.result().data == [1, 2, 3]
    assert (narrow.result().data, few.result().data) == ([1], [1])
    assert narrow.result().from_cache is few.result().from_cache is False
    assert other.result().from_cache


FAILURES: dict[str, tuple[Callable[[Held], None], type[octaspace.Error]]] = {
    "lost": (lambda held: held.hang_up(), octaspace.ConnectionError),
    "503": (lambda held: held.reply({"message": "down"}, status=503), octaspace.ServiceUnavailableError),
    "429": (lambda held: held.reply({}, status=429), octaspace.RateLimitError),
    "401": (lambda held: held.reply({}, status=401), octaspace.AuthenticationError),
    "422": (lambda held: held.reply({}, status=422), octaspace.ValidationError),
    "text": (lambda held: held.reply("down"), octaspace.InvalidResponseError),
}


@pytest.mark.parametrize(("fail", "kind"), FAILURES.values(), ids=FAILURES)
def test_when_the_first_fails_the_next_one_asks(
    fail: Callable[[Held], None], kind: type[octaspace.Error], serve: ServerFactory, cached: ClientFactory,
    held: Held, threads: ThreadPoolExecutor,
) -> None:  # fmt: skip
    server = serve(after=held)
    client = cached(server)
    calls = [threads.submit(client.services.mr.list) for _ in range(4)]
    held.arrives()
    waiting(client, 3)
    fail(held)
    held.arrives()
    assert len(server.journal) == 2  # one asks, and two still wait
    until(lambda: sum(call.done() for call in calls) == 1)
    held.reply([2])
    errors = [call.exception() for call in calls if call.exception() is not None]
    assert [type(error) for error in errors] == [kind]
    assert [call.result().data for call in calls if call.exception() is None] == [[2]] * 3
    assert len(server.journal) == 2


@pytest.mark.parametrize(("fail", "kind"), FAILURES.values(), ids=FAILURES)
def test_when_the_next_one_fails_too_all_who_waited_get_its_error(
    fail: Callable[[Held], None], kind: type[octaspace.Error], serve: ServerFactory, cached: ClientFactory,
    held: Held, threads: ThreadPoolExecutor,
) -> None:  # fmt: skip
    events, answered = Events(), list[Response[Any]]()
    server = serve(held, held, after=answer([3]))
    client = cached(server, observers=[events], on_response=answered.append)
    calls = [threads.submit(client.services.mr.list) for _ in range(5)]
    held.arrives()
    waiting(client, 4)
    fail(held)
    held.arrives()
    until(lambda: taking_part(client) == 4)
    fail(held)
    errors = [call.exception() for call in calls]
    assert [type(error) for error in errors] == [kind] * 5
    assert len({id(error) for error in errors}) == 5
    assert len(server.journal) == 2
    assert sorted(error.attempts for error in errors if isinstance(error, octaspace.Error)) == [0, 0, 0, 1, 1]
    assert {str(error) for error in errors} == {str(errors[0])}
    if kind is octaspace.ConnectionError:
        assert all(error is not None and error.__cause__ is not None for error in errors)
        assert answered == []
    else:
        assert len({id(error.response) for error in errors if isinstance(error, octaspace.Error)}) == 5
        assert len(answered) == 5
    assert [event.cache for event in events.finished] == ["miss"] * 5
    assert offers(client) == [3]  # the next caller asks


def test_a_shared_error_does_not_share_its_data(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(after=held))
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    for left in (2, 1):
        held.arrives()
        until(lambda left=left: taking_part(client) == left + 1)
        held.reply({"message": "down"}, status=500)
    for call in calls:
        error = call.exception()
        assert isinstance(error, octaspace.ServerError)
        assert error.response is not None
        assert error.response.data.pop("message") == "down"


# A failure that is the caller's own affair


class Holding(octaspace.Observer):
    """Holds a call at the end of its attempt, while others wait for it; then it may raise.

    Attributes:
        arrived: Set when a call is held.
        go: Lets it go on.
    """

    def __init__(self, error: BaseException | None = None) -> None:
        self.arrived, self.go = threading.Event(), threading.Event()
        self._error = error

    def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
        self.arrived.set()
        assert self.go.wait(20)
        if self._error is not None:
            raise self._error


def test_that_the_time_of_one_is_over_is_not_the_end_for_the_others(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=held)
    client = cached(server)
    hurried = client.with_options(max_retries=1, retry_interval=5, total_timeout=5)  # no time for a retry
    first = threads.submit(hurried.services.mr.list)
    held.arrives()
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    waiting(client, 3)
    held.reply({}, status=503)
    error = first.exception()
    assert isinstance(error, octaspace.TimeoutError)
    assert error.phase == "total"
    held.arrives()
    held.reply({}, status=503)  # the first failure of the API, so the next one asks
    held.arrives()
    held.reply([3])
    assert sorted(str(call.exception() or call.result().data)[:3] for call in calls) == ["GET", "[3]", "[3]"]


@pytest.mark.parametrize("option", ["max_response_bytes", "max_json_values"])
def test_that_an_answer_is_too_large_for_one_is_not_the_end_for_the_others(
    option: str, serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=held)
    client = cached(server, **{option: 1})
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    held.arrives()
    waiting(client, 2)
    for _ in calls:
        held.reply([1, 2, 3])
    for call in calls:
        error = call.exception()
        assert isinstance(error, octaspace.InvalidResponseError)
        assert (error.option, error.attempts) == (option, 1)
    assert len(server.journal) == 3


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(1)])
def test_when_the_first_is_interrupted_the_next_one_asks(
    interrupt: BaseException, serve: ServerFactory, cached: ClientFactory, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=numbered)
    client = cached(server)
    holding = Holding(interrupt)
    calls: list[Future[Response[Any]]] = []
    ended: list[BaseException] = []

    def lead() -> None:
        try:
            client.with_options(observers=[holding]).services.mr.list()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=lead)
    thread.start()
    assert holding.arrived.wait(20)
    calls = [threads.submit(client.services.mr.list) for _ in range(3)]
    waiting(client, 3)
    holding.go.set()
    assert [call.result().data for call in calls] == [[2]] * 3
    thread.join()
    assert ended == [interrupt]
    assert len(server.journal) == 2


def test_hooks_run_in_each_caller_outside_of_the_flight(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=held)
    client = cached(server)
    seen: list[tuple[str, int]] = []
    inside, go = threading.Event(), threading.Event()

    def before(request: dict[str, Any]) -> None:
        seen.append((request["path"], threading.get_ident()))

    def behind(response: Response[Any]) -> None:
        inside.set()
        go.wait(20)
        raise RuntimeError("hook")

    slow = threads.submit(client.with_options(on_request=before, on_response=behind).services.mr.list)
    held.arrives()
    others = [threads.submit(client.with_options(on_request=before).services.mr.list) for _ in range(2)]
    waiting(client, 2)
    held.reply([1])
    assert [call.result().data for call in others] == [[1]] * 2  # although the first is in its hook
    assert inside.wait(20)
    assert not slow.done()
    go.set()
    assert isinstance(slow.exception(), RuntimeError)
    assert len({thread for _, thread in seen}) == 3
    assert client.services.mr.list().from_cache


def test_a_hook_that_refuses_a_call_begins_no_flight(serve: ServerFactory, cached: ClientFactory) -> None:
    def refuse(request: dict[str, Any]) -> None:
        raise RuntimeError("refused")

    server = serve(after=numbered)
    client = cached(server)
    with pytest.raises(RuntimeError):
        client.with_options(on_request=refuse).services.mr.list()
    assert cache_of(client)["misses"] == 0
    assert offers(client) == [1]


def test_hooks_and_observers_are_told_of_cached_answers_too(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock
) -> None:
    events = Events()
    asked: list[dict[str, Any]] = []
    answered: list[Response[Any]] = []
    client = cached(
        serve(answer([1]), after=answer(status=503)), observers=[events], on_request=asked.append,
        on_response=answered.append, cache_stale=5,
    )  # fmt: skip
    client.services.mr.list(), client.services.mr.list()
    clock.advance(11)
    client.services.mr.list()
    client.with_options(cache_ttl=0)
    with pytest.raises(octaspace.ServerError):
        client.accounts.balance()
    assert len(asked) == len(answered) == 4
    assert [(one.from_cache, one.stale) for one in answered] == [
        (False, False),
        (True, False),
        (True, True),
        (False, False),
    ]
    assert [(one.cache, one.attempts, one.status) for one in events.finished] == [
        ("miss", 1, 200), ("hit", 0, 200), ("stale", 1, 200), (None, 1, 503)
    ]  # fmt: skip


# Limits of a wait


def test_the_total_timeout_bounds_the_wait(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    events = Events()
    client = cached(serve(after=held))
    first = threads.submit(client.services.mr.list)
    held.arrives()
    hurried = client.with_options(total_timeout=5, observers=[events])
    calls = [threads.submit(hurried.services.mr.list), threads.submit(client.send, LIST, timeout=4)]
    waiting(client, 2)
    clock.advance(5)
    for call, limit in zip(calls, (5, 4), strict=True):
        error = call.exception()
        assert isinstance(error, octaspace.TimeoutError)
        assert (error.phase, error.attempts, error.outcome_unknown) == ("total", 0, False)
        assert f"within {limit} s" in str(error)
    assert (events.finished[0].cache, events.finished[0].error) == ("miss", calls[0].exception())
    assert taking_part(client) == 1
    held.reply([1])
    assert first.result().data == [1]


def test_the_wait_and_the_request_share_the_total_timeout(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=held)
    client = cached(server)
    first = threads.submit(client.services.mr.list)
    held.arrives()
    hurried = client.with_options(total_timeout=5, max_retries=1, retry_interval=2)
    second = threads.submit(hurried.services.mr.list)
    waiting(client, 1)
    clock.advance(4)
    held.hang_up()
    assert isinstance(first.exception(), octaspace.ConnectionError)
    held.arrives()
    held.reply({}, status=503)  # the retry after 2 s would be too late
    error = second.exception()
    assert isinstance(error, octaspace.TimeoutError)
    assert error.phase == "total"
    assert clock.slept == []


def test_elapsed_includes_the_wait(
    serve: ServerFactory, cached: ClientFactory, clock: FakeClock, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(after=held))
    first = threads.submit(client.services.mr.list)
    held.arrives()
    clock.advance(1)
    second = threads.submit(client.services.mr.list)
    waiting(client, 1)
    clock.advance(2)
    held.reply([])
    assert (first.result().elapsed, second.result().elapsed) == (3, 2)
    assert second.result().age == 0


def test_closing_ends_the_waits(
    serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(held, held), cache_stale=60)
    first = threads.submit(client.services.mr.list)
    held.arrives()
    copied = client.with_options(max_retries=0)
    of_copy = threads.submit(copied.services.mr.list)
    other = threads.submit(client.services.mr.list)
    waiting(client, 2)
    copied.close()
    assert isinstance(of_copy.exception(), octaspace.ConfigurationError)
    assert taking_part(client) == 2
    assert not other.done()
    client.close()
    assert isinstance(other.exception(), octaspace.ConfigurationError)
    held.reply([1])
    assert first.result().data == [1]  # a request in progress finishes
    with pytest.raises(octaspace.ConfigurationError):
        client.services.mr.list()


def test_a_closed_client_keeps_no_answers(serve: ServerFactory, cached: ClientFactory) -> None:
    client = cached(serve(after=answer([1])))
    copied = client.with_options(max_retries=0)
    client.services.mr.list()
    copied.close()
    assert cache_of(client)["entries"] == 1
    client.close()
    assert cache_of(client)["entries"] == 0


# A call inside of a flight


class Asking(octaspace.Observer):
    """Makes a call in the middle of another one."""

    def __init__(self) -> None:
        self.call: Callable[[], Response[Any]] | None = None
        self.answers: list[Response[Any]] = []

    def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
        call, self.call = self.call, None
        if call is not None:
            self.answers.append(call())


@pytest.mark.parametrize("place", ["observer", "log handler", "thread of an observer"])
def test_a_call_does_not_wait_for_itself(
    place: str, serve: ServerFactory, cached: ClientFactory, threads: ThreadPoolExecutor
) -> None:
    asking = Asking()
    server = serve(after=numbered)
    logger = logging.getLogger("test_cache.asking")
    logger.setLevel(logging.INFO)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            asking.attempt_finished(None)  # type: ignore[arg-type]

    if place == "log handler":
        logger.addHandler(Handler())
        client = cached(server, logger=logger)
    else:
        client = cached(server, observers=[asking])
    asking.call = client.services.mr.list
    if place == "thread of an observer":
        asking.call = lambda: threads.submit(contextvars.copy_context().run, client.services.mr.list).result()
    assert client.services.mr.list().data == [1]
    assert [(one.data, one.from_cache) for one in asking.answers] == [([2], False)]
    assert offers(client) == [1]
    assert cache_of(client) == {"hits": 1, "misses": 1, "stale": 0, "bytes": 3, "entries": 1}


@pytest.mark.parametrize("step", ["find", "keep"])
def test_a_signal_handler_before_or_behind_the_request_does_not_wait_for_its_call(
    step: str, serve: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first caller has joined the flight, and its request is not sent yet or answered already."""
    server = serve(after=numbered)
    # On the system's clock: with a fault, the call ends with its time limit.
    client = Client("sk-secret", base_url=server.url, cache_ttl=60, total_timeout=1)
    cache, answers = client._transport.cache, list[Response[Any]]()
    original, handlers = getattr(cache, step), [lambda: answers.append(client.services.mr.list())]

    def interrupted(*args: Any) -> Any:
        if taking_part(client) and handlers:
            handlers.pop()()
        return original(*args)

    monkeypatch.setattr(cache, step, interrupted)
    client.services.mr.list()
    assert [one.from_cache for one in answers] == [False]
    assert len(server.journal) == 2
    assert taking_part(client) == 0
    client.close()


def test_calls_inside_of_two_flights_do_not_wait_for_each_other(
    serve: ServerFactory, cached: ClientFactory, threads: ThreadPoolExecutor
) -> None:
    client = cached(serve(after=answer([])))
    barrier = threading.Barrier(2)

    class Crossing(octaspace.Observer):
        def __init__(self, other: Callable[[], object]) -> None:
            self.other = other

        def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
            if threading.current_thread() not in seen:
                seen.add(threading.current_thread())
                barrier.wait(20)
                self.other()

    seen: set[threading.Thread] = set()
    mr = client.with_options(observers=[Crossing(client.services.vpn.list)])
    vpn = client.with_options(observers=[Crossing(client.services.mr.list)])
    calls = [threads.submit(mr.services.mr.list), threads.submit(vpn.services.vpn.list)]
    assert [call.result().data for call in calls] == [[], []]


forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class TestForks:
    pytestmark = forks

    def test_a_child_starts_with_an_empty_cache(self, serve: ServerFactory, cached: ClientFactory) -> None:
        server = serve(after=numbered)
        client = cached(server)
        client.services.mr.list(), client.services.mr.list()

        def work() -> list[Any]:
            return [cache_of(client), offers(client), offers(client), cache_of(client)["hits"]]

        empty = {"hits": 0, "misses": 0, "stale": 0, "bytes": 0, "entries": 0}
        assert in_child(work) == [empty, [2], [2], 1]
        assert cache_of(client) == {"hits": 1, "misses": 1, "stale": 0, "bytes": 3, "entries": 1}
        assert client.services.mr.list().from_cache

    def test_a_child_does_not_wait_for_a_flight_of_its_parent(
        self, serve: ServerFactory, cached: ClientFactory, held: Held, threads: ThreadPoolExecutor
    ) -> None:
        client = cached(serve(held, after=answer(["child"])))
        calls = [threads.submit(client.services.mr.list) for _ in range(2)]
        held.arrives()
        waiting(client, 1)
        with client._transport.cache._lock, client._transport.cache.flights._lock:  # as if in another thread
            assert in_child(lambda: [offers(client), offers(client), cache_of(client)["hits"]]) == [
                ["child"], ["child"], 1
            ]  # fmt: skip
        held.reply(["parent"])
        assert [call.result().data for call in calls] == [["parent"]] * 2
        assert client.services.mr.list().data == ["parent"]

    def test_a_fork_in_the_middle_of_a_request(self, serve: ServerFactory, cached: ClientFactory) -> None:
        seen: list[Any] = []
        client = cached(serve(answer(["first"]), after=answer(["second"])))

        class Forking(octaspace.Observer):
            def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
                if not seen:
                    seen.append(None)
                    seen.append(in_child(lambda: [offers(client), cache_of(client)["entries"]]))

        assert client.with_options(observers=[Forking()]).services.mr.list().data == ["first"]
        assert seen == [None, [["second"], 0]]  # the child is inside of the request as well
        assert client.services.mr.list().data == ["first"]


GREENLETS = """
import json, sys
import gevent
client = octaspace.Client("sk", base_url=sys.argv[1], keep_alive=True, cache_ttl=60)
answers = [g.get() for g in [gevent.spawn(client.services.mr.list) for number in range(40)]]
print(json.dumps([[answer.data for answer in answers], client.transport_stats()["cache"]]))
"""
PATCH, IMPORT = "from gevent import monkey; monkey.patch_all()", "import octaspace"


@pytest.mark.parametrize("order", [[PATCH, IMPORT], [IMPORT, PATCH]], ids=["patched-first", "patched-late"])
def test_greenlets_share_one_request(order: list[str], serve: ServerFactory) -> None:
    server = serve(after=numbered)
    script = "\n".join(["import warnings; warnings.simplefilter('ignore')", *order, GREENLETS])
    result = subprocess.run(
        [sys.executable, "-c", script, server.url], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    answers, stats = json.loads(result.stdout)
    assert answers == [[1]] * 40
    assert stats == {"hits": 39, "misses": 1, "stale": 0, "bytes": 3, "entries": 1}
    assert len(server.journal) == 1


# Interrupts

CACHE = tuple(
    f"octaspace.transport.{name}" for name in ("call", "cached_read", "response_cache", "single_flight")
)


class Acting(octaspace.Observer):
    """Does something at the end of the first attempt."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._acts = [act]

    def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
        if self._acts:
            self._acts.pop()()


@pytest.mark.parametrize("status", [200, 503])
def test_an_interrupt_at_any_line_of_the_first_leaves_nobody_hanging(
    status: int, serve: ServerFactory, cached: ClientFactory, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=numbered)
    client = cached(server)
    before = sys.gettrace()
    for line in range(1, 10_000):
        client.clear_cache()
        server.journal.clear()
        server.then(*([] if status == 200 else [answer(status=status)]))
        interrupting = Interrupting(line, within=(*CACHE, "cachetools"))
        calls: list[Future[Response[Any]]] = []

        def join(calls: list[Future[Response[Any]]] = calls) -> None:
            calls.append(threads.submit(client.services.mr.list))
            waiting(client, 1)

        first = client.with_options(observers=[Acting(join)])
        interrupted = False
        sys.settrace(interrupting)
        try:
            first.services.mr.list()
        except KeyboardInterrupt:
            interrupted = True
        except octaspace.ServerError:
            pass
        finally:
            sys.settrace(before)
        if not interrupting.where:
            break
        assert interrupted, interrupting.where
        for call in calls:
            assert call.result(20).data in ([1], [2]), interrupting.where
        server.then()
        assert client.services.mr.list().ok
        assert len(server.journal) <= 3, interrupting.where
        assert taking_part(client) == 0, interrupting.where
        assert not client._transport.cache.flights._flights, interrupting.where
    assert line > 100
    assert len(calls) == 1


def test_an_interrupt_at_any_line_of_one_who_waits_leaves_nobody_hanging(
    serve: ServerFactory, cached: ClientFactory, threads: ThreadPoolExecutor
) -> None:
    server = serve(after=numbered)
    client = cached(server)
    before = sys.gettrace()
    for line in range(1, 10_000):
        client.clear_cache()
        server.journal.clear()
        holding = Holding()
        first = threads.submit(client.with_options(observers=[holding]).services.mr.list)
        assert holding.arrived.wait(20)
        done = threading.Event()

        def release(holding: Holding = holding, done: threading.Event = done) -> None:
            until(lambda: taking_part(client) == 2 or done.is_set())
            holding.go.set()

        releasing = threads.submit(release)
        interrupting = Interrupting(line, within=(*CACHE, "cachetools"))
        interrupted = False
        sys.settrace(interrupting)
        try:
            client.services.mr.list()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
            done.set()
        releasing.result()
        assert first.result(20).data == [1]
        if not interrupting.where:
            break
        assert interrupted, interrupting.where
        assert client.services.mr.list().ok
        assert len(server.journal) <= 2, interrupting.where
        assert not client._transport.cache.flights._flights, interrupting.where
    assert line > 60


def test_an_interrupt_at_any_line_of_a_change_leaves_an_empty_cache(
    serve: ServerFactory, cached: ClientFactory
) -> None:
    server = serve(after=answer([{"uuid": "u-1"}]))
    client = cached(server)
    change = Request("POST", "/services/vpn", body={})
    before = sys.gettrace()
    for line in range(1, 10_000):
        client.services.mr.list()
        server.journal.clear()
        interrupting = Interrupting(line, within=CACHE)
        sys.settrace(interrupting)
        try:
            client.send(change)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert not server.journal or cache_of(client)["entries"] == 0, interrupting.where
        if not interrupting.where:
            break
    assert line > 40
    assert server.journal
