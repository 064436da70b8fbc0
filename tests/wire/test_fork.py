"""A forked child never touches its parent's sockets, and never waits for a thread it does not have."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import gc
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import octaspace
from octaspace import Client, Request, Response
from octaspace.transport.tls import _openssl_lock
from tests.support.fault_server import echo
from tests.support.forked_child import in_child
from tests.support.gate import Gate
from tests.support.waiting import until

from .conftest import PLAIN, WAYS, ClientFactory, ServerFactory, Way
from .requests_to_send import CHANGE, READ

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def fork_in_c(*, threads: int = 1) -> int:
    """Fork as a program in C does (uWSGI): Python's hooks do not run.

    The interpreter's lock is copied as it is. With other threads waiting for it, the child may wait forever
    whatever it does, so this is for a process with one thread, as `in_child` makes it, or with `threads` of
    which the others do nothing.
    """
    assert threading.active_count() == threads
    faulthandler.cancel_dump_traceback_later()  # the child would wait for the thread behind it
    pid: int = ctypes.PyDLL(None).fork()  # keeps the interpreter's lock, so the child has it too
    return pid


def connections(client: Client, path: str, times: int) -> list[int]:
    seen = []
    for number in range(times):
        answer = client.send(Request("GET", f"{path}/{number}")).data
        assert answer["path"] == f"{path}/{number}", "this is the answer to another request"
        seen.append(answer["connection"])
    return seen


def test_children_of_a_used_client_have_their_own_connections(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    client = connect(server)
    mine = set(connections(client, "/parent", 3))
    for number in range(20):
        theirs = in_child(lambda number=number: connections(client, f"/child{number}", 3))
        assert isinstance(theirs, list)
        assert len(set(theirs)) == 1
        assert mine.isdisjoint(theirs)
    assert set(connections(client, "/parent", 3)) == mine
    assert in_child(lambda: client.transport_stats()["requests"]) == 0


@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_children_of_a_fork_in_c_have_their_own_connections(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers)
    derived = client.with_options(api_key="sk-other")

    def work() -> list[list[object]]:
        answers = [one.send(READ) for one in (client, derived) * len(servers)]
        assert client.transport_stats()["requests"] == len(answers)
        return [list(url_and_connection(answer)) for answer in answers]

    def program() -> None:
        mine = {url_and_connection(client.send(READ)) for _ in servers}
        for _ in range(3):
            theirs = in_child(work, fork_in_c)
            assert isinstance(theirs, list)
            assert mine.isdisjoint({(url, connection) for url, connection in theirs})
        again = {url_and_connection(client.send(CHANGE)) for _ in servers}
        assert {url for url, _ in again} == {url for url, _ in mine}

    in_child(program)


def url_and_connection(answer: Response[Any]) -> tuple[str, int]:
    return answer.url.partition("/nodes")[0].partition("/services")[0], answer.data["connection"]


def test_threads_of_a_child_of_a_fork_in_c_reinitialize_once(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=8)

    def work() -> int:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: connections(client, f"/child{number}", 5), range(8)))
        requests: int = client.transport_stats()["requests"]
        return requests

    def program() -> None:
        connections(client, "/parent", 1)
        for _ in range(5):
            assert in_child(work, fork_in_c) == 40

    in_child(program)


def test_a_child_of_a_fork_in_c_can_fork_after_a_handshake_in_the_parent() -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with _openssl_lock:
            held.set()
            release.wait()

    def work() -> int:
        if (pid := os.fork()) == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def program() -> None:
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        try:
            assert in_child(work, lambda: fork_in_c(threads=2)) == 7
        finally:
            release.set()
            thread.join()

    in_child(program)


def test_a_child_of_a_fork_in_c_has_its_own_shared_client(serve: ServerFactory) -> None:
    octaspace.configure(base_url=serve(after=echo).url, keep_alive=True)

    def program() -> None:
        first = octaspace.client()
        first.send(READ)
        with octaspace._shared._shared.lock:  # as if held by another thread
            own = in_child(
                lambda: octaspace.client().send(READ).ok and octaspace.client() is not first, fork_in_c
            )
        assert own is True
        assert octaspace.client() is first

    in_child(program)


def test_children_of_a_client_with_calls_in_flight(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=4, pool_timeout=60)
    stop = threading.Event()
    wrong: list[str] = []

    def keep_busy(number: int) -> None:
        while not stop.is_set():
            path = f"/thread{number}"
            if client.send(Request("GET", path)).data["path"] != path:
                wrong.append(path)

    threads = [threading.Thread(target=keep_busy, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(30):
            in_child(lambda number=number: connections(client, f"/child{number}", 2))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


# Over TLS this is in `test_chaos`: there the servers run in their own process. Here their threads would be
# in the middle of OpenSSL at a fork, and what they hold there would be held in the child forever.
@pytest.mark.parametrize("way", PLAIN, indirect=True)
def test_the_whole_stack_in_children_while_other_threads_call(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers, pool_size=2, pool_timeout=60)
    stop = threading.Event()
    wrong: list[str] = []

    def keep_busy(number: int) -> None:
        while not stop.is_set():
            path = f"/thread{number}"
            if client.send(Request("POST", path)).data["path"] != path:
                wrong.append(path)

    threads = [threading.Thread(target=keep_busy, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            in_child(lambda number=number: connections(client, f"/child{number}", 4))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert all(server.journal for server in servers)


def sockets() -> set[str]:
    """The sockets that this process has open, by inode."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="this system has no /proc")
