"""What must hold with green threads, whoever makes them. `with_eventlet.py` and `with_gevent.py` run it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from tests.support.fault_server import echo, stall
from tests.wire.conftest import ServerFactory

from .conftest import Secure
from .programs import run


@dataclass(frozen=True)
class Green:
    """A library of green threads.

    Attributes:
        patch: Patches the process.
        names: Defines `spawn(function)`, `sleep(seconds)`, and `gather(function, numbers)`, which calls the
            function in a green thread for each number and returns what it returned.
    """

    patch: str
    names: str


IMPORT = "import json, sys, octaspace"
CALLS = """
options = json.loads(sys.argv[2])
# Looking the name up makes each green thread wait between its first step and its sending.
client = octaspace.Client("sk", base_url=sys.argv[1].replace("127.0.0.1", "localhost"), keep_alive=True,
                          pool_size=4, pool_timeout=60, max_retries=0, **options)
def call(number):
    return client.send(octaspace.Request("POST", f"/call/{number}", body=str(number))).data
print(json.dumps([gather(call, range(40)), client.transport_stats()]))
"""
WAITING = """
options = json.loads(sys.argv[2])
client = octaspace.Client("sk", base_url=sys.argv[1], max_retries=0, read_timeout=0.2, **options)
others = []
def other():
    while True:
        others.append(1)
        sleep(0.01)
spawn(other)
try:
    client.network.info()
except octaspace.TimeoutError as error:
    print(json.dumps([error.phase, len(others) > 1]))
"""
REFUSED = """
try:
    octaspace.Client("sk", base_url=sys.argv[1]).network.info()
except octaspace.ConfigurationError as error:
    print(json.dumps(str(error)))
"""


def test_green_threads_share_a_client(green: Green, way: Secure) -> None:
    server = way.server(after=echo)
    program = [green.patch, IMPORT, green.names, CALLS]
    answers, stats = run(*program, arguments=(server.url, way.options_json))
    assert [(a["path"], a["body"]) for a in answers] == [(f"/call/{n}", f'"{n}"') for n in range(40)]
    assert len(server.journal) == 40
    assert server.accepted == 4
    assert stats["pools"].popitem()[1] == {
        "size": 4, "available": 4, "in_use": 0, "created": 4, "reused": 36
    }  # fmt: skip


def test_one_that_waits_lets_the_others_run_and_keeps_its_limit(green: Green, way: Secure) -> None:
    server = way.server(after=stall)
    program = [green.patch, IMPORT, green.names, WAITING]
    assert run(*program, arguments=(server.url, way.options_json)) == ["read", True]


def test_patched_late(green: Green, serve: ServerFactory) -> None:
    server = serve(after=echo)
    answers, _ = run(IMPORT, green.patch, green.names, CALLS, arguments=(server.url, "{}"))
    assert [answer["path"] for answer in answers] == [f"/call/{number}" for number in range(40)]


def test_patched_too_late_for_tls_is_refused(green: Green, serve: ServerFactory, tls: ssl.SSLContext) -> None:
    server = serve(after=echo, tls=tls)
    said = run(IMPORT, green.patch, REFUSED, arguments=(server.url,))
    assert "before any other import" in said
    assert server.journal == []
