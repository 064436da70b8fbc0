"""requests-cache, installed for the whole process: it must not answer for the API."""

# /// script
# dependencies = ["requests-cache"]
# ///

from __future__ import annotations

import pytest

from tests.support.fault_server import Exchange, answer, http
from tests.wire.conftest import ServerFactory

from .programs import run

INSTALL = """
import requests_cache
requests_cache.install_cache("octaspace", backend="memory", allowable_methods=("GET", "POST"))
"""
IMPORT = "import json, sys, octaspace"
REBOOTS = """
with octaspace.Client("sk", base_url=sys.argv[1]) as client:
    for _ in range(2):
        client.nodes.reboot(7)
import requests
for _ in range(2):
    requests.get(sys.argv[1] + "/cached")
print(json.dumps(requests_cache.is_installed()))
"""
TWO_KEYS = """
seen = []
for key in ("one", "two", "one"):
    with octaspace.Client(key, base_url=sys.argv[1]) as client:
        seen.append(client.accounts.profile().data["email"])
print(json.dumps(seen))
"""

orders = pytest.mark.parametrize(
    "order",
    [
        pytest.param([INSTALL, IMPORT], id="installed-first"),
        pytest.param([IMPORT, INSTALL], id="installed-late"),
    ],
)


def whose(exchange: Exchange) -> bool:
    """Answer with the key that asked."""
    arrival = exchange.read_request()
    if arrival is not None:
        exchange.send(http(200, b'{"email": "%s"}' % arrival.headers["authorization"].encode()))
    return False


@orders
def test_two_reboots_are_two_requests(serve: ServerFactory, order: list[str]) -> None:
    server = serve(after=answer({}, headers={"Cache-Control": "max-age=600"}))
    assert run(*order, REBOOTS, arguments=(server.url,)) is True
    # The process's own use of requests is cached as it was told to be.
    assert [arrival.path for arrival in server.journal] == ["/nodes/7/reboot", "/nodes/7/reboot", "/cached"]


@orders
def test_no_key_gets_the_data_of_another(serve: ServerFactory, order: list[str]) -> None:
    server = serve(after=whose)
    assert run(*order, TWO_KEYS, arguments=(server.url,)) == ["one", "two", "one"]
    assert len(server.journal) == 3
