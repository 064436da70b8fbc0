"""`init_app`: the factory pattern, several apps, and what it refuses."""

from __future__ import annotations

import gc
import socket
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import octaspace
from flask_octaspace import OctaSpace, current_octaspace

from ..support.fault_server import FaultServer
from .conftest import KEY, MakeApp


def test_one_extension_serves_several_apps_with_their_own_options(make_app: MakeApp) -> None:
    octa = OctaSpace(read_timeout=7)
    first, _ = make_app(octa, "first", OCTASPACE_API_KEY="key-one")
    second, _ = make_app(octa, "second", OCTASPACE_API_KEY="key-two", OCTASPACE_READ_TIMEOUT=9)
    with first.app_context():
        one = octa.client
        assert (one.config.api_key, one.config.read_timeout) == ("key-one", 7)
    with second.app_context():
        two = octa.client
        assert (two.config.api_key, two.config.read_timeout) == ("key-two", 9)
    assert one is not two


def test_several_extensions_in_one_process(make_app: MakeApp) -> None:
    first, octa_one = make_app(None, "first")
    second, octa_two = make_app(None, "second")
    with first.app_context():
        assert octa_one.client is current_octaspace._get_current_object()
        with pytest.raises(RuntimeError, match="'first' was not set up by this OctaSpace"):
            _ = octa_two.client
    with second.app_context():
        assert octa_two.client.network.info().ok


def test_the_same_app_twice_is_refused(make_app: MakeApp) -> None:
    app, octa = make_app()
    for extension in (octa, OctaSpace()):
        with pytest.raises(RuntimeError, match="'testapp' already"):
            extension.init_app(app)
    assert len(app.teardown_appcontext_funcs) == 1


def test_state_is_found_in_extensions(make_app: MakeApp) -> None:
    app, octa = make_app()
    state = app.extensions["octaspace"]
    assert state.extension is octa
    assert state.config.api_key == KEY
    assert KEY not in repr(vars(state)) + repr(state.settings)


def test_the_constructor_takes_an_app() -> None:
    app = Flask("direct")
    octa = OctaSpace(app, max_retries=5)
    with app.app_context():
        assert octa.client.config.max_retries == 5


def test_init_app_keywords_win_over_the_constructor() -> None:
    octa = OctaSpace(max_retries=5, read_timeout=1)
    app = Flask("direct")
    octa.init_app(app, max_retries=6)
    with app.app_context():
        assert (octa.client.config.max_retries, octa.client.config.read_timeout) == (6, 1)


def test_init_app_opens_nothing(monkeypatch: pytest.MonkeyPatch, make_app: MakeApp, api: FaultServer) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("init_app reached for the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    app, octa = make_app(OCTASPACE_BASE_URL="http://name.invalid")
    with app.app_context():
        _ = octa.client  # nor does making the client
    assert api.accepted == 0


def test_a_failed_init_app_leaves_the_app_untouched(make_app: MakeApp) -> None:
    octa = OctaSpace()
    app = Flask("broken")
    app.config["OCTASPACE_POOL_SIZE"] = 0
    with pytest.raises(octaspace.ConfigurationError):
        octa.init_app(app)
    assert "octaspace" not in app.extensions
    assert not app.teardown_appcontext_funcs
    app.config["OCTASPACE_POOL_SIZE"] = 1
    octa.init_app(app)


@pytest.mark.parametrize(
    "use",
    [
        lambda octa: octa.client,
        lambda octa: octa.client_for("k"),
        lambda octa: octa.close(),
        lambda octa: current_octaspace.config,
    ],
)
def test_outside_an_app_context(use: Callable[[OctaSpace], object], make_app: MakeApp) -> None:
    _, octa = make_app()
    with pytest.raises(RuntimeError, match="outside of application context"):
        use(octa)


def test_an_app_that_was_not_set_up() -> None:
    app = Flask("bare")
    with app.app_context():
        for use in (lambda: OctaSpace().client, lambda: current_octaspace.config):
            with pytest.raises(RuntimeError, match=r"'bare' has no OctaSpace: call 'octa.init_app\(app\)'"):
                use()
    with pytest.raises(RuntimeError, match="'bare' was not set up"):
        OctaSpace().close(app)


def test_the_extension_keeps_no_app_alive(make_app: MakeApp) -> None:
    app, octa = make_app()
    with app.app_context():
        octa.client.network.info()
        octa.client_for("other").network.info()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_a_dropped_app_closes_its_client(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    with app.app_context():
        client = octa.client
        client.network.info()
    del app
    gc.collect()
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        client.network.info()


def test_the_logger_is_a_child_of_the_apps(make_app: MakeApp) -> None:
    app, octa = make_app()
    assert "logger" not in vars(app), "init_app must not set up app.logger before the app's own logging"
    with app.app_context():
        logger = octa.client.config.logger
    assert logger is app.logger.getChild("octaspace")
    assert logger.parent is app.logger


def test_close_takes_an_app_that_it_has_set_up() -> None:
    octa = OctaSpace()
    with pytest.raises(RuntimeError, match="'other' was not set up by this OctaSpace"):
        octa.close(Flask("other"))


@pytest.mark.parametrize("method", ["init_app", "init_error_handlers", "close"])
@pytest.mark.parametrize("wrong", [DispatcherMiddleware(Flask("app")), "app"], ids=["middleware", "name"])
def test_what_is_not_an_app_is_refused_in_words(method: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"{method}\(\) takes a Flask app, not {type(wrong).__name__}"):
        getattr(OctaSpace(), method)(wrong)
