"""Streamed responses: the client lives to the end of the stream, and no socket outlives it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask, Response, stream_with_context
from werkzeug.test import create_environ

import octaspace
from flask_octaspace import OctaSpace, current_octaspace

from ..support.fault_server import FaultServer
from .conftest import MakeApp, no_open_sockets

SCOPES = pytest.mark.parametrize("scope", ["app", "context"])


def serve(app: Flask, path: str) -> Any:
    """What a WSGI server holds in its hands: an iterable that it has to close."""
    environ = create_environ(path)
    return app.wsgi_app(environ, lambda status, headers, exc_info=None: lambda data: None)


def add_stream(app: Flask, chunk: Callable[[int], str], wrap: Callable[[Any], Any]) -> None:
    @app.get("/stream")
    def stream() -> Response:
        current_octaspace.nodes.list()

        def generate() -> Iterator[str]:
            for number in range(4):
                yield chunk(number)

        return Response(wrap(generate()))


def one_call(number: int) -> str:
    return str(current_octaspace.nodes.find(number).status)


@SCOPES
def test_it_lives_to_the_end(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    add_stream(app, one_call, stream_with_context)
    for _ in range(2):
        response = serve(app, "/stream")
        assert b"".join(response) == b"200" * 4
        response.close()
    assert [arrival.path for arrival in api.journal[1:5]] == ["/nodes/0", "/nodes/1", "/nodes/2", "/nodes/3"]
    assert len({arrival.connection for arrival in api.journal[1:5]}) == 1, "one connection for the stream"
    octa.close(app)
    no_open_sockets(api)


def test_one_taken_before_the_stream_lives_as_long(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()

    @app.get("/stream")
    def stream() -> Response:
        client = octa.client_for("theirs")
        nodes, derived = client.nodes, client.with_options(max_retries=0)

        def generate() -> Iterator[str]:
            yield str(nodes.list().status)
            yield str(derived.nodes.list().status)
            assert octa.client_for("theirs") is client

        return Response(stream_with_context(generate()))

    assert app.test_client().get("/stream").text == "200200"
    assert api.accepted == 1
    no_open_sockets(api)


@SCOPES
def test_threads_of_the_stream_need_no_context(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)

    @app.get("/stream")
    def stream() -> Response:
        client = octa.client

        def generate() -> Iterator[str]:
            with ThreadPoolExecutor(3) as threads:
                for response in threads.map(client.nodes.find, range(6)):
                    yield str(response.status)

        return Response(stream_with_context(generate()))

    assert app.test_client().get("/stream").text == "200" * 6
    octa.close(app)
    no_open_sockets(api)


@pytest.mark.parametrize("chunks", [0, 1, 2])
@SCOPES
def test_an_abandoned_stream_leaves_nothing_open(
    make_app: MakeApp, api: FaultServer, scope: str, chunks: int
) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    add_stream(app, one_call, stream_with_context)
    response = serve(app, "/stream")
    for _ in range(chunks):
        assert next(iter(response)) == b"200"
    response.close()
    assert len(api.journal) == 1 + chunks
    octa.close(app)
    no_open_sockets(api)


def test_a_stream_that_nobody_closes_leaves_nothing_open(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app(OCTASPACE_CLIENT_SCOPE="context")
    add_stream(app, one_call, stream_with_context)
    response = serve(app, "/stream")
    assert next(iter(response)) == b"200"
    del response
    gc.collect()
    no_open_sockets(api)


@SCOPES
def test_a_stream_that_fails_leaves_nothing_open(make_app: MakeApp, api: FaultServer, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)

    def fail_at_two(number: int) -> str:
        if number == 2:
            raise LookupError("the generator's own")
        return one_call(number)

    add_stream(app, fail_at_two, stream_with_context)
    response = serve(app, "/stream")
    with pytest.raises(LookupError):
        list(response)
    response.close()
    octa.close(app)
    no_open_sockets(api)


def test_without_stream_with_context_the_apps_client_goes_on(make_app: MakeApp) -> None:
    app, octa = make_app()
    client = _client_of(app, octa)
    add_stream(app, lambda number: str(client.nodes.find(number).status), iter)
    assert app.test_client().get("/stream").text == "200" * 4


def test_without_stream_with_context_a_contexts_client_says_what_is_missing(
    make_app: MakeApp, api: FaultServer
) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE="context")

    @app.get("/stream")
    def stream() -> Response:
        client = octa.client

        def generate() -> Iterator[str]:
            yield str(client.nodes.list().status)

        return Response(generate())

    with pytest.raises(
        octaspace.ConfigurationError, match="wrap a streaming generator in stream_with_context"
    ):
        app.test_client().get("/stream")
    assert api.accepted == 0


def test_streams_in_turns_keep_to_their_own(make_app: MakeApp, api: FaultServer) -> None:
    """Two servers' threads, each with a stream half read."""
    app, _ = make_app(OCTASPACE_CLIENT_SCOPE="context")
    add_stream(app, one_call, stream_with_context)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        first = one.submit(serve, app, "/stream").result()
        second = two.submit(serve, app, "/stream").result()
        for _ in range(2):
            assert one.submit(next, iter(first)).result() == b"200"
            assert two.submit(next, iter(second)).result() == b"200"
        one.submit(first.close).result()
        assert two.submit(b"".join, second).result() == b"200" * 2
        two.submit(second.close).result()
    assert len(api.journal) == 2 + 2 + 4
    no_open_sockets(api)


def _client_of(app: Flask, octa: OctaSpace) -> octaspace.Client:
    with app.app_context():
        return octa.client