@pytest.mark.parametrize("moment", ["connecting", "in the handshake", "waiting for the answer", "idle"])
def test_a_child_has_none_of_its_parents_sockets(
    serve: ServerFactory, connect: ClientFactory, moment: str
) -> None:
    gate = Gate()
    server = serve(
        after=echo if moment == "idle" else gate,
        handshake=moment != "in the handshake",
        accepts=moment != "connecting",
        backlog=0 if moment == "connecting" else 16,
    )
    # With one connection that is not accepted the queue is full, and the next one is not answered.
    address = "127.0.0.1", server.port
    filler = socket.create_connection(address) if moment == "connecting" else contextlib.nullcontext()
    scheme = "https" if moment == "in the handshake" else "http"
    client = connect(server, base_url=f"{scheme}://127.0.0.1:{server.port}", open_timeout=30, max_retries=0)
    with filler, ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.send, READ)
        if moment == "idle":
            call.result()
        elif moment == "waiting for the answer":
            gate.arrived.acquire()
        elif moment == "in the handshake":
            server.greeted.wait(30)
        else:
            until(lambda: inodes_of(client))
        # The server's end of the connection is in this process too.
        of_client = {f"socket:[{inode}]" for inode in inodes_of(client)}
        assert of_client & sockets()
        in_the_child = in_child(lambda: sorted(sockets()))
        assert isinstance(in_the_child, list)
        assert of_client.isdisjoint(in_the_child)
        gate.open()
        if moment in ("connecting", "in the handshake"):
            server.refuse()  # which ends that as well
        assert (call.exception() is None) is (moment in ("idle", "waiting for the answer"))


def inodes_of(client: Client) -> list[int]:
    known = client._transport.pools._policy.connections
    return [connection._descriptor[1] for connection in known if connection._descriptor is not None]


def test_an_exiting_child_sends_nothing_on_the_parents_connections(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers)
    mine = [client.send(READ).data["connection"] for _ in servers]

    def end() -> None:
        gc.collect()
        atexit._run_exitfuncs()

    in_child(end)
    for _ in servers:
        response = client.send(CHANGE)
        assert response.attempts == 1
        assert (response.data["connection"] in mine) is way.keep_alive


def test_the_whole_pool_is_free_in_a_child(serve: ServerFactory, connect: ClientFactory) -> None:
    gate = Gate()
    server = serve(gate, after=echo)
    client = connect(server, pool_size=1, pool_timeout=0)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.send, READ)
        gate.arrived.acquire()
        assert in_child(lambda: client.send(READ).ok) is True
        gate.open()
        assert held.result().ok


def test_a_child_of_a_closed_client_is_closed(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve(after=echo))
    client.send(READ)
    client.close()
    with pytest.raises(AssertionError, match="the client is closed"):
        in_child(lambda: client.send(READ))


def test_a_child_starts_without_cooldowns(serve: ServerFactory, connect: ClientFactory) -> None:
    bad, good = serve(after=echo), serve(after=echo)
    client = connect(bad, good)
    bad.refuse()
    client.send(READ)
    assert client.transport_stats()["rotator"]["available"] == 1
    rotator = in_child(lambda: client.transport_stats()["rotator"])
    assert rotator == {"total": 2, "available": 2, "failed": [], "cooldown_left": {}}


def test_a_derived_client_works_in_a_child(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server)
    derived = client.with_options(api_key="sk-other")
    connections(derived, "/parent", 1)
    in_child(lambda: connections(derived, "/child", 2))
    assert server.journal[-1].headers["authorization"] == "sk-other"


def test_a_child_creates_a_new_shared_client(serve: ServerFactory) -> None:
    server = serve(after=echo)
    octaspace.configure(base_url=server.url, keep_alive=True)
    first = octaspace.client()
    first.send(READ)

    def work() -> bool:
        assert octaspace.client() is not first
        return octaspace.client() is octaspace.client() and octaspace.client().send(READ).ok

    assert in_child(work) is True
    assert octaspace.client() is first
