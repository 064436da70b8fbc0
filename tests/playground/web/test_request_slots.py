"""RequestSlots: limits, waiting, release and refusals."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import run_wsgi_app

from playground.settings import ThreadCounts
from playground.web.admission import SLOTS, client_disconnected
from playground.web.request_slots import NoSlotError, RequestSlot, RequestSlots

from ..browsing import ORIGIN, Visitor


class Clock:
    """A manually advanced monotonic clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("pages", "downloads", "in_all", "own_pages", "own_downloads"),
    [(1, 1, 6, 1, 1), (2, 1, 7, 2, 1), (8, 2, 14, 4, 1), (16, 5, 25, 8, 2)],
)
def test_each_kind_has_its_own_threads(
    pages: int, downloads: int, in_all: int, own_pages: int, own_downloads: int
) -> None:
    threads = ThreadCounts.for_pages(pages)
    assert (threads.download, threads.total) == (downloads, in_all)
    assert threads.per_browser("page") == own_pages
    assert threads.per_browser("download") == own_downloads
    assert threads.page + threads.download + threads.file < threads.total, "one is left for health"


def test_no_wait_for_slow_holders() -> None:
    clock = Clock()
    slots = RequestSlots(ThreadCounts(page=2, download=1), clock)
    held = [slots.acquire("page", "a"), slots.acquire("page", "b")]
    clock.now = 5.0
    with pytest.raises(NoSlotError) as busy:
        slots.acquire("page", "c")
    assert (busy.value.own_limit, busy.value.retry_after) == (False, 2)
    held[0].release()
    assert slots.acquire("page", "c").owner == "c"
    assert slots.held("page") == 2


def test_waits_for_a_fast_holder() -> None:
    slots = RequestSlots(ThreadCounts(page=1, download=1), Clock())  # time stands still
    first = slots.acquire("page", "a")
    with ThreadPoolExecutor(1) as other:
        second = other.submit(slots.acquire, "page", "b")
        first.release()
        assert second.result(20).owner == "b"


def test_a_download_does_not_wait() -> None:
    slots = RequestSlots(ThreadCounts(page=1, download=1), Clock())
    slots.acquire("download", "a")
    with pytest.raises(NoSlotError) as busy:
        slots.acquire("download", "b")
    assert not busy.value.own_limit


def test_one_browser_may_hold_half() -> None:
    clock = Clock()
    slots = RequestSlots(ThreadCounts(page=8, download=2), clock)
    for _ in range(4):
        slots.acquire("page", "a")
    clock.now = 5.0
    with pytest.raises(NoSlotError) as busy:
        slots.acquire("page", "a")
    assert busy.value.own_limit
    assert slots.acquire("page", "b").owner == "b"
    assert slots.acquire("download", "a").kind == "download", "kinds do not share"


def test_a_slot_is_free_when_its_last_holder_releases_it() -> None:
    slots = RequestSlots(ThreadCounts(page=1, download=1))
    slot = slots.acquire("download", "a")
    slot.share()
    slot.release()
    assert slots.held("download") == 1
    slot.release()
    assert slots.held("download") == 0


def test_many_threads_never_hold_more_than_there_are() -> None:
    slots = RequestSlots(ThreadCounts(page=3, download=1))
    most, lock, inside = [0], threading.Lock(), [0]

    def visit(number: int) -> None:
        try:
            slot: RequestSlot = slots.acquire("page", str(number))
        except NoSlotError:
            return
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        slot.release()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(visit, range(400)))
    assert 1 <= most[0] <= 3
    assert slots.held("page") == 0


@pytest.fixture
def slots(app: Flask) -> RequestSlots:
    found: RequestSlots = app.extensions[SLOTS]
    return found


def test_slot_is_held_until_the_response_is_sent(app: Flask, slots: RequestSlots) -> None:
    visitor = Visitor(app)
    with visitor.client.get("/playground/settings", base_url=ORIGIN) as answer:
        assert slots.held("page") == 1
        assert answer.status_code == 200
    assert slots.held("page") == 0


def test_failure_releases_the_slot(app: Flask, slots: RequestSlots) -> None:
    visitor = Visitor(app)
    assert visitor.get("/no-such-page").status_code == 404
    assert (
        visitor.get(
            "/playground/settings", headers={"Origin": "x", "Sec-Fetch-Site": "cross-site"}
        ).status_code
        == 403
    )
    assert slots.held("page") == 0


def test_garbage_collected_response_releases_the_slot(app: Flask, slots: RequestSlots) -> None:
    environ = Visitor(app).client.get("/healthz", base_url=ORIGIN).request.environ
    body, _, _ = run_wsgi_app(app.wsgi_app, {**environ, "PATH_INFO": "/playground/settings"})
    assert slots.held("page") == 1
    del body
    gc.collect()
    assert slots.held("page") == 0


def test_request_without_a_slot_is_refused_with_retry_after(
    app: Flask, slots: RequestSlots, sandbox: object
) -> None:
    visitor = Visitor(app)
    token = visitor.token()
    held = [slots.acquire("page", str(number)) for number in range(8)]
    for slot in held:
        slot.since -= 60
    answer = visitor.client.post(
        "/playground/theme", data={"csrf_token": token, "theme": "dark"}, base_url=ORIGIN, buffered=True
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert visitor.get("/healthz").status_code == 200
    assert visitor.get("/playground/dashboard").status_code == 503
    for slot in held:
        slot.release()
    assert visitor.page("/playground/settings").html["data-theme"] != "dark"  # type: ignore[index]


def test_stalled_client_times_out(app: Flask) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = Visitor(app).client.get("/healthz", base_url=ORIGIN).request.environ
        body, status, _ = run_wsgi_app(app.wsgi_app, {**environ, "gunicorn.socket": ours}, buffered=True)
        assert (b"".join(body), status) == (b"ok\n", "200 OK")
        assert ours.gettimeout() == 20.0


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("unread", [b"", b"GET / HTTP/1.1\r\n"])
def test_closed_connection_is_detected(
    connection: tuple[socket.socket, socket.socket], unread: bytes
) -> None:
    ours, theirs = connection
    environ = {"gunicorn.socket": ours}
    theirs.sendall(unread)
    assert not client_disconnected(environ)
    theirs.close()
    assert client_disconnected(environ)
    ours.close()
    assert client_disconnected(environ)


def test_without_a_socket_no_disconnect_is_detected() -> None:
    assert not client_disconnected({})
