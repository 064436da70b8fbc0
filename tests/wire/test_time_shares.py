"""With a limit for the whole call, an endpoint that stalls leaves time for the next one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import octaspace
from octaspace import Request
from octaspace.observer import AttemptFinished, Observer
from octaspace.transport import wire
from octaspace.transport.clock import Deadline
from octaspace.transport.wire import Wire
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import Behaviour, Exchange, answer, echo, http, stall

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ, REBOOT

WHOLE = http(200, b'{"slow": 1}')
#: How much of an answer arrives before its endpoint stalls.
PARTS = {"a byte of the head": WHOLE[:1], "the head": WHOLE[:-11], "half of the body": WHOLE[:-4]}


class Attempts(Observer):
    def __init__(self) -> None:
        self.seen: list[AttemptFinished] = []

    def attempt_finished(self, event: AttemptFinished) -> None:
        self.seen.append(event)

    @property
    def verdicts(self) -> list[tuple[str, str | None]]:
        return [(event.verdict, event.phase) for event in self.seen]


def late(clock: FakeClock, seconds: float, data: bytes) -> Behaviour:
    """Let that time pass before `data` is sent, and send no more."""

    def behave(exchange: Exchange) -> bool:
        if exchange.read_request() is None:
            return False
        clock.advance(seconds)
        exchange.send(data)
        exchange.hold()
        return False

    return behave


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "standard"])
@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_stalled_endpoint_leaves_time_for_the_next(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, part: bytes, keep_alive: bool
) -> None:
    watch = Attempts()
    stalled, alive = serve(after=late(clock, 4.0, part)), serve(answer({"here": True}))
    client = connect(stalled, alive, total_timeout=8, keep_alive=keep_alive, observers=[watch])
    response = client.send(READ)
    assert (response.data, response.attempts) == ({"here": True}, 2)
    assert watch.verdicts == [("failover", "read"), ("ok", None)]
    assert "4 s" in str(watch.seen[0].reason)
    stats = client.transport_stats()
    assert stats["rotator"]["failed"] == [stalled.url], "the stall counts as a timeout of the endpoint"
    assert (stats["failovers"], stats["retries"], clock.slept) == (1, 0, [])


def test_just_within_its_share_an_answer_counts(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    slow, other = serve(after=late(clock, 3.9, WHOLE)), serve(echo)
    client = connect(slow, other, total_timeout=8)
    assert client.send(READ).data == {"slow": 1}
    assert other.journal == []


def test_the_shares_of_a_pass_and_the_last_endpoint_gets_the_rest(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    """Of 9 seconds, 3 for the first; if it fails at once, 4.5 for the second, and the rest for the third."""
    watch = Attempts()
    servers = [
        serve(after=late(clock, 1.0, b"no HTTP\r\n\r\n")),
        serve(after=late(clock, 4.0, WHOLE[:1])),
        serve(after=late(clock, 3.9, WHOLE)),
    ]
    client = connect(*servers, total_timeout=9, observers=[watch])
    assert client.send(READ).data == {"slow": 1}
    assert watch.verdicts == [("failover", None), ("failover", "read"), ("ok", None)]
    assert [len(server.journal) for server in servers] == [1, 1, 1]


def test_an_endpoint_in_its_cooldown_gets_its_share_as_the_last(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    """It may have recovered: the one that counts as healthy must not take all of the time."""
    recovered = serve(late(clock, 0.0, b"no HTTP\r\n\r\n"), answer({"back": 1}))
    stalled = serve(answer({"a": 1}), late(clock, 4.0, WHOLE[:1]))
    client = connect(recovered, stalled, total_timeout=8)
    assert client.send(READ).data == {"a": 1}
    assert client.transport_stats()["rotator"]["failed"] == [recovered.url]
    assert client.send(READ).data == {"back": 1}


def test_when_all_stall_the_limit_of_the_call_is_reported(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    watch = Attempts()
    servers = [serve(after=late(clock, 4.0, WHOLE[:1])), serve(after=late(clock, 4.1, WHOLE[:1]))]
    client = connect(*servers, total_timeout=8, max_retries=5, observers=[watch])
    with pytest.raises(octaspace.TimeoutError, match=r"within 8 s in total") as caught:
        client.send(READ)
    assert (caught.value.phase, caught.value.attempts, caught.value.outcome_unknown) == ("total", 2, False)
    assert watch.verdicts == [("failover", "read"), ("raise", "total")]


def test_a_second_is_the_least_and_a_call_of_a_second_is_not_shared(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    watch = Attempts()
    slow, other = serve(after=late(clock, 0.9, WHOLE)), serve(after=late(clock, 0.9, WHOLE))
    client = connect(slow, other, total_timeout=1.5, observers=[watch])
    assert client.send(READ).data == {"slow": 1}, "0.75 s would have been too short"
    assert client.with_options(total_timeout=1.0).send(READ).data == {"slow": 1}
    assert watch.verdicts == [("ok", None), ("ok", None)]


def test_a_retry_begins_a_new_pass_with_new_shares(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    watch = Attempts()
    first = serve(answer(status=503), answer({"again": 1}))
    second = serve(after=late(clock, 4.0, WHOLE[:1]))
    client = connect(first, second, total_timeout=8.5, retry_interval=0.5, observers=[watch])
    assert client.send(READ).data == {"again": 1}
    assert watch.verdicts == [("retry", None), ("failover", "read"), ("ok", None)]
    assert clock.slept == [0.5], "a failover waits for nothing"


@pytest.mark.parametrize("request_", [CHANGE, REBOOT], ids=["post", "reboot"])
def test_a_change_gets_the_whole_time(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, request_: Request,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    slow, other = serve(after=late(clock, 7.9, WHOLE)), serve(echo)
    client = connect(slow, other, total_timeout=8)
    limits: list[float | None] = []
    attempt = Wire.attempt

    def watched(self: Wire, *arguments: Any, deadline: Deadline, **options: Any) -> Any:
        limits.append(deadline.remaining())
        return attempt(self, *arguments, deadline=deadline, **options)

    monkeypatch.setattr(Wire, "attempt", watched)
    assert client.send(request_).data == {"slow": 1}
    assert other.journal == []
    client.send(READ)
    assert limits == [8.0, 4.0], "a read gets its share"


def test_without_a_limit_there_are_no_shares(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    slow, other = serve(after=late(clock, 3600.0, WHOLE)), serve(echo)
    assert connect(slow, other).send(READ).data == {"slow": 1}
    assert other.journal == []


def test_the_limit_of_a_method_is_shared_as_well(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    stalled, alive = serve(after=late(clock, 4.0, WHOLE[:1])), serve(echo)
    response = connect(stalled, alive)._transport.send(READ, timeout=8)
    assert (response.attempts, len(alive.journal)) == (2, 1)


def test_waiting_for_a_connection_takes_no_more_than_its_share(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full pool does not mark its endpoint as failed."""
    busy, free = serve(after=stall), serve(after=echo)
    client = connect(busy, free, pool_size=1, pool_timeout=None, total_timeout=8)
    pools = client._transport.pools
    acquire = pools.acquire

    def full(url: str, timeout: float | None, trace: object) -> bool:
        if url == busy.url:
            assert timeout == 4.0
            clock.advance(4.0)
            return False
        return acquire(url, timeout, trace)  # type: ignore[arg-type]

    monkeypatch.setattr(pools, "acquire", full)
    assert client.send(READ).attempts == 2
    assert client.transport_stats()["rotator"]["failed"] == []


