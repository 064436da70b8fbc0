"""A handler of the program for signals uses the SDK while the thread that it interrupts is in a call.

Each program runs in a process of its own, and ends itself with a report of its threads if it hangs.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.running_playground import ROOT, bare_environment

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no such signals")

_PROGRAM = """
import faulthandler, signal, sys, threading
import octaspace
from octaspace.sandbox import SandboxServer

faulthandler.dump_traceback_later(90, exit=True)  # a deadlock
sandbox = SandboxServer(ports=(0, 0)).start()
ended = []


class Watching(octaspace.Observer):
    def call_finished(self, event):
        ended.append(event.operation)


def client(**options):
    return octaspace.Client(
        "some-key", base_urls=sandbox.urls, keep_alive=True, pool_size=2, retry_interval=0.01,
        failure_cooldown=0.05, observers=[Watching()], **options,
    )


def call(which):
    which.nodes.list()
    which.apps.list()
    which.with_options(cache_ttl=60).apps.list()
    which.transport_stats()
"""

#: The handler runs at lines of the modules with locks and of cachetools, with any lock that the line holds.
_AT_EACH_LINE = """
line, handled, in_handler = 0, 0, False
LOCKED = tuple(f"octaspace.transport.{name}" for name in (
    "pool", "endpoints", "counters", "single_flight", "response_cache", "closing",
)) + ("cachetools", "threading")


def handler(number, frame):
    global handled, in_handler
    in_handler = True
    handled += 1
    ACTION
    in_handler = False


def trace(frame, event, argument):
    global line
    if in_handler or not frame.f_globals.get("__name__", "").startswith(LOCKED):
        return None
    if event == "line":
        line += 1
        if line == chosen:
            signal.raise_signal(signal.SIGUSR1)
    return trace


signal.signal(signal.SIGUSR1, handler)
chosen, step = int(sys.argv[1]), int(sys.argv[2])
while True:
    main, line, handled = client(cache_ttl=60), 0, 0
    sandbox.faults.remove_all()
    sandbox.faults.add("status", endpoint=sandbox.ports[0], status=503, count=1)
    sandbox.faults.add("drop_before_read", endpoint=sandbox.ports[0], count=1)
    sys.settrace(trace)
    try:
        call(main)
    except octaspace.ConfigurationError as error:
        assert "closed" in str(error), error
    sys.settrace(None)
    main.close()
    if not handled:
        break
    chosen += step
assert chosen > 300, chosen
print("done")
"""

_BURST = """
handled, in_handler = 0, False


def handler(number, frame):
    global handled, in_handler
    if in_handler:
        return
    in_handler = True
    handled += 1
    try:
        call(main)
        octaspace.client().network.info()
        main.clear_cache()
    finally:
        in_handler = False


octaspace.configure(api_key="some-key", base_urls=sandbox.urls, keep_alive=True)
main = client(cache_ttl=0.001, cache_stale=0.001)
shared = octaspace.client()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0013)
calls = 0
while handled < 150:
    call(main)
    assert octaspace.client() is shared
    calls += 1
signal.setitimer(signal.ITIMER_REAL, 0)
pools = main.transport_stats()["pools"]
assert [pool["in_use"] for pool in pools.values()] == [0, 0], pools
assert len(ended) >= 3 * (calls + handled), (len(ended), calls, handled)
print("done")
"""

_LAST_CONNECTION = """
raised = []


def handler(number, frame):
    try:
        main.network.info()
    except octaspace.TimeoutError as error:
        raised.append(error.phase)


main = octaspace.Client(
    "some-key", base_url=sandbox.url, keep_alive=True, pool_size=1, pool_timeout=0.1, max_retries=0
)
main.network.info()
sandbox.faults.add("slow", seconds=2, path="/nodes")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.5)
assert main.nodes.list().status == 200
assert raised == ["pool"], raised
print("done")
"""


def run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM + program, *arguments],
        env={**bare_environment(), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=115,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith("done")


@pytest.mark.parametrize(
    ("first", "action"),
    [("1", "call(main)"), ("2", "main.close()"), ("3", "main.clear_cache()")],
    ids=["call", "close", "clear"],
)
def test_at_lines_that_hold_locks(first: str, action: str) -> None:
    run(_AT_EACH_LINE.replace("ACTION", action), first, "5")


def test_a_burst_of_signals_during_calls() -> None:
    run(_BURST)


def test_interrupted_call_keeps_the_last_connection() -> None:
    run(_LAST_CONNECTION)
