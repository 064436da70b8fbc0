"""A rented session: its state, its logs, and its stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from ... import types
from ...request import Request, RequestSender
from ...response import Response
from ...safe_repr import safe_repr
from ..confirmation import check_confirmation
from ..resource import Resource, path_of, query_of, segment_of
from .arguments import checked_seconds
from .log_follower import follow_logs
from .polling import wait_until_ready

__all__ = ["Session"]

#: Scores for a node, worst to best.
_SCORES = range(1, 6)


class Session(Resource):
    """One session: `client.services.session(uuid)`.

    Args:
        sender: Sends the requests.
        uuid: The session.

    Attributes:
        uuid: The session.
        recovered: True if the answer to its creation was lost, and it was found in the list of sessions; only
            with a rental ledger.
    """

    __slots__ = ("recovered", "uuid")

    uuid: str
    recovered: bool

    def __init__(self, sender: RequestSender, uuid: str) -> None:
        super().__init__(sender)
        if not isinstance(uuid, str):
            raise ValueError(f"a session's uuid must be text, not {safe_repr(uuid)} ({type(uuid).__name__})")
        segment_of(uuid)  # reject a uuid that no call could use
        self.uuid = uuid
        self.recovered = False

    def __repr__(self) -> str:
        return f"<Session {self.uuid}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} belongs to an octaspace.Client and can be neither copied nor pickled: "
            "pass its uuid, and call services.session() with it on a client in the other process"
        )

    def info(self) -> Response[types.payloads.Session]:
        """GET /services/:uuid/info: the state, addresses and charges.

        Returns:
            `data` is an object; `octaspace.types.Session.from_api` reads its numbers and times::

                {"uuid": "5dd2d308-…", "service": "mr", "is_ready": true, "progress": "service configured",
                 "public_ip": "198.51.100.20", "charge_amount": 300000000000000000,
                 "ssh_direct": {"host": "…", "port": 42022}, "urls": {"8080": "https://…"}, …}

        Raises:
            octaspace.NotFoundError: There is no such session, or it has ended.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("services.session.info", "services", self.uuid, "info")

    def logs(self, recent: bool | None = None) -> Response[types.payloads.SessionLogs]:
        """GET /services/:uuid/logs: the complete log so far.

        Args:
            recent: True (``?recent=true``) is required for a session that has ended.

        Returns:
            `data` is an object; a `msg` may contain several lines, `container` is always the whole text::

                {"system": [{"ts": 1795510795000, "msg": "Container started\\n"}, …],
                 "container": "listening on 0.0.0.0:8080\\n"}

        Raises:
            octaspace.NotFoundError: There is no such session, or it has ended and `recent` is not True.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("services.session.logs", "services", self.uuid, "logs", params={"recent": recent})

    def stop(self, score: int | None = None) -> Response[Any]:
        """POST /services/:uuid/stop: end the session and its charges. Sent at most once.

        Args:
            score: 1 (bad) to 5 (good) for the node; None sends no score.

        Returns:
            `data` is the API's confirmation; None when the answer is empty.

        Raises:
            ValueError: The score is not a whole number from 1 to 5.
            octaspace.NotFoundError: There is no such session, or it is already stopped.
            octaspace.InvalidResponseError: A 2xx without a confirmation: HTML, or an error in its JSON. The
                session may continue.
            octaspace.Error: Any other of `octaspace.errors`; check `outcome_unknown`. Stopping twice is
                harmless.
        """
        if score is not None and (type(score) is not int or score not in _SCORES):
            raise ValueError(f"score must be a whole number from 1 to 5, not {safe_repr(score)}")
        body = None if score is None else {"score": score}
        return self._sender.send(
            Request(
                "POST", path_of("services", self.uuid, "stop"), body=body, expects="json or nothing",
                operation="services.session.stop", check=check_confirmation,
            )
        )  # fmt: skip

    def wait_until_ready(
        self,
        timeout: float = 600.0,
        interval: float = 2.0,
        on_progress: Callable[[Response[types.payloads.Session]], object] | None = None,
    ) -> Response[types.payloads.Session]:
        """Poll `info()` until the session is ready.

        A network error, a 5xx, a 429, a 408, and an answer that cannot be read (broken JSON, HTML, an empty
        body) do not end the wait: within the time limit the next request may succeed.

        Args:
            timeout: Seconds in total; also ends a request that hangs.
            interval: Seconds between two requests.
            on_progress: Called with each `Response`, including the last. An exception that it raises
                ends the wait.

        Returns:
            The last `info()`.

        Raises:
            ValueError: `timeout` is not above 0, or `interval` is negative; nothing was sent.
            octaspace.TimeoutError: Not ready in time; `phase` is ``"total"``. The session and its charges
                continue.
            octaspace.NotFoundError: There is no such session, or it no longer exists.
            octaspace.Error: The session has failed or ended (`response` is the last `info()`), or any other
                error that is not transient.
        """

        def look(seconds: float) -> Response[types.payloads.Session]:
            return self._within(seconds, "info")

        return wait_until_ready(
            look, self._sender, self.uuid, timeout=timeout, interval=interval, on_progress=on_progress
        )

    def follow_logs(
        self,
        interval: float = 2.0,
        timeout: float | None = None,
        on_idle: Callable[[], object] | None = None,
    ) -> Iterator[str]:
        """Follow the session's logs, line by line, until it ends.

        Lines of the system and of the container are yielded in the order in which they are received, each
        exactly once. An unfinished line of the container is held back until it is complete.

        A network error, a 5xx, a 429, a 408, and an answer that cannot be read do not end the iteration, as
        in `wait_until_ready`, within `timeout` or without a limit.

        The iteration also ends, without an error, when `timeout` has passed or the client is closed:
        immediately during a pause, otherwise after the current request. An unfinished line is then yielded
        too.

        Args:
            interval: Seconds between two requests.
            timeout: Seconds in total, from the first request; also ends a request that hangs. None for no
                limit.
            on_idle: Called without arguments after each request that returned no new line, including failed
                ones, and once per `interval` while the API asks for a longer wait. An exception that it
                raises ends the iteration and reaches the caller.

        Yields:
            Lines without line endings.

        Raises:
            ValueError: `interval` is not a number of seconds or is negative, or `timeout` is not above 0.
            octaspace.NotFoundError: The session never existed.
            octaspace.InvalidResponseError: The log is larger than `Config.max_response_bytes`.
            octaspace.ConfigurationError: The client was closed before the first request.
            octaspace.Error: Any other of `octaspace.errors` that is not transient.
        """
        checked_seconds("interval", interval)
        if timeout is not None:
            checked_seconds("timeout", timeout, above_zero=True)

        def read(recent: bool | None, seconds: float | None) -> Any:
            return self._within(seconds, "logs", recent=recent).data

        def info(seconds: float | None) -> Any:
            return self._within(seconds, "info").data

        return follow_logs(read, info, self._sender, interval=interval, timeout=timeout, on_idle=on_idle)

    def _within(self, seconds: float | None, what: str, *, recent: bool | None = None) -> Response[Any]:
        """GET /services/:uuid/info or /logs, with a timeout in seconds."""
        path, query = path_of("services", self.uuid, what), query_of({"recent": recent})
        return self._sender.send(
            Request("GET", path, params=query, expects="json", operation=f"services.session.{what}"),
            timeout=seconds,
        )
