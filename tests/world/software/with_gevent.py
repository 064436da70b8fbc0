"""gevent's greenlets, the process patched before octaspace is imported or after it."""

# /// script
# dependencies = ["gevent"]
# ///

from __future__ import annotations

import pytest

from tests.support.fault_server import echo, stall

from .conftest import Secure
from .programs import run

PATCH = """
import warnings
warnings.simplefilter("ignore")
from gevent import monkey
monkey.patch_all()
"""
IMPORT = "import json, sys, gevent, octaspace"
CALLS = """
options = json.loads(sys.argv[2])
# Looking the name up makes each greenlet wait between its first step and its sending.
client = octaspace.Client("sk", base_url=sys.argv[1].replace("127.0.0.1", "localhost"), keep_alive=True,
                          pool_size=4, pool_timeout=60, max_retries=0, **options)
def call(number):
    return client.send(octaspace.Request("POST", f"/call/{number}", body=str(number))).data
answers = [greenlet.get() for greenlet in [gevent.spawn(call, number) for number in range(40)]]
print(json.dumps([answers, client.transport_stats()]))
"""
WAITING = """
options = json.loads(sys.argv[2])
client = octaspace.Client("sk", base_url=sys.argv[1], max_retries=0, read_timeout=0.2, **options)
others = []
def other():
    while True:
        others.append(1)
        gevent.sleep(0.01)
gevent.spawn(other)
try:
    client.network.info()
except octaspace.TimeoutError as error:
    print(json.dumps([error.phase, len(others) > 1]))
"""


@pytest.mark.parametrize("order", [[PATCH, IMPORT], [IMPORT, PATCH]], ids=["patched-first", "patched-late"])
def test_greenlets_share_a_client(way: Secure, order: list[str]) -> None:
    server = way.server(after=echo)
    answers, stats = run(*order, CALLS, arguments=(server.url, way.options_json))
    assert [(a["path"], a["body"]) for a in answers] == [(f"/call/{n}", f'"{n}"') for n in range(40)]
    assert len(server.journal) == 40
    assert server.accepted == 4
    assert stats["pools"].popitem()[1] == {
        "size": 4, "available": 4, "in_use": 0, "created": 4, "reused": 36
    }  # fmt: skip


def test_a_greenlet_that_waits_lets_the_others_run_and_keeps_its_limit(way: Secure) -> None:
    server = way.server(after=stall)
    assert run(PATCH, IMPORT, WAITING, arguments=(server.url, way.options_json)) == ["read", True]
