"""Clients of an app context: opened when asked for, closed by its end, and nothing else with them."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace, current_octaspace
from flask_octaspace.client import ContextClient

from ..support.fault_server import FaultServer, answer, close_after_reading
from ..support.waiting import until
from .conftest import KEY, MakeApp, no_open_sockets

CONTEXT = {"OCTASPACE_CLIENT_SCOPE": "context"}

Use = Callable[[OctaSpace], octaspace.Client]

#: Both ways to a client of a context; the second is there in either scope.
USES: list[Any] = [
    pytest.param(CONTEXT, lambda octa: octa.client, id="client"),
    pytest.param({}, lambda octa: octa.client_for("theirs"), id="client_for"),
]


@pytest.mark.parametrize(("config", "use"), USES)
def test_it_is_one_per_context_and_closed_by_its_end(
    make_app: MakeApp, api: FaultServer, config: dict[str, Any], use: Use
) -> None:
    app, octa = make_app(**config)
    seen = []
    for number in range(1, 4):
        with app.app_context():
            client = use(octa)
            assert api.accepted == number - 1, "opened by the first call only"
            client.nodes.list()
            client.nodes.list()
            assert use(octa) is client
            assert api.accepted == number
            assert api.open_count == 1
        seen.append(client)
        no_open_sockets(api)
    assert len(set(map(id, seen))) == 3
    for client in seen:
        with pytest.raises(octaspace.ConfigurationError, match="an app context that is over"):
            client.nodes.list()
    assert len(api.journal) == 6


def test_the_proxy_stands_for_the_contexts_client(make_app: MakeApp) -> None:
    app, octa = make_app(**CONTEXT)
    with app.app_context():
        assert current_octaspace._get_current_object() is octa.client


def test_a_context_that_asks_for_nothing_makes_nothing(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app(**CONTEXT)
    with app.app_context() as context:
        assert not list(context.g)
    assert api.accepted == 0


@pytest.mark.parametrize("config", [CONTEXT, {}])
def test_client_for_keeps_keys_and_options_apart(
    make_app: MakeApp, api: FaultServer, config: dict[str, Any]
) -> None:
    app, octa = make_app(**config)
    with app.app_context():
        one = octa.client_for("one")
        assert one is octa.client_for("one")
        others = [
            octa.client,
            octa.client_for("two"),
            octa.client_for(None),
            octa.client_for("one", read_timeout=7),
            octa.client_for("one", pool_size=3),
        ]
        assert len(set(map(id, [one, *others]))) == 6
        for client in (one, *others):
            client.nodes.list()
        assert one.config.base_url == api.url, "the rest is the app's"
    sent = [arrival.headers.get("authorization") for arrival in api.journal]
    assert sent == ["one", KEY, "two", None, "one", "one"]
    assert len({arrival.connection for arrival in api.journal}) == 6
    octa.close(app)
    no_open_sockets(api)


def test_client_for_the_apps_own_key(make_app: MakeApp) -> None:
    app, octa = make_app(**CONTEXT)
    with app.app_context():
        assert octa.client_for(KEY) is octa.client


def test_a_key_goes_to_the_address_it_is_given_with(make_app: MakeApp, api: FaultServer) -> None:
    elsewhere = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    app, octa = make_app(OCTASPACE_BASE_URLS=elsewhere)
    with app.app_context():
        assert octa.client_for("theirs").config.endpoints == tuple(elsewhere)
        client = octa.client_for("theirs", base_url=api.url)
        assert client.config.endpoints == (api.url,)
        assert client.nodes.list().ok


def test_client_for_refuses_what_it_cannot_use(make_app: MakeApp) -> None:
    app, octa = make_app()
    with app.app_context():
        for arguments, options, words in [
            (("sec\nret",), {}, "api_key has a control character"),
            (("k",), {"pool_sise": 1}, "did you mean pool_size"),
            (("k",), {"pool_size": 0}, "pool_size must be at least 1"),
        ]:
            with pytest.raises(octaspace.ConfigurationError, match=words) as caught:
                octa.client_for(*arguments, **options)  # type: ignore[arg-type]
            assert "ret" not in str(caught.value)


def test_hooks_that_cannot_be_hashed_are_fine(make_app: MakeApp) -> None:
    @dataclasses.dataclass
    class Count:
        calls: int = 0

        def __call__(self, response: octaspace.Response[Any]) -> None:
            self.calls += 1

    count = Count()
    app, octa = make_app(OCTASPACE_ON_RESPONSE=count, **CONTEXT)
    with app.app_context():
        octa.client.nodes.list()
        assert octa.client_for("theirs") is octa.client_for("theirs")
    assert count.calls == 1


def test_one_that_somebody_closed_is_replaced(make_app: MakeApp) -> None:
    app, octa = make_app(**CONTEXT)
    with app.app_context():
        with octa.client as first:
            first.nodes.list()
        assert octa.client is not first
        assert octa.client.nodes.list().ok


def test_the_end_of_a_context_leaves_the_apps_client_alone(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    with app.app_context():
        octa.client.nodes.list()
        octa.client_for("theirs").nodes.list()
    with app.app_context():
        assert octa.client.nodes.list().ok
    assert [arrival.connection for arrival in api.journal] == [1, 2, 1]
    until(lambda: api.open_count == 1)


def test_close_leaves_contexts_alone(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    with app.app_context():
        client = octa.client_for("theirs")
        client.nodes.list()
        octa.close()
        client.nodes.list()
    assert api.accepted == 1


def test_nested_contexts_end_one_by_one(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(**CONTEXT)
    other, other_octa = make_app(name="other", **CONTEXT)
    with app.app_context():
        outer = octa.client
        outer.nodes.list()
        with app.app_context():
            inner = octa.client
            assert inner is not outer
            inner.nodes.list()
            with other.app_context():
                other_octa.client.nodes.list()
            inner.nodes.list()
        with pytest.raises(octaspace.ConfigurationError):
            inner.nodes.list()
        assert octa.client is outer
        outer.nodes.list()
    assert [arrival.connection for arrival in api.journal] == [1, 2, 3, 2, 1]
    no_open_sockets(api)


def test_a_context_that_is_pushed_twice_ends_with_the_last_pop(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(**CONTEXT)
    context = app.app_context()
    with context:
        octa.client.nodes.list()
        with context:
            octa.client.nodes.list()
        octa.client.nodes.list()
    assert api.accepted == 1
    no_open_sockets(api)


@pytest.mark.parametrize("behaviour", [answer({"error": "no"}, status=404), close_after_reading])
def test_it_is_closed_when_the_client_raised(make_app: MakeApp, api: FaultServer, behaviour: Any) -> None:
    app, _ = make_app(OCTASPACE_MAX_RETRIES=0, **CONTEXT)

    @app.get("/")
    def view() -> str:
        current_octaspace.nodes.list()
        api.then(behaviour, behaviour)
        current_octaspace.nodes.list()
        return "not reached"

    with pytest.raises(octaspace.Error):
        app.test_client().get("/")
    no_open_sockets(api)


def test_it_is_closed_when_the_view_raised(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(**CONTEXT)
    app.testing = False

    @app.get("/")
    def view() -> str:
        octa.client.nodes.list()
        octa.client_for("theirs").nodes.list()
        raise LookupError("the view's own")

    assert app.test_client().get("/").status_code == 500
    assert api.accepted == 2
    no_open_sockets(api)


@pytest.mark.parametrize("registered", ["before", "after"])
@pytest.mark.parametrize("raises", [False, True])
def test_teardown_functions_of_others(
    make_app: MakeApp, api: FaultServer, registered: str, raises: bool
) -> None:
    """They may use the client, and may raise; the sockets go all the same."""
    octa = OctaSpace()
    app = Flask("testapp")
    app.config.update(OCTASPACE_BASE_URL=api.url, OCTASPACE_API_KEY=KEY, OCTASPACE_KEEP_ALIVE=True, **CONTEXT)
    kept = []

    def clean_up(exc: BaseException | None) -> None:
        kept[0].nodes.find(1)
        octa.client.nodes.find(2)
        if raises:
            raise LookupError("a teardown function of another's")

    if registered == "before":
        app.teardown_appcontext(clean_up)
    octa.init_app(app)
    if registered == "after":
        app.teardown_appcontext(clean_up)

    def use() -> None:
        with app.app_context():
            kept[:] = [octa.client]
            octa.client.nodes.list()

    for _ in range(3):
        if raises:
            with pytest.raises(LookupError):
                use()
        else:
            use()
        no_open_sockets(api)
        with pytest.raises(octaspace.ConfigurationError):
            kept[0].nodes.list()
    assert [arrival.path for arrival in api.journal] == ["/nodes", "/nodes/1", "/nodes/2"] * 3
    assert len(app.teardown_appcontext_funcs) <= 3, "the list does not grow from request to request"


def test_teardown_may_run_at_any_time_and_more_than_once(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app(**CONTEXT)
    state = app.extensions["octaspace"]
    state.teardown(None)
    with app.app_context():
        state.teardown(LookupError())
        octa.client.nodes.list()
        state.teardown(None)
        state.teardown(None)
        assert octa.client.nodes.list().ok, "an open context has a client that works"
    no_open_sockets(api)


def test_teardown_never_raises(
    make_app: MakeApp, api: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app, octa = make_app(**CONTEXT)
    release = ContextClient.release

    def refuse(client: ContextClient) -> None:
        if client.config.api_key == "broken":
            raise OSError("cannot close")
        release(client)

    monkeypatch.setattr(ContextClient, "release", refuse)
    with caplog.at_level(logging.ERROR), app.app_context():
        octa.client_for("broken")
        octa.client_for("whole").nodes.list()
    no_open_sockets(api)
    assert "Closing an OctaSpace client at the end of its app context failed." in caplog.text
    assert "cannot close" in caplog.text
