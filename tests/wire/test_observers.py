"""What observers are told about calls over real connections."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import sys
import threading
import traceback
import weakref
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
import requests

import octaspace
from octaspace import AttemptFinished, CallFinished, CallStarted, Client, Observer, Request
from octaspace.observer import StatsObserver, StatsSource
from tests.support.fault_server import answer, close_after_reading, close_unread, echo, stall
from tests.support.waiting import until

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

KEY = "sk-secret"
METHODS = ("call_started", "attempt_finished", "call_finished")

Event = CallStarted | AttemptFinished | CallFinished


class Recorder(Observer):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def call_started(self, event: CallStarted) -> None:
        self.events.append(event)

    def attempt_finished(self, event: AttemptFinished) -> None:
        self.events.append(event)

    def call_finished(self, event: CallFinished) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    @property
    def attempts(self) -> list[AttemptFinished]:
        return [event for event in self.events if isinstance(event, AttemptFinished)]

    @property
    def finished(self) -> list[CallFinished]:
        return [event for event in self.events if isinstance(event, CallFinished)]


class Raising(Recorder):
    """Raises in one of its methods, after it has kept the event."""

    def __init__(self, method: str, error: BaseException) -> None:
        super().__init__()
        self._method, self._error = method, error

    def __getattribute__(self, name: str) -> Any:
        if name in METHODS and name == super().__getattribute__("_method"):
            return self._fail
        return super().__getattribute__(name)

    def _fail(self, event: Event) -> None:
        self.events.append(event)
        raise self._error


class Interrupt(BaseException):
    """Not an Exception, as the timeouts of gevent."""


@pytest.fixture
def watcher() -> Recorder:
    return Recorder()


def test_a_call_with_a_failover_and_a_retry(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    bad = serve(close_after_reading)
    good = serve(answer(status=503, headers={"X-Request-Id": "r-1"}), answer([1]), answer([2]))
    client = connect(bad, good, observers=[watcher], failure_cooldown=12)
    response = client.nodes.list()
    assert watcher.names == ["CallStarted", *["AttemptFinished"] * 3, "CallFinished"]
    assert len({event.call_id for event in watcher.events}) == 1
    assert {event.operation for event in watcher.events} == {"nodes.list"}
    assert {event.request.path for event in watcher.events} == {"/nodes"}
    lost, busy, good_one = watcher.attempts
    assert [(a.number, a.endpoint, a.status, a.error, a.verdict) for a in watcher.attempts] == [
        (1, bad.url, None, "ConnectionError", "failover"),
        (2, good.url, 503, None, "retry"),
        (3, good.url, 200, None, "ok"),
    ]
    assert lost.reason == "Remote end closed connection without response"
    assert [a.cooldown for a in watcher.attempts] == [12, None, None]
    assert [a.request_id for a in watcher.attempts] == [None, "r-1", None]
    assert [a.wait for a in watcher.attempts] == [0, 0.5, 0]
    assert [a.connection for a in watcher.attempts] == ["new", "new", "reused"]
    assert [a.connections_in_use for a in watcher.attempts] == [1, 1, 1]
    assert good_one.start >= 0.5 > busy.start  # on the fake clock
    (end,) = watcher.finished
    assert (end.status, end.error, end.attempts, end.retries, end.failovers) == (200, None, 3, 1, 1)
    assert (end.endpoint, end.elapsed, end.cache) == (good.url, response.elapsed, None)
    assert end.response is response


def test_a_dead_reused_connection(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    server = serve(answer(), close_after_reading, answer())
    client = connect(server, observers=[watcher])
    client.send(READ)
    client.send(READ)
    assert [(a.verdict, a.connection) for a in watcher.attempts] == [
        ("ok", "new"),
        ("fresh-socket", "reused"),
        ("ok", "new"),
    ]
    assert (watcher.finished[1].attempts, watcher.finished[1].retries) == (2, 0)


def test_without_keep_alive_there_is_no_pool(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    connect(serve(), observers=[watcher], keep_alive=False).send(READ)
    (attempt,) = watcher.attempts
    assert (attempt.connection, attempt.connections_in_use, attempt.connection_wait) == ("new", None, 0)


def test_the_wait_for_a_connection(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    release = threading.Event()

    def slow(exchange: Any) -> bool:
        exchange.read_request()
        release.wait(30)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return True

    server = serve(slow, answer())
    client = connect(server, pool_size=1, observers=[watcher])
    first = threading.Thread(target=client.send, args=(READ,))
    first.start()
    until(lambda: client.transport_stats()["pools"][server.url]["in_use"] == 1)
    second = threading.Thread(target=client.send, args=(READ,))
    second.start()
    until(lambda: is_waiting_for_a_connection(second))
    release.set()
    first.join()
    second.join()
    assert [a.connections_in_use for a in watcher.attempts] == [1, 1]
    assert watcher.attempts[0].connection_wait == 0
    assert watcher.attempts[1].connection_wait > 0


def is_waiting_for_a_connection(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    names = [entry.name for entry in traceback.extract_stack(frame)] if frame else []
    return names[-3:] == ["acquire", "_wait", "wait"]  # of the slots of an endpoint, and of a condition


def test_a_pool_timeout_says_how_long_it_waited(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    server = serve(stall)
    client = connect(server, pool_size=1, pool_timeout=0.05, max_retries=0, observers=[watcher])

    def send() -> None:
        with pytest.raises(octaspace.Error):
            client.send(READ)

    thread = threading.Thread(target=send)
    thread.start()
    until(lambda: client.transport_stats()["pools"][server.url]["in_use"] == 1)
    with pytest.raises(octaspace.TimeoutError):
        client.send(READ)
    attempt = watcher.attempts[0]
    assert (attempt.phase, attempt.connection, attempt.cooldown) == ("pool", None, None)
    assert attempt.connection_wait >= 0.05
    server.close()
    thread.join()


def test_an_error_is_in_the_last_event(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    client = connect(serve(answer({"message": "no"}, status=404)), observers=[watcher])
    with pytest.raises(octaspace.NotFoundError) as caught:
        client.nodes.find(7)
    (end,) = watcher.finished
    assert end.error is caught.value
    assert (end.status, end.outcome_unknown) == (404, False)
    assert end.response is caught.value.response
    assert watcher.attempts[0].verdict == "raise"


def test_an_unknown_outcome(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    client = connect(serve(close_after_reading), observers=[watcher])
    with pytest.raises(octaspace.ConnectionError):
        client.services.mr.create(node_id=1, disk_size=1, image="x")
    (end,) = watcher.finished
    assert (end.operation, end.outcome_unknown, end.status) == ("services.mr.create", True, None)
    assert end.response is None


def test_what_a_2xx_reports_is_the_error_of_the_call(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    server = serve(answer([{"reason": "busy"}]), answer({"error": "not stopped"}))
    client = connect(server, observers=[watcher])
    with pytest.raises(octaspace.ProvisionRejectedError) as rejected:
        client.services.mr.create(node_id=1, disk_size=1, image="x")
    with pytest.raises(octaspace.InvalidResponseError) as unconfirmed:
        client.services.session("u-1").stop()
    assert [end.error for end in watcher.finished] == [rejected.value, unconfirmed.value]
    assert [end.status for end in watcher.finished] == [200, 200]
    assert [end.outcome_unknown for end in watcher.finished] == [False, True]


def test_a_retry_after_the_deadline_is_not_announced(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    client = connect(serve(answer(status=503)), total_timeout=0.1, retry_interval=9, observers=[watcher])
    with pytest.raises(octaspace.TimeoutError):
        client.send(READ)
    assert [(a.verdict, a.wait) for a in watcher.attempts] == [("raise", 0)]
    assert watcher.finished[0].retries == 0


class HookError(Exception):
    pass


def fail(_: object) -> None:
    raise HookError


@pytest.mark.parametrize(("option", "attempts"), [("on_request", 0), ("on_response", 1)])
def test_a_hook_that_raises_ends_the_call(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder, option: str, attempts: int
) -> None:
    server = serve()
    client = connect(server, observers=[watcher], **{option: fail})
    with pytest.raises(HookError) as caught:
        client.send(READ)
    assert len(server.journal) == attempts
    assert watcher.names == ["CallStarted", *["AttemptFinished"] * attempts, "CallFinished"]
    assert watcher.finished[0].error is caught.value


def test_a_foreign_error_with_a_response_of_its_kind(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    error = requests.HTTPError(response=requests.Response())

    def raise_foreign(_: object) -> None:
        raise error

    with pytest.raises(requests.HTTPError) as caught:
        connect(serve(), observers=[watcher], on_response=raise_foreign).send(READ)
    assert caught.value is error
    assert (watcher.finished[0].error, watcher.finished[0].response) == (error, None)


def test_an_interrupted_call_ends_for_its_observers(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        connect(serve(), observers=[watcher], on_request=interrupt).send(READ)
    assert watcher.names == ["CallStarted", "CallFinished"]
    assert watcher.finished[0].error is caught.value


@pytest.mark.parametrize("method", METHODS)
def test_an_observer_that_raises_fails_no_call_and_is_logged_once(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    before, broken, behind = Recorder(), Raising(method, RuntimeError("broken")), Recorder()
    server = serve(after=echo)
    client = connect(server, observers=[before, broken, behind])
    copy = client.with_options(max_retries=0)
    for sender in (client, copy, client.with_options(max_retries=1), client):
        assert sender.send(CHANGE).status == 200
    assert len(server.journal) == 4
    assert (
        before.names == broken.names == behind.names == ["CallStarted", "AttemptFinished", "CallFinished"] * 4
    )
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.name == "octaspace"
    assert "Raising raised RuntimeError" in record.getMessage()
    assert method in record.getMessage()
    assert record.exc_info


def test_an_observer_of_many_clients_is_logged_once(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(after=echo)
    for broken in (Raising("call_started", RuntimeError()), Raising("call_started", RuntimeError())):
        for _ in range(3):
            connect(server, observers=[broken]).send(READ)
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2


@pytest.mark.parametrize("reports", ["observer", "log handler"])
def test_an_interrupt_behind_the_answer_to_a_creation_stops_the_machine(
    serve: ServerFactory, connect: ClientFactory, reports: str
) -> None:
    server = serve(answer([{"uuid": "u-1"}]), answer({}))

    class Interrupted(Observer, logging.Handler):
        def attempt_finished(self, event: AttemptFinished) -> None:
            if event.operation == "services.mr.create":
                raise Interrupt

        def emit(self, record: logging.LogRecord) -> None:
            if "/services/mr" in record.getMessage():
                raise Interrupt

    logger = logging.Logger("interrupted", logging.INFO)
    options: dict[str, Any] = {"observers": [Interrupted()]}
    if reports == "log handler":
        logger.addHandler(Interrupted())
        options = {"logger": logger}
    rental = connect(server, **options).services.mr.rent(node_id=1, disk_size=1, image="x")
    with pytest.raises(Interrupt), rental:
        raise AssertionError("the block must not run")
    assert [arrival.path for arrival in server.journal] == ["/services/mr", "/services/u-1/stop"]


@pytest.mark.parametrize("method", METHODS)
def test_a_failover_goes_on_behind_an_observer_that_raises(
    serve: ServerFactory, connect: ClientFactory, method: str
) -> None:
    bad, good = serve(close_after_reading), serve(after=echo)
    client = connect(bad, good, observers=[Raising(method, RuntimeError("broken"))])
    assert client.send(READ).attempts == 2
    assert client.send(READ).ok


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupt_in_an_observer_ends_the_call_and_every_observer_knows(
    serve: ServerFactory, connect: ClientFactory, method: str
) -> None:
    before, broken, behind = Recorder(), Raising(method, Interrupt()), Recorder()
    server = serve(after=echo)
    client = connect(server, observers=[before, broken, behind])
    with pytest.raises(Interrupt):
        client.send(READ)
    assert len(server.journal) == (0 if method == "call_started" else 1)
    for recorder in (before, broken, behind):
        started = recorder.names.count("CallStarted")
        assert recorder.names.count("CallFinished") == started
    assert before.names.count("CallStarted") == 1
    assert client.transport_stats()["pools"][server.url]["in_use"] == 0


def test_observers_are_nested_as_they_are_listed(serve: ServerFactory, connect: ClientFactory) -> None:
    order: list[str] = []

    class Named(Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        def call_started(self, event: CallStarted) -> None:
            order.append(f"+{self.name}")

        def call_finished(self, event: CallFinished) -> None:
            order.append(f"-{self.name}")

    connect(serve(), observers=[Named("a"), Named("b")]).send(READ)
    assert order == ["+a", "+b", "-b", "-a"]


def test_calls_may_be_nested(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    clients: list[Client] = []

    def ask(_: object) -> None:
        if len(watcher.finished) == 0 and len(watcher.events) == 1:
            clients[0].network.info()

    clients.append(connect(serve(), observers=[watcher], on_request=ask))
    clients[0].nodes.list()
    assert [event.operation for event in watcher.events] == [
        "nodes.list", "network.info", "network.info", "network.info", "nodes.list", "nodes.list",
    ]  # fmt: skip
    assert len({event.call_id for event in watcher.events}) == 2


def test_a_copy_may_have_other_observers(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    other = Recorder()
    client = connect(serve(), observers=[watcher])
    client.with_options(observers=[]).send(READ)
    assert watcher.events == []
    client.with_options(observers=[other]).send(READ)
    client.with_options(max_retries=0).send(READ)
    assert (len(watcher.finished), len(other.finished)) == (1, 1)


def test_calls_of_threads_are_told_apart(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    client = connect(serve(after=echo), observers=[watcher], pool_size=4)
    threads = [
        threading.Thread(target=lambda place=place: [client.nodes.find(place) for _ in range(10)])
        for place in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({event.call_id for event in watcher.events}) == 80
    for end in watcher.finished:
        of_call = [event for event in watcher.events if event.call_id == end.call_id]
        assert [type(event) for event in of_call] == [CallStarted, AttemptFinished, CallFinished]
        assert len({event.request.path for event in of_call}) == 1
    assert max(a.connections_in_use or 0 for a in watcher.attempts) <= 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_tells_its_own_copy(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    client = connect(serve(after=echo), observers=[watcher])
    client.send(READ)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        client.send(READ)
        os.write(write, " ".join(watcher.names[3:]).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 1000).decode() == "CallStarted AttemptFinished CallFinished"
    assert len(watcher.events) == 3
    os.close(read)
    os.close(write)


def echoes_the_key() -> Any:
    return answer(
        {"message": f"the key {KEY} is wrong", KEY: 1},
        status=401,
        headers={"X-Request-Id": f"r-{KEY}", "X-Echo": KEY},
    )


def everything(value: object) -> Iterator[str]:
    """The texts of an event, down to the fields of its request and its response."""
    yield repr(value)
    yield str(value)
    for name in dir(value):
        if not name.startswith("_"):
            member = getattr(value, name, None)
            yield repr(member)
            if isinstance(member, (octaspace.Response, octaspace.Request, octaspace.Error)):
                yield from everything(member)


def test_no_event_contains_the_key(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    good = answer({"echo": KEY}, headers={"X-Echo": KEY})
    server = serve(echoes_the_key(), good, close_after_reading)
    client = connect(server, observers=[watcher], max_retries=0)
    request = Request("POST", f"/x/{KEY}", params={"key": KEY}, body={"envs": {"OCTA_API_KEY": KEY}})
    with pytest.raises(octaspace.AuthenticationError):
        client.send(request)
    assert client.send(Request("GET", f"/y/{KEY}")).data == {"echo": KEY}
    with pytest.raises(octaspace.ConnectionError):
        client.send(request)
    assert server.journal[0].path == f"/x/{KEY}?key={KEY}"
    assert watcher.names == ["CallStarted", "AttemptFinished", "CallFinished"] * 3
    for event in watcher.events:
        assert KEY not in " ".join(everything(event))
        assert KEY.encode() not in pickle.dumps(event)
        assert KEY.encode() not in pickle.dumps(pickle.loads(pickle.dumps(event)))
    assert watcher.finished[1].response is not None
    assert watcher.finished[1].response.data == {"echo": "***"}


def test_a_key_in_the_body_alone_is_masked_and_the_rest_is_shown(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    server = serve(answer([{"uuid": "u-1"}]))
    client = connect(server, observers=[watcher])
    client.services.mr.create(node_id=7, disk_size=1, image="x", envs={"OCTA_API_KEY": KEY, "MODE": "fast"})
    assert KEY in server.journal[0].body.decode()
    for event in watcher.events:
        assert event.request.body[0]["node_id"] == 7
        assert event.request.body[0]["envs"] == {"OCTA_API_KEY": "***", "MODE": "fast"}


def test_an_error_of_the_sdk_that_a_hook_raises_is_masked_too(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    def refuse(_: object) -> None:
        raise octaspace.Error(f"not with {KEY}")

    for option in ("on_request", "on_response"):
        with pytest.raises(octaspace.Error, match=r"not with \*\*\*"):
            connect(serve(), observers=[watcher], **{option: refuse}).send(READ)
    assert KEY not in " ".join(text for event in watcher.events for text in everything(event))


def test_an_endpoint_that_names_the_key_is_masked(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    server = serve()
    connect(server, base_url=f"{server.url}/{KEY}", observers=[watcher]).send(READ)
    assert KEY not in " ".join(text for event in watcher.events for text in everything(event))


def test_events_are_immutable(serve: ServerFactory, connect: ClientFactory, watcher: Recorder) -> None:
    connect(serve(), observers=[watcher]).send(READ)
    for event in watcher.events:
        for field in fields(event):
            with pytest.raises(FrozenInstanceError):
                setattr(event, field.name, None)


class StatsReader(Recorder):
    """Keeps the sources of the statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: weakref.WeakSet[StatsSource] = weakref.WeakSet()

    def client_created(self, stats: StatsSource) -> None:
        self.sources.add(stats)


