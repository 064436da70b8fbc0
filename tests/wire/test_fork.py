"""A forked child never touches its parent's sockets, and never waits for a thread it does not have."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable

import pytest

import octaspace
from octaspace import Client, Request
from tests.support.fault_server import echo

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import READ

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def in_child(work: Callable[[], object]) -> object:
    """Run in a forked child and return what it returned; its exception fails the test."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = {"result": work()}
        except BaseException as error:
            result = {"error": repr(error)}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        outcome = json.loads(pipe.read())
    os.waitpid(pid, 0)
    assert "error" not in outcome, outcome["error"]
    return outcome["result"]


def connections(client: Client, path: str, times: int) -> list[int]:
    seen = []
    for number in range(times):
        answer = client.send(Request("GET", f"{path}/{number}")).data
        assert answer["path"] == f"{path}/{number}", "this is the answer to another request"
        seen.append(answer["connection"])
    return seen


def test_children_of_a_used_client_have_connections_of_their_own(
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


def test_a_derived_client_works_in_a_child(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server)
    derived = client.with_options(api_key="sk-other")
    connections(derived, "/parent", 1)
    in_child(lambda: connections(derived, "/child", 2))
    assert server.journal[-1].headers["authorization"] == "sk-other"


def test_the_shared_client_is_made_anew(serve: ServerFactory) -> None:
    server = serve(after=echo)
    octaspace.configure(base_url=server.url, keep_alive=True)
    first = octaspace.client()
    first.send(READ)

    def work() -> bool:
        assert octaspace.client() is not first
        return octaspace.client() is octaspace.client() and octaspace.client().send(READ).ok

    assert in_child(work) is True
    assert octaspace.client() is first
