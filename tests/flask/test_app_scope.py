"""The client of an app: one per process, kept between requests, closed at the end."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import octaspace
from flask_octaspace import current_octaspace
from flask_octaspace.client import AppClient

from ..support.fault_server import FaultServer, echo
from .conftest import KEY, MakeApp, no_open_sockets, run_script

APP = """
import os, sys
from flask import Flask
from flask_octaspace import OctaSpace
octa = OctaSpace()
app = Flask("script")
octa.init_app(app, base_url=sys.argv[1], keep_alive=True)
"""


def test_it_is_the_same_one_for_every_context(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()

    @app.get("/")
    def view() -> str:
        assert octa.client is current_octaspace._get_current_object()
        octa.client.nodes.list()
        return str(id(octa.client))

    seen = {app.test_client().get("/").text for _ in range(5)}
    with app.app_context():
        seen.add(str(id(octa.client)))
    assert len(seen) == 1
    assert len(api.journal) == 5
    assert api.accepted == 1, "the connection is kept between requests"
    assert api.open_count == 1, "and after them"


def test_threads_share_it_and_its_bound(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(OCTASPACE_POOL_SIZE=2, OCTASPACE_POOL_TIMEOUT=30)
    together = threading.Barrier(8)

    def call(_: int) -> int:
        together.wait(10)
        with app.app_context():
            client = octa.client
            client.nodes.list()
            return id(client)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(call, range(8)))) == 1
    assert len(api.journal) == 8
    assert api.accepted <= 2


def test_the_proxy_is_as_good_as_the_client(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app()
    with app.app_context():
        assert isinstance(current_octaspace, octaspace.Client)
        assert current_octaspace.config.api_key == KEY
        assert current_octaspace.nodes.find(7).data == {"ok": True}
        assert KEY not in repr(current_octaspace)
    assert api.journal[0].path == "/nodes/7"
    assert api.journal[0].headers["authorization"] == KEY


def test_closing_is_not_an_end(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    other, other_octa = make_app(name="other")
    with app.app_context():
        first = octa.client
        first.nodes.list()
    with other.app_context():
        other_octa.client.nodes.list()
    octa.close(app)
    octa.close(app)
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        first.nodes.list()
    with app.app_context():
        second = octa.client
        assert second is not first
        assert second.nodes.list().ok
        octa.close()
    other_octa.close(other)
    no_open_sockets(api)


def test_a_client_that_somebody_closed_is_replaced(make_app: MakeApp) -> None:
    app, octa = make_app()
    with app.app_context():
        octa.client.with_options(max_retries=0).close()
        first = octa.client
        first.shutdown()
        assert octa.client is not first
        assert octa.client.nodes.list().ok


def test_a_derived_client_borrows_its_sockets(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    with app.app_context():
        octa.client.nodes.list()
        derived = octa.client.with_options(api_key="another")
        assert isinstance(derived, AppClient)
        derived.nodes.list()
    assert [arrival.headers["authorization"] for arrival in api.journal] == [KEY, "another"]
    assert api.accepted == 1


def test_without_keep_alive_nothing_stays_open(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(OCTASPACE_KEEP_ALIVE=False)
    with app.app_context():
        octa.client.nodes.list()
        octa.client.nodes.list()
        assert api.accepted == 2
        no_open_sockets(api)


def test_it_is_closed_at_exit(api: FaultServer) -> None:
    # What is registered first runs last, after the extension's own.
    script = """
import atexit
kept = []
atexit.register(lambda: print("closed" if kept[0].closed else "open"))
"""
    use = """
with app.app_context():
    octa.client.network.info()
    kept.append(octa.client)
"""
    assert run_script(script + APP + use, api.url) == "closed\n"
    assert len(api.journal) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_begins_without_one(api: FaultServer) -> None:
    api.after = echo
    use = """
from octaspace import Request
with app.app_context():
    first = octa.client
    mine = first.send(Request("GET", "/")).data["connection"]
    pid = os.fork()
    assert (octa.client is first) == (pid != 0)
    answer = octa.client.send(Request("GET", "/")).data
    assert (answer["connection"] == mine) == (pid != 0)
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    print("ok")
"""
    assert run_script(APP + use, api.url) == "ok\n"
    assert api.accepted == 2
    no_open_sockets(api)
