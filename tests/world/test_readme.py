"""The README's first Python block, unchanged, at the real address."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.namespaces import ROOT
from tests.support.waiting import until

from .commands import python
from .conftest import Api

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def first_block() -> str:
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found is not None
    return found[1]


def test_the_first_block_rents_a_machine_and_stops_it(api: Api, tmp_path: Path) -> None:
    api.sandbox.reset(ready_after=0.0)
    running = {rental.uuid for rental in api.sandbox.world.active()}
    served = len(api.space.served())
    (tmp_path / "readme.py").write_text(first_block())

    done = python(tmp_path, "readme.py")

    assert (done.returncode, done.stderr) == (0, "")
    offer, address = done.stdout.splitlines()
    node, model = offer.split(" ", 1)
    assert "NVIDIA" in model
    assert re.fullmatch(r"[0-9a-f.:]+", address)
    created, stopped = (entry for entry in api.sandbox.journal.entries() if entry.change)
    assert (created.method, created.path) == ("POST", "/services/mr")
    assert [item["node_id"] for item in json.loads(created.body)] == [int(node)]
    assert re.fullmatch(r"/services/[^/]+/stop", stopped.path)
    assert api.sandbox.journal.summary()["repeated"] == []
    assert {rental.uuid for rental in api.sandbox.world.active()} == running

    # The address is the real one, and its connection was kept.
    arrived = len(api.sandbox.journal.entries())
    until(lambda: len(api.space.served()) == served + arrived)
    requests = api.space.served()[served:]
    assert {request.host for request in requests} == {"api.octa.space"}
    assert len({request.connection for request in requests}) == 1


def test_without_the_ca_nothing_is_sent(api: Api, tmp_path: Path) -> None:
    """This shows that the run above verified the certificate."""
    done = python(tmp_path, "-c", first_block(), REQUESTS_CA_BUNDLE="")
    assert done.returncode == 1
    assert "octaspace.errors.ConnectionError" in done.stderr
    assert "certificate verify failed" in done.stderr
    assert api.sandbox.journal.entries() == []
