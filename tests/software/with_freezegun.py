"""freezegun: while time stands still, limits, cooldowns and pools go by the time that passes."""

# /// script
# dependencies = ["freezegun"]
# ///

from __future__ import annotations

import pytest

from tests.support.fault_server import drip, echo, http, stall
from tests.wire.conftest import ServerFactory

from .conftest import Secure
from .programs import run

START = "import json, sys, threading, warnings, freezegun"
IMPORT = "import octaspace"
FREEZE = "frozen = freezegun.freeze_time('2031-05-05'); frozen.start()"

orders = pytest.mark.parametrize(
    "order", [[START, IMPORT, FREEZE], [START, FREEZE, IMPORT]], ids=["frozen-after-import", "frozen-before"]
)


@orders
@pytest.mark.parametrize("limit", ["total_timeout", "read_timeout"])
def test_limits(serve: ServerFactory, order: list[str], limit: str) -> None:
    slow = drip(http(200, b'["this takes more than a second"]'), 0.02)
    server = serve(after=slow if limit == "total_timeout" else stall)
    program = """
client = octaspace.Client("sk", base_url=sys.argv[1], max_retries=0, **{sys.argv[2]: 0.2})
try:
    client.nodes.list()
except octaspace.TimeoutError as error:
    print(json.dumps(error.phase))
"""
    assert run(*order, program, arguments=(server.url, limit)) == limit.removesuffix("_timeout")


@orders
def test_a_wait_for_a_connection_ends(serve: ServerFactory, order: list[str]) -> None:
    program = """
client = octaspace.Client("sk", base_url=sys.argv[1], keep_alive=True, pool_size=1, pool_timeout=0.1,
                          read_timeout=5, max_retries=0)
def hold():
    try:
        client.nodes.list()
    except octaspace.Error:
        pass
holding = threading.Thread(target=hold)
holding.start()
while not client.transport_stats()["pools"][sys.argv[1]]["in_use"]:
    threading.Event().wait(0.01)
try:
    client.nodes.list()
except octaspace.TimeoutError as error:
    print(json.dumps(error.phase), flush=True)
"""
    assert run(*order, program, arguments=(serve(after=stall).url,)) == "pool"


@orders
def test_a_cooldown_ends_in_frozen_time_and_after_it(serve: ServerFactory, order: list[str]) -> None:
    gone, server = serve(after=echo), serve(after=echo)
    gone.refuse()
    program = """
def rotator(client):
    return client.transport_stats()["rotator"]["available"]
def recovers(client):
    for _ in range(500):
        if rotator(client) == 2:
            return True
        threading.Event().wait(0.01)
    return False
def failed(cooldown):
    client = octaspace.Client("sk", base_urls=sys.argv[1:3], failure_cooldown=cooldown)
    client.nodes.list(); client.nodes.list()
    return client
seen = []
client = failed(60)
seen.append(rotator(client))
brief = failed(0.2)
seen.append(recovers(brief))
again = failed(1)
frozen.stop()
seen.append(rotator(client))
seen.append(recovers(again))
print(json.dumps(seen))
"""
    assert run(*order, program, arguments=(gone.url, server.url)) == [1, True, 1, True]


@orders
def test_an_idle_connection_ends_and_a_fresh_one_does_not(serve: ServerFactory, order: list[str]) -> None:
    program = """
def created(client):
    return client.transport_stats()["pools"][sys.argv[1]]["created"]
def of(seconds):
    return octaspace.Client("sk", base_url=sys.argv[1], keep_alive=True, idle_timeout=seconds)
soon, late = of(0.1), of(600)
for client in (soon, late):
    client.nodes.list()
threading.Event().wait(0.2)
for client in (soon, late):
    client.nodes.list()
frozen.stop()
late.nodes.list()
print(json.dumps([created(soon), created(late)]))
"""
    assert run(*order, program, arguments=(serve(after=echo).url,)) == [2, 1]


@orders
def test_calls_far_in_the_past(way: Secure, order: list[str]) -> None:
    server = way.server(after=echo)
    program = """
from urllib3.exceptions import SystemTimeWarning
options = json.loads(sys.argv[2])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with octaspace.Client("sk", base_url=sys.argv[1], total_timeout=30, **options) as client:
        paths = [client.send(octaspace.Request(method, "/past")).data["path"] for method in ("GET", "POST")]
print(json.dumps([paths, sorted({warning.category.__name__ for warning in said})]))
"""
    order = [line.replace("2031", "1999") for line in order]
    paths, warned = run(*order, program, arguments=(server.url, way.options_json))
    assert paths == ["/past", "/past"]
    # urllib3's own, for whoever talks TLS with such a clock.
    assert warned == ([] if way.tls is None else ["SystemTimeWarning"])
