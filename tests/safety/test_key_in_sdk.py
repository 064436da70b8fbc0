"""An API that repeats the key: it is in no output, log or error of the SDK."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import octaspace
from flask_octaspace.calls import public_methods
from octaspace.sandbox.world.world import World

from ..support.hostile_api import LIES, HostileApi
from ..support.key_finder import key_in

KEY = "sk-Live/Qz7+x9-Rk2.Lm4_Vb8/Tn6-Wd3"

#: Arguments of methods, in addition to ids.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "nodes.update_prices": {"base": 1},
    "services.mr.create": {"image": "a/b", "disk_size": 10},
    "services.mr.rent": {"image": "a/b", "disk_size": 10},
    "services.mr.rent_any": {"offers": [9001], "image": "a/b", "disk_size": 10},
    "services.render.create": {"disk_size": 10},
    "services.render.rent": {"disk_size": 10},
    "services.session.wait_until_ready": {"timeout": 0.05},
    "services.session.follow_logs": {"interval": 0.01, "timeout": 0.05},
}


@pytest.fixture(scope="module")
def api() -> Iterator[HostileApi]:
    with HostileApi() as hostile:
        yield hostile


def methods_of(client: octaspace.Client, world: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every method of the SDK as a call with existing ids."""
    node, uuid = world.nodes()[0]["id"], next(rental.uuid for rental in world.active())
    for path, method in public_methods(client):
        names = inspect.signature(method).parameters
        ids = {"id": node, "node_id": node, "job_id": 1}
        given = {name: value for name, value in ids.items() if name in names} | _ARGUMENTS.get(path, {})
        if path.startswith("services.session."):
            method = getattr(client.services.session(uuid), path.rpartition(".")[2])
        yield (
            path,
            partial(
                method, **{name: value for name, value in given.items() if name in names or name == "base"}
            ),
        )


def call(method: Callable[[], Any]) -> None:
    """Call a method and consume its result."""
    found = method()
    if hasattr(found, "__enter__"):
        with found:
            pass
    elif inspect.isgenerator(found):
        list(found)


def said_by(error: octaspace.Error) -> str:
    """All text of an error, for people and for error trackers."""
    twins = [error, copy.copy(error), pickle.loads(pickle.dumps(error))]
    words = ["".join(traceback.format_exception(type(twin), twin, twin.__traceback__)) for twin in twins]
    words += [repr(error), repr(error.args), repr(error.request_id), repr(vars(error))]
    words += [repr(getattr(error, name, None)) for name in ("code", "rejections", "option", "reason")]
    if error.response is not None:
        response = error.response
        words += [repr(response), repr(response.data), response.text, repr(response.body), response.url]
        words += [repr(dict(response.headers))]
    cause = error.__cause__
    while cause is not None:
        words += [str(cause), repr(cause), repr(cause.args)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(words)


def written(caplog: pytest.LogCaptureFixture) -> str:
    """The log of every library, with its structured fields."""
    formatter = logging.Formatter()
    lines = [formatter.format(record) for record in caplog.records]
    return "\n".join([*lines, *(repr(vars(record)) for record in caplog.records)])


@pytest.mark.parametrize("name", LIES)
def test_key_is_in_no_output_of_the_sdk(
    name: str, api: HostileApi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    api.world.reset()
    api.lie = LIES[name]
    failed = called = 0
    with (
        caplog.at_level(logging.DEBUG),
        octaspace.Client(KEY, base_url=api.url, max_retries=0, read_timeout=5) as client,
    ):
        for path, method in methods_of(client, api.world):
            called += 1
            try:
                call(method)
            except octaspace.Error as error:
                failed += 1
                assert key_in(said_by(error), KEY) == "", (path, name)
        assert key_in(repr(client.transport_stats()) + repr(client) + repr(client.config), KEY) == ""
    assert called > 20
    assert key_in(written(caplog), KEY) == ""
    assert key_in("".join(capfd.readouterr()), KEY) == ""
    assert any(arrival.headers.get("authorization") == KEY for arrival in api.server.journal)


def test_most_hostile_answers_raise_errors(api: HostileApi) -> None:
    """The test above would check nothing if hostile answers were accepted."""
    errors = 0
    for name in LIES:
        api.lie = LIES[name]
        with octaspace.Client(KEY, base_url=api.url, max_retries=0, read_timeout=5) as client:
            try:
                client.accounts.balance()
            except octaspace.Error:
                errors += 1
    assert errors > len(LIES) // 3


def test_a_failover_and_its_retries(api: HostileApi, caplog: pytest.LogCaptureFixture) -> None:
    """Log lines of failed endpoints and of waits; the reason of each contains the key."""
    for name in ("no HTTP", "a version", "a line that is not a field", "a chunk's size", "status 503"):
        api.lie = LIES[name]
        with (
            caplog.at_level(logging.DEBUG),
            HostileApi(LIES[name]) as other,
            octaspace.Client(
                KEY, base_urls=[api.url, other.url], max_retries=1, retry_interval=0, read_timeout=5
            ) as client,
            pytest.raises(octaspace.Error) as failure,
        ):
            client.nodes.list()
        assert key_in(said_by(failure.value), KEY) == "", name
    assert key_in(written(caplog), KEY) == ""


def test_successful_data_is_unchanged(api: HostileApi) -> None:
    """The SDK masks its own messages; data of the API is passed on unchanged."""
    api.lie = LIES["every text: as it is"]
    with octaspace.Client(KEY, base_url=api.url) as client:
        assert client.accounts.profile().data["email"] == KEY


def test_a_download_that_fails(api: HostileApi, tmp_path: Path) -> None:
    target = tmp_path / "ident"
    for name in ("a page", "status 404", "broken JSON", "the content encoding"):
        api.lie = LIES[name]
        with octaspace.Client(KEY, base_url=api.url, max_retries=0) as client:
            try:
                client.nodes.download_ident(1, to=target)
            except octaspace.Error as error:
                assert key_in(said_by(error), KEY) == "", name