def test_an_observer_that_wants_them_gets_the_statistics(serve: ServerFactory) -> None:
    reader = StatsReader()
    assert isinstance(reader, StatsObserver)
    assert not isinstance(Recorder(), StatsObserver)
    server = serve(after=echo)
    client = Client(KEY, base_url=server.url, keep_alive=True, observers=[reader])
    other = Client(KEY, base_url=server.url, observers=[reader])
    copies = [client.with_options(max_retries=0), client.with_options(observers=[reader, Recorder()])]
    assert len(reader.sources) == 2
    copies[0].send(READ)
    stats = [source.transport_stats() for source in reader.sources]
    assert sorted(one["requests"] for one in stats) == [0, 1]
    client.close()
    other.close()
    del client, other, copies
    gc.collect()
    assert len(reader.sources) == 0


def test_statistics_are_given_to_the_observers_of_a_copy(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    reader = StatsReader()
    client = connect(serve())
    assert client.with_options(observers=[reader]).transport_stats()["requests"] == 0
    assert [source.transport_stats()["mode"] for source in reader.sources] == ["persistent"]


def test_a_client_that_fails_to_be_read_is_created(serve: ServerFactory, connect: ClientFactory) -> None:
    class Broken(StatsReader):
        def client_created(self, stats: StatsSource) -> None:
            raise RuntimeError("broken")

    class Strange(Recorder):
        def __getattr__(self, name: str) -> None:
            raise RuntimeError("broken")

    assert connect(serve(), observers=[Broken(), Strange()]).send(READ).ok


def test_refused_unsent_changes_reach_another_endpoint_with_events(
    serve: ServerFactory, connect: ClientFactory, watcher: Recorder
) -> None:
    bad, good = serve(close_unread), serve(after=echo)
    bad.close()
    client = connect(bad, good, observers=[watcher])
    assert client.send(CHANGE).ok
    assert [(a.verdict, a.connection, a.error) for a in watcher.attempts] == [
        ("failover", None, "ConnectionError"),
        ("ok", "new", None),
    ]
