"""One client shared by gevent's greenlets, patched before the SDK is imported or after it."""

from __future__ import annotations

import json
import subprocess
import sys

import gevent
import pytest

from octaspace.transport.clock import SYSTEM_CLOCK, Deadline
from octaspace.transport.trace import Trace, current_trace, tracing
from tests.support.fault_server import echo

from .conftest import ServerFactory

PATCH = "from gevent import monkey; monkey.patch_all()"
IMPORT = "from octaspace import Client, Request"
CALLS = """
import json, sys
import gevent
# Looking the name up makes each greenlet wait between its first step and its sending.
client = Client("sk", base_url=sys.argv[1].replace("127.0.0.1", "localhost"),
                keep_alive=True, pool_size=4, pool_timeout=60)
def call(number):
    return client.send(Request("POST", f"/call/{number}", body=str(number))).data
answers = [g.get() for g in [gevent.spawn(call, number) for number in range(40)]]
print(json.dumps([answers, client.transport_stats()]))
"""


@pytest.mark.parametrize("order", [[PATCH, IMPORT], [IMPORT, PATCH]], ids=["patched-first", "patched-late"])
def test_greenlets_share_a_client(serve: ServerFactory, order: list[str]) -> None:
    server = serve(after=echo)
    script = "\n".join(["import warnings; warnings.simplefilter('ignore')", *order, CALLS])
    result = subprocess.run(
        [sys.executable, "-c", script, server.url], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    answers, stats = json.loads(result.stdout)
    assert [(a["path"], a["body"]) for a in answers] == [(f"/call/{n}", f'"{n}"') for n in range(40)]
    assert len(server.journal) == 40
    assert server.accepted == 4
    assert stats["pools"].popitem()[1] == {
        "size": 4, "available": 4, "in_use": 0, "created": 4, "reused": 36
    }  # fmt: skip


def test_each_greenlet_has_its_own_trace() -> None:
    def attempt() -> bool:
        trace = Trace(
            new_connection=False, read_timeout=1, write_timeout=1, deadline=Deadline(SYSTEM_CLOCK, None)
        )
        with tracing(trace):
            gevent.sleep(0)
            return current_trace.get() is trace

    greenlets = [gevent.spawn(attempt) for _ in range(3)]
    assert [greenlet.get() for greenlet in greenlets] == [True] * 3
    assert current_trace.get(None) is None
