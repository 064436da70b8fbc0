"""niquests with its fork of urllib3 under a separate name, as documented."""

# /// script
# dependencies = ["niquests"]
#
# [tool.world]
# options = ["--no-binary", "urllib3-future"]
# variables = { URLLIB3_NO_OVERRIDE = "1" }
# ///

from __future__ import annotations

from tests.support.fault_server import echo

from .conftest import Secure
from .programs import run

PROGRAM = """
import json, sys
for name in sys.argv[3].split(","):
    __import__(name)
import niquests, octaspace
options = json.loads(sys.argv[2])
url = sys.argv[1]
with octaspace.Client("sk", base_url=url, keep_alive=True, **options) as client:
    ours = [client.send(octaspace.Request(method, "/ours")).data["path"] for method in ("GET", "POST")]
theirs = niquests.get(url + "/theirs", verify=options.get("ssl_verify", True)).json()["path"]
print(json.dumps([ours, theirs]))
"""


def test_both_work(way: Secure) -> None:
    for order in ("niquests,octaspace", "octaspace,niquests"):
        server = way.server(after=echo)
        answers = run(PROGRAM, arguments=(server.url, way.options_json, order))
        assert answers == [["/ours", "/ours"], "/theirs"]
