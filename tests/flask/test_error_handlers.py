"""SDK errors that a view lets through, as JSON answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from flask import Blueprint, Flask
from werkzeug.test import TestResponse

import octaspace
from flask_octaspace import OctaSpace, current_octaspace

from ..support.fault_server import Behaviour, FaultServer, answer, close_after_reading, stall
from .conftest import KEY, MakeApp

Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(make_app: MakeApp, api: FaultServer) -> Ask:
    """Have a view call an API that treats the request so, and return what the app's own client gets."""

    def ask(behaviour: Behaviour | None = None, view: Callable[[], Any] | None = None) -> TestResponse:
        app, octa = make_app(OCTASPACE_MAX_RETRIES=0, OCTASPACE_READ_TIMEOUT=0.2)
        octa.init_error_handlers(app)
        app.testing = False
        app.add_url_rule("/", view_func=view or (lambda: current_octaspace.nodes.find(7).data))
        if behaviour is not None:
            api.then(behaviour)
        response = app.test_client().get("/")
        octa.close(app)
        return response

    return ask


@pytest.mark.parametrize("status", [404, 422, 429])
def test_what_the_caller_may_know_is_passed_on(ask: Ask, status: int) -> None:
    response = ask(answer({"error": "so it is"}, status=status, headers={"X-Request-Id": "r-1"}))
    kinds = {404: "NotFoundError", 422: "ValidationError", 429: "RateLimitError"}
    assert response.status_code == status
    assert response.json == {
        "error": kinds[status],
        "message": f"GET /nodes/7: {status}: so it is [request id r-1]",
        "request_id": "r-1",
    }
    assert "Retry-After" not in response.headers


def test_when_to_come_back_is_passed_on(ask: Ask) -> None:
    assert ask(answer(status=429, headers={"Retry-After": "17"})).headers["Retry-After"] == "17"
    then = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=5), usegmt=True)
    seconds = int(ask(answer(status=429, headers={"Retry-After": then})).headers["Retry-After"])
    assert 200 < seconds <= 300
    assert "Retry-After" not in ask(answer(status=429, headers={"Retry-After": "soon"})).headers


