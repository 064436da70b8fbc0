"""Contexts beyond a request: background threads, copied contexts, async views, commands."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import click
import pytest
from flask import copy_current_request_context, request

import octaspace
from flask_octaspace import current_octaspace

from ..support.fault_server import FaultServer
from .conftest import KEY, MakeApp, no_open_sockets

SCOPES = pytest.mark.parametrize("scope", ["app", "context"])


@SCOPES
def test_a_background_thread_with_its_own_app_context(
    make_app: MakeApp, api: FaultServer, scope: str
) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    over = threading.Event()
    seen: list[octaspace.Client] = []

    def work() -> int | None:
        with app.app_context():
            seen.append(octa.client)
            current_octaspace.nodes.list()
            assert over.wait(10), "the request has to end first"
            return current_octaspace.nodes.list().status

    with ThreadPoolExecutor(1) as threads:

        @app.get("/")
        def view() -> str:
            results.append(threads.submit(work))
            seen.append(octa.client)
            octa.client.nodes.list()
            return "started"

        results = []
        assert app.test_client().get("/").text == "started"
        over.set()
        assert results[0].result() == 200
    assert (seen[0] is seen[1]) == (scope == "app")
    octa.close(app)
    no_open_sockets(api)


def test_a_thread_without_an_app_context_is_told(make_app: MakeApp) -> None:
    app, octa = make_app()
    with app.app_context(), ThreadPoolExecutor(1) as threads:
        for use in (lambda: octa.client, lambda: current_octaspace.nodes):
            with pytest.raises(RuntimeError, match="outside of application context"):
                threads.submit(use).result()


def test_a_thread_that_outlives_its_context_is_refused(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    over = threading.Event()

    def work(client: octaspace.Client) -> int | None:
        client.nodes.list()
        assert over.wait(10)
        return client.nodes.list().status

    with ThreadPoolExecutor(1) as threads:
        with app.app_context():
            result = threads.submit(work, octa.client_for("theirs"))
            octa.client_for("theirs").nodes.list()
        over.set()
        with pytest.raises(octaspace.ConfigurationError, match="an app context that is over"):
            result.result()
    no_open_sockets(api)


@SCOPES
def test_threads_with_a_copy_of_the_context_share_its_clients(
    make_app: MakeApp, api: FaultServer, scope: str
) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)

    def work() -> int:
        current_octaspace.nodes.list()
        return id(octa.client_for("theirs"))

    with app.app_context(), ThreadPoolExecutor(8) as threads:
        copies = [contextvars.copy_context() for _ in range(8)]
        seen = {result.result() for result in [threads.submit(copy.run, work) for copy in copies]}
        assert seen == {id(octa.client_for("theirs"))}
    octa.close(app)
    no_open_sockets(api)


def test_a_copy_that_outlives_its_context_leaves_nothing_open(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE="context")
    with app.app_context():
        octa.client.nodes.list()
        copy = contextvars.copy_context()
    assert copy.run(lambda: octa.client.nodes.list().ok)
    no_open_sockets(api)


@SCOPES
def test_copy_current_request_context(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    over = threading.Event()

    with ThreadPoolExecutor(1) as threads:

        @app.get("/<word>")
        def view(word: str) -> str:
            octa.client.nodes.list()

            @copy_current_request_context
            def work() -> str:
                current_octaspace.nodes.find(request.path.strip("/"))
                assert over.wait(10), "the request has to end first"
                return str(octa.client_for("theirs").nodes.list().status)

            results.append(threads.submit(work))
            return "started"

        results = []
        assert app.test_client().get("/word").text == "started"
        over.set()
        assert results[0].result() == "200"
    assert "/nodes/word" in [arrival.path for arrival in api.journal]
    octa.close(app)
    no_open_sockets(api)


@SCOPES
def test_async_views(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)

    @app.get("/")
    async def view() -> str:
        client = octa.client
        first = current_octaspace.nodes.list()
        # The SDK blocks, so what runs at the same time runs in threads.
        others = await asyncio.gather(*[asyncio.to_thread(octa.client.nodes.find, n) for n in range(3)])
        await asyncio.sleep(0)
        same = await asyncio.to_thread(lambda: octa.client is client)
        return f"{first.status} {[other.status for other in others]} {same}"

    for _ in range(2):
        assert app.test_client().get("/").text == "200 [200, 200, 200] True"
    assert len(api.journal) == 8
    octa.close(app)
    no_open_sockets(api)


@SCOPES
def test_commands_of_the_app(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)

    @app.cli.command("count-nodes")
    def count_nodes() -> None:
        current_octaspace.nodes.list()
        click.echo(octa.client_for("theirs").nodes.list().status)

    result = app.test_cli_runner().invoke(args=["count-nodes"])
    assert (result.output, result.exit_code) == ("200\n", 0)
    assert [arrival.headers["authorization"] for arrival in api.journal] == [KEY, "theirs"]
    octa.close(app)
    no_open_sockets(api)


def test_one_app_and_many_requests_at_once(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE="context")

    @app.get("/<key>")
    def view(key: str) -> str:
        client = octa.client_for(key)
        return str({client.nodes.list().status for _ in range(3)} | {client is octa.client_for(key)})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: app.test_client().get(f"/key-{n}").text, range(40)))
    assert set(answers) == {str({200, True})}
    keys_of = {}
    for arrival in api.journal:
        keys_of.setdefault(arrival.connection, set()).add(arrival.headers["authorization"])
    assert all(len(keys) == 1 for keys in keys_of.values()), "a connection serves one key"
    assert len(keys_of) == 40
    no_open_sockets(api)
