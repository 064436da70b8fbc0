"""Observers of an app's clients."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

import octaspace

from ..support.fault_server import FaultServer, answer
from .conftest import KEY, MakeApp


@dataclass
class Watcher(octaspace.Observer):
    """Keeps the ends of calls; compares by value and cannot be hashed, as every plain dataclass."""

    ends: list[octaspace.CallFinished] = field(default_factory=list)

    def call_finished(self, event: octaspace.CallFinished) -> None:
        self.ends.append(event)


class AsyncWatcher(octaspace.Observer):
    """Nothing would await it."""

    async def call_finished(self, event: octaspace.CallFinished) -> None:  # type: ignore[override]
        raise AssertionError


@pytest.mark.parametrize("scope", ["app", "context"])
def test_it_watches_every_client_of_the_app(make_app: MakeApp, scope: str) -> None:
    watcher = Watcher()
    app, octa = make_app(OCTASPACE_OBSERVERS=[watcher], OCTASPACE_CLIENT_SCOPE=scope)
    with app.app_context():
        octa.client.nodes.list()
        octa.client_for("other").network.info()
        octa.client.with_options(max_retries=0).apps.list()
    assert [end.operation for end in watcher.ends] == ["nodes.list", "network.info", "apps.list"]


@pytest.mark.parametrize("scope", ["app", "context"])
def test_clients_with_equal_observers_are_not_the_same(make_app: MakeApp, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    first, second = Watcher(), Watcher()
    with app.app_context():
        one = octa.client_for("k", observers=[first])
        assert octa.client_for("k", observers=[second]) is not one
        assert octa.client_for("k", observers=[first]) is one
        octa.client_for("k", observers=[second]).nodes.list()
    assert (len(first.ends), len(second.ends)) == (0, 1)


def test_it_sees_an_error_that_becomes_an_error_response(make_app: MakeApp, api: FaultServer) -> None:
    watcher = Watcher()
    app, octa = make_app(OCTASPACE_OBSERVERS=(watcher,))
    octa.init_error_handlers(app)
    app.add_url_rule("/node", view_func=lambda: octa.client.nodes.find(7).data)
    api.then(answer({"message": f"not with {KEY}"}, status=404))
    assert app.test_client().get("/node").status_code == 404
    (end,) = watcher.ends
    assert isinstance(end.error, octaspace.NotFoundError)
    assert end.response is not None
    assert KEY not in end.response.text


def test_an_option_that_is_no_observer_names_its_key(make_app: MakeApp) -> None:
    for wrong, named in (
        (print, "call_started"),
        (Watcher, "class"),
        (AsyncWatcher(), "async"),
        ("otel", "in code"),
    ):
        value = wrong if isinstance(wrong, str) else [wrong]
        with pytest.raises(octaspace.ConfigurationError, match="OCTASPACE_OBSERVERS") as caught:
            make_app(OCTASPACE_OBSERVERS=value)
        assert named in str(caught.value)
        assert caught.value.option == "observers"
