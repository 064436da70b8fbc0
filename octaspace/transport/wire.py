"""One attempt: from a `Request` and an endpoint to an answer or a sorted failure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import requests
import urllib3.exceptions
from requests import PreparedRequest
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from .._version import __version__
from ..config import Config
from ..request import BodySink, Request
from .clock import Deadline
from .connection import Stage, Trace, tracing
from .decoding import decode_body
from .failures import FOREIGN, Answer, Failure, out_of_time, sort_failure
from .pool import Pools
from .retry import Outcome

__all__ = ["Wire"]

USER_AGENT: Final = f"Flask-OctaSpace/{__version__} requests/{requests.__version__}"

_CHUNK = 65536


class Wire:
    """Sends attempts of one client, with its key and its limits, through pools it may share.

    Args:
        config: The client's options.
        pools: The sockets.
    """

    def __init__(self, config: Config, pools: Pools) -> None:
        self._config = config
        self._pools = pools
        self._environment: dict[str, dict[str, Any]] = {}
        self._headers = {
            "User-Agent": config.user_agent or USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive" if config.keep_alive else "close",
        }

    def attempt(
        self,
        url: str,
        request: Request,
        body: bytes | None,
        *,
        new_connection: bool,
        deadline: Deadline,
        sink: BodySink | None,
    ) -> Answer | Failure:
        """Send a request to one endpoint once.

        Args:
            url: The endpoint.
            request: What to send.
            body: Its body as bytes.
            new_connection: Refuse to reuse a connection.
            deadline: The end of the whole call.
            sink: Where a 2xx body goes, or None to have it in memory.
        """
        if deadline.expired:
            return out_of_time(Stage.NONE)
        config = self._config
        patience = deadline.clip(config.pool_timeout)
        if not self._pools.acquire(url, patience):
            if deadline.expired:
                return out_of_time(Stage.NONE)
            return Failure(
                Outcome.UNSENT,
                "pool",
                f"no connection became free within {config.pool_timeout:g} s (pool_size={config.pool_size})",
                marks_endpoint=False,
            )
        trace = Trace(
            new_connection=new_connection,
            read_timeout=config.read_timeout,
            write_timeout=config.write_timeout,
            deadline=deadline,
        )
        outer = sys.exc_info()[1]
        try:
            with tracing(trace):
                try:
                    response = self._send(url, request, body, trace)
                except FOREIGN as error:
                    return sort_failure(error, trace, outer=outer)
                trace.stage = Stage.READING
                return self._receive(response, trace, sink, outer=outer)
        finally:
            self._pools.release(url, trace)

    def _send(self, url: str, request: Request, body: bytes | None, trace: Trace) -> requests.Response:
        config = self._config
        # Limits of zero are refused by urllib3; the expired deadline itself is noticed by the trace.
        open_timeout = trace.deadline.clip(config.open_timeout)
        read_timeout = trace.deadline.clip(config.read_timeout)
        return self._pools.session.send(
            self._prepare(url, request, body),
            stream=True,
            allow_redirects=False,
            timeout=(
                None if open_timeout is None else max(open_timeout, 0.001),
                None if read_timeout is None else max(read_timeout, 0.001),
            ),
            **self._environment_of(url),
        )

    def _prepare(self, url: str, request: Request, body: bytes | None) -> PreparedRequest:
        """The request as requests wants it, without its preparation: that would read .netrc."""
        headers = dict(self._headers)
        if self._config.api_key is not None and not request.public:
            headers["Authorization"] = self._config.api_key
        if body is not None:
            headers["Content-Type"] = "application/json"
        if body is not None or request.method in ("POST", "PATCH", "PUT"):
            headers["Content-Length"] = str(len(body or b""))
        prepared = PreparedRequest()
        prepared.method = request.method
        prepared.url = url + request.path + (f"?{urlencode(request.params)}" if request.params else "")
        prepared.headers = CaseInsensitiveDict(headers)
        prepared.body = body
        prepared.hooks = default_hooks()
        prepared._cookies = self._pools.session.cookies  # type: ignore[attr-defined]
        return prepared

    def _environment_of(self, url: str) -> dict[str, Any]:
        """Proxies and CA bundle for an endpoint, read from the environment once."""
        settings = self._environment.get(url)
        if settings is None:
            settings = dict(
                self._pools.session.merge_environment_settings(url, {}, None, self._config.ssl_verify, None)
            )
            settings.pop("stream", None)
            self._environment[url] = settings
        return settings

    def _receive(
        self,
        response: requests.Response,
        trace: Trace,
        sink: BodySink | None,
        *,
        outer: BaseException | None,
    ) -> Answer | Failure:
        """Read the body to its end, into the sink or into memory, and hand the connection back."""
        status: int = response.status_code
        raw = response.raw
        complete = False
        try:
            if status < 200:
                # What follows on this connection would be taken for the answer of the next request.
                return Failure(Outcome.LOST, None, f"the interim status {status} came as the answer")
            into_sink = sink if sink is not None and 200 <= status < 300 else None
            if into_sink is not None:
                into_sink.begin(_content_length(response))
            pieces: list[bytes] = []
            size = 0
            chunks = raw.stream(_CHUNK, decode_content=True)
            while True:
                try:
                    chunk = next(chunks, None)
                except urllib3.exceptions.DecodeError:
                    encoding = response.headers.get("Content-Encoding")
                    return Answer(status, response.headers, problem=f"the body is not valid {encoding}")
                except FOREIGN as error:
                    return sort_failure(error, trace, outer=outer)
                if chunk is None:
                    break
                if into_sink is not None:
                    into_sink.write(chunk)
                    if not into_sink.in_memory:
                        continue
                size += len(chunk)
                if size > self._config.max_response_bytes:
                    limit = self._config.max_response_bytes
                    problem = f"the body is larger than max_response_bytes={limit}"
                    return Answer(status, response.headers, problem=problem)
                pieces.append(chunk)
            if getattr(raw, "length_remaining", None):
                # urllib3 1.26 does not notice a body that ends early.
                return Failure(Outcome.LOST, None, f"the body ended {raw.length_remaining} bytes early")
            complete = True
            if into_sink is not None:
                return Answer(status, response.headers, b"".join(pieces))
            return _answer(status, response.headers, b"".join(pieces))
        finally:
            if complete:
                raw.release_conn()
            else:
                response.close()


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    try:
        return Answer(status, headers, body, data=decode_body(body, headers))
    except ValueError as error:
        return Answer(status, headers, body, data=body, problem=f"its JSON cannot be read: {error}")


def _content_length(response: requests.Response) -> int | None:
    """How many bytes the sink will get, where that can be known."""
    length = response.headers.get("Content-Length", "")
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isascii() and length.isdigit() and not encoded else None