@pytest.mark.parametrize("behaviour", [answer(status=504), stall])
def test_too_late(ask: Ask, behaviour: Behaviour) -> None:
    response = ask(behaviour)
    assert response.status_code == 504
    assert response.json is not None
    assert response.json["message"] == "The OctaSpace API did not answer in time."


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer({"error": "the key of the app"}, status=401), "AuthenticationError"),
        (answer(status=403), "PermissionError"),
        (answer(status=400), "ApiError"),
        (answer(status=302, headers={"Location": "http://inner.test/"}), "ApiError"),
        (answer(status=500), "ServerError"),
        (answer(status=502), "BadGatewayError"),
        (answer(status=503), "ServiceUnavailableError"),
        (answer(body=b"{"), "InvalidResponseError"),
        (close_after_reading, "ConnectionError"),
    ],
)
def test_what_is_between_the_app_and_the_api_stays_there(
    ask: Ask, behaviour: Behaviour, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = ask(behaviour)
    assert response.status_code == 502
    assert response.json == {
        "error": kind, "message": "The OctaSpace API could not be used.", "request_id": None
    }  # fmt: skip
    assert f"{kind}: GET /nodes/7: " in caplog.text, "the operator can read what happened"


def test_an_answer_of_another_shape(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    def view() -> Any:
        return octaspace.types.Node.from_api(current_octaspace.nodes.find(7).data).ip

    with caplog.at_level(logging.ERROR):
        response = ask(answer({"id": "x", "token": KEY}), view)
    assert response.status_code == 502
    assert response.json == {
        "error": "UnexpectedShapeError", "message": "The OctaSpace API could not be used.",
        "request_id": None,
    }  # fmt: skip
    assert "UnexpectedShapeError: Node.from_api: id must be an integer" in caplog.text
    assert KEY not in caplog.text


def test_a_refused_rental(ask: Ask) -> None:
    def rent() -> Any:
        return current_octaspace.services.mr.create(node_id=1, disk_size=10, image="ubuntu:24.04").data

    response = ask(answer([{"node_id": 1, "reason": "busy"}]), rent)
    assert response.status_code == 502
    assert response.json is not None
    assert response.json["error"] == "ProvisionRejectedError"


def test_a_closed_client(ask: Ask) -> None:
    def use_closed() -> Any:
        client = current_octaspace._get_current_object()
        client.close()
        return client.nodes.list().data

    assert ask(view=use_closed).status_code == 502


@pytest.mark.parametrize("status", [401, 404, 422, 429, 500])
@pytest.mark.parametrize("key", [KEY, "client-for-key-0123", "derived-key-01234"])
def test_the_key_is_in_no_answer_and_in_no_log(
    ask: Ask, caplog: pytest.LogCaptureFixture, status: int, key: str
) -> None:
    """Even when the API repeats it in all that it says."""

    def view() -> Any:
        octa: OctaSpace = extension()
        clients = {
            KEY: lambda: octa.client,
            "client-for-key-0123": lambda: octa.client_for(key),
            "derived-key-01234": lambda: octa.client.with_options(api_key=key),
        }
        return clients[key]().nodes.list().data

    def extension() -> OctaSpace:
        from flask import current_app

        found: OctaSpace = current_app.extensions["octaspace"].extension
        return found

    echoing = answer({"error": f"no such key: {key}", "message": key, "key": key}, status=status)
    with caplog.at_level(logging.DEBUG):
        response = ask(echoing, view)
    assert response.status_code in (404, 422, 429, 502)
    assert key not in response.text + str(response.headers)
    assert key not in caplog.text


def test_a_refusal_that_repeats_the_key_is_logged_without_it(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    def rent() -> Any:
        return current_octaspace.services.mr.create(node_id=1, disk_size=10, image="ubuntu:24.04").data

    with caplog.at_level(logging.DEBUG):
        response = ask(answer([{"node_id": 1, "reason": f"{KEY} may not rent"}]), rent)
    assert KEY not in response.text + caplog.text
    assert "may not rent" in caplog.text


def test_handlers_of_the_app_go_first(make_app: MakeApp, api: FaultServer) -> None:
    app, octa = make_app()
    octa.init_error_handlers(app)

    @app.errorhandler(octaspace.NotFoundError)
    def not_found(error: octaspace.NotFoundError) -> tuple[str, int]:
        return f"ours: {error.status}", 404

    @app.get("/")
    def view() -> Any:
        return current_octaspace.nodes.find(7).data

    api.then(answer(status=404))
    assert app.test_client().get("/").text == "ours: 404"


@pytest.mark.parametrize("first", [True, False], ids=["registered before", "registered after"])
@pytest.mark.parametrize("kind", [octaspace.Error, octaspace.NotFoundError])
def test_no_handler_of_the_app_is_replaced(
    make_app: MakeApp, api: FaultServer, kind: type[octaspace.Error], first: bool
) -> None:
    app, octa = make_app()
    if not first:
        octa.init_error_handlers(app)
    app.register_error_handler(kind, lambda error: (f"ours: {error.status}", 418))
    if first:
        octa.init_error_handlers(app)

    @app.get("/")
    def view() -> Any:
        return current_octaspace.nodes.find(7).data

    api.then(answer(status=404))
    assert app.test_client().get("/").text == "ours: 404"


@pytest.mark.parametrize("first", [True, False], ids=["registered before", "registered after"])
@pytest.mark.parametrize("kind", [octaspace.Error, octaspace.NotFoundError, Exception])
@pytest.mark.parametrize("nested", [False, True], ids=["blueprint", "inside another"])
def test_the_handler_of_a_blueprint_goes_first(
    make_app: MakeApp, api: FaultServer, kind: type[Exception], first: bool, nested: bool
) -> None:
    app, octa = make_app()
    own, outer, other = (Blueprint(name, name, url_prefix=f"/{name}") for name in ("own", "outer", "other"))
    for blueprint in (own, other):
        blueprint.add_url_rule("/", view_func=lambda: current_octaspace.nodes.find(7).data)
    (outer if nested else own).register_error_handler(kind, lambda error: ("of the blueprint", 418))
    if nested:
        outer.register_blueprint(own)
    if not first:
        octa.init_error_handlers(app)
    app.register_blueprint(outer if nested else own)
    app.register_blueprint(other)
    if first:
        octa.init_error_handlers(app)

    api.then(answer(status=404), answer(status=404))
    assert app.test_client().get("/outer/own/" if nested else "/own/").text == "of the blueprint"
    answered = app.test_client().get("/other/").json
    assert answered is not None
    assert answered["error"] == "NotFoundError", "only that blueprint has it"


@pytest.mark.parametrize("first", [True, False], ids=["registered before", "registered after"])
def test_a_blueprint_may_handle_the_errors_of_the_whole_app(
    make_app: MakeApp, api: FaultServer, first: bool
) -> None:
    app, octa = make_app()
    pages = Blueprint("pages", "pages")
    pages.app_errorhandler(octaspace.Error)(lambda error: ("of the blueprint", 418))
    if not first:
        octa.init_error_handlers(app)
    app.register_blueprint(pages)
    if first:
        octa.init_error_handlers(app)
    app.add_url_rule("/", view_func=lambda: current_octaspace.nodes.find(7).data)
    api.then(answer(status=404))
    assert app.test_client().get("/").text == "of the blueprint"


def test_without_them_an_error_is_a_500(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app()
    app.testing = False

    @app.get("/")
    def view() -> Any:
        return current_octaspace.nodes.find(7).data

    api.then(answer(status=404))
    assert app.test_client().get("/").status_code == 500


def test_they_take_an_app_that_has_no_octaspace() -> None:
    """An app that uses the SDK alone can have them too."""
    app = Flask("bare")
    OctaSpace().init_error_handlers(app)

    @app.get("/")
    def view() -> None:
        raise octaspace.ConnectionError("no route")

    assert app.test_client().get("/").status_code == 502