def test_a_file_that_arrives_is_not_cut(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, tmp_path: Path
) -> None:
    """Another endpoint would send it from its beginning."""
    file = http(200, b"log" * 5, {"Content-Type": "application/octet-stream"})
    begun = threading.Event()

    def slow(exchange: Exchange) -> bool:
        exchange.read_request()
        exchange.send(file[:-10])
        begun.wait(60)
        exchange.send(file[-10:])
        return True

    def progress(done: int, size: int | None) -> None:
        if size is not None and not begun.is_set():  # the size is in the head of the answer
            clock.advance(7.0)
            begun.set()

    first, other = serve(after=slow), serve(echo)
    client = connect(first, other, total_timeout=8)
    client.nodes.download_logs(1, to=tmp_path / "node.log", on_progress=progress)
    assert (tmp_path / "node.log").read_bytes() == b"log" * 5
    assert other.journal == []


def test_a_download_that_does_not_begin_goes_to_the_next(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, tmp_path: Path
) -> None:
    file = {"Content-Type": "application/octet-stream"}
    stalled = serve(after=late(clock, 4.0, WHOLE[:1]))
    alive = serve(answer(body=b"log", headers=file))
    client = connect(stalled, alive, total_timeout=8)
    client.nodes.download_logs(1, to=tmp_path / "node.log")
    assert (tmp_path / "node.log").read_bytes() == b"log"


def test_a_complete_answer_is_not_requested_again(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding took longer than the share; that is not the fault of the endpoint."""
    first, other = serve(answer({"a": 1})), serve(echo)
    client = connect(first, other, total_timeout=8)
    decode = wire.decoded_answer

    def slowly(*arguments: object) -> object:
        clock.advance(6.0)
        return decode(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(wire, "decoded_answer", slowly)
    assert client.send(READ).data == {"a": 1}
    assert other.journal == []
