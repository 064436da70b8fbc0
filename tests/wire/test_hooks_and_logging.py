"""Hooks are called once per call; every attempt leaves one log line."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import octaspace
from octaspace import Request, Response
from tests.support.fault_server import answer, close_after_reading, close_unread, echo

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


def test_hooks_are_called_once_per_call(serve: ServerFactory, connect: ClientFactory) -> None:
    asked: list[dict[str, Any]] = []
    answered: list[Response[Any]] = []
    server = serve(answer(status=503), close_after_reading, answer([1]), answer({"error": "no"}, status=404))
    client = connect(server, on_request=asked.append, on_response=answered.append)
    client.send(Request("GET", "/nodes", params={"state": "online"}))
    with pytest.raises(octaspace.NotFoundError):
        client.send(READ)
    assert asked == [
        {"method": "GET", "path": "/nodes", "params": {"state": "online"}},
        {"method": "GET", "path": "/nodes", "params": {}},
    ]
    assert [(r.status, r.attempts) for r in answered] == [(200, 3), (404, 1)]


def test_on_response_is_not_called_without_a_response(serve: ServerFactory, connect: ClientFactory) -> None:
    answered: list[Response[Any]] = []
    with pytest.raises(octaspace.ConnectionError):
        connect(serve(close_after_reading), on_response=answered.append).send(CHANGE)
    assert answered == []


class HookError(Exception):
    pass


def boom(_: object) -> None:
    raise HookError


def test_errors_of_hooks_are_raised_and_the_client_stays_usable(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    with pytest.raises(HookError):
        connect(server, on_request=boom).send(CHANGE)
    assert server.journal == []
    client = connect(server, on_response=boom)
    with pytest.raises(HookError):
        client.send(CHANGE)
    assert len(server.journal) == 1
    assert client.transport_stats()["pools"][server.url]["in_use"] == 0


def test_one_line_per_attempt_and_warnings_for_what_went_wrong(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "octaspace")
    server = serve(close_after_reading, answer(status=503, headers={"X-Request-Id": "r-1"}), answer())
    connect(server).send(READ)
    attempts = [getattr(record, "octaspace_attempt", None) for record in caplog.records]
    assert [(a["attempt"], a["status"], a["error"], a["verdict"]) for a in attempts if a] == [
        (1, None, "ConnectionError", "retry"),
        (2, 503, None, "retry"),
        (3, 200, None, "ok"),
    ]
    assert [a["wait"] for a in attempts if a] == [0.5, 1.0, 0.0]
    assert [a["request_id"] for a in attempts if a] == [None, "r-1", None]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["GET /nodes: retry 1 of 2 in 0.5 s", "GET /nodes: retry 2 of 2 in 1 s"]


def test_a_cooldown_is_a_warning(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = serve(close_after_reading), serve()
    connect(bad, good, failure_cooldown=12).send(READ)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        f"{bad.url} failed (Remote end closed connection without response) and is skipped for 12 s"
    ]


class Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise AttributeError("broken handler")


class RaisingFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raise AttributeError("broken filter")


class RaisingLogger(logging.Logger):
    def isEnabledFor(self, level: int) -> bool:
        raise AttributeError("broken logger")


@pytest.mark.parametrize("place", ["handler", "filter", "logger"])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_logging_error_loses_no_response(
    serve: ServerFactory, connect: ClientFactory, place: str, keep_alive: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    name = f"broken.{place}"
    logger = RaisingLogger(name) if place == "logger" else logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    if place == "handler":
        logger.addHandler(Raising())
    elif place == "filter":
        logger.addFilter(RaisingFilter())
    bad, good = serve(close_unread, answer(status=503)), serve(answer([{"uuid": "u-1"}]), after=echo)
    client = connect(good, bad, logger=logger, keep_alive=keep_alive)
    try:
        assert client.send(CHANGE).data == [{"uuid": "u-1"}]
        assert client.send(READ).ok  # with a failover
        assert [arrival.method for arrival in good.journal] == ["POST", "GET"]
        assert f"logging to 'broken.{place}' raised AttributeError" in capsys.readouterr().err
    finally:
        logger.handlers.clear()
        logger.filters.clear()


def test_a_key_that_comes_back_as_the_request_id_is_in_no_record(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "octaspace")
    connect(serve(after=answer(headers={"X-Request-Id": "r-sk-secret"}))).send(READ)
    assert [record.__dict__["octaspace_attempt"]["request_id"] for record in caplog.records] == ["r-***"]
    assert not [record for record in caplog.records if "sk-secret" in repr(record.__dict__)]


def test_logger_and_level_can_be_chosen(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connect(serve(), logger=logging.getLogger("mine"), log_level="debug").send(READ)
    mine = [record for record in caplog.records if record.name == "mine"]
    assert [record.levelno for record in mine] == [logging.DEBUG]
    assert mine[0].getMessage().startswith("GET http://127.0.0.1:")
