"""One attempt: from a `Request` and an endpoint to an answer or a sorted failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from urllib3 import HTTPResponse, Timeout

from .._version import __version__
from ..config import Config
from ..request import BodySink, Request
from .clock import Deadline
from .content_encoding import BodyError, TruncatedBodyError, decoded
from .decoding import TooManyValuesError, decode_body, is_html, json_parser
from .failures import LIBRARY_ERRORS, Answer, Failure, classify_failure, forget_library_frames, out_of_time
from .fork import notice_fork
from .framing import BODYLESS
from .pool import Pools
from .proxy_url import credentials_of, without_credentials
from .retry import Outcome
from .session import EndpointRequest, SentHeaders
from .trace import Stage, Trace, Unwanted, tracing

__all__ = ["Wire"]

USER_AGENT: Final = f"Flask-OctaSpace/{__version__} requests/{requests.__version__}"

_CHUNK: Final = 65536


class Wire:
    """Sends attempts of one client, with its key and its limits, through pools it may share.

    Args:
        config: The client's options.
        pools: The sockets.
    """

    def __init__(self, config: Config, pools: Pools) -> None:
        self._config = config
        self._pools = pools
        json_parser()
        # Prepared once: the fields, the limits, and the path that an endpoint's address may have.
        self._public_headers = SentHeaders(
            {
                "User-Agent": config.user_agent or USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive" if config.keep_alive else "close",
            }
        )
        self._headers = self._public_headers.fresh()
        if config.api_key is not None:
            self._headers["Authorization"] = config.api_key
        self._timeout = Timeout(connect=config.open_timeout, read=config.read_timeout)
        self._prefixes = {url: urlsplit(url).path for url in config.endpoints}

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
        notice_fork()
        config = self._config
        if deadline.expired:
            return out_of_time(Stage.NONE)
        trace = Trace(
            new_connection=new_connection,
            read_timeout=config.read_timeout,
            write_timeout=config.write_timeout,
            deadline=deadline,
            waiting=None if sink is None else sink.waiting,
        )
        outer = sys.exc_info()[1]  # what the caller is handling already
        if not self._pools.acquire(url, deadline.clip(config.pool_timeout)):
            return self._pool_stayed_full(deadline)
        try:
            if self._pools.closed:  # perhaps while this call waited
                return Failure.of_settings("the client was closed during the call")
            with tracing(trace):
                return self._exchange(url, request, body, trace, sink)
        except _Foreign as failed:
            proxy = self._pools.proxy(url)
            credentials = [] if proxy is None else credentials_of(proxy)
            failure = classify_failure(failed.error, trace, outer=outer, credentials=credentials)
            failure.proxy = None if proxy is None else without_credentials(proxy)
            return failure
        except Unwanted as unwanted:
            forget_library_frames(unwanted.error, outer)
            raise unwanted.error from None
        except BaseException as error:  # an interrupt, a warning made an error, a sink that failed
            forget_library_frames(error, outer)
            raise
        finally:
            self._pools.release(url, trace)

    def _pool_stayed_full(self, deadline: Deadline) -> Failure:
        config = self._config
        if deadline.expired or config.pool_timeout is None:
            return out_of_time(Stage.NONE)
        return Failure(
            Outcome.UNSENT,
            "pool",
            f"no connection became free within {config.pool_timeout:g} s (pool_size={config.pool_size})",
            marks_endpoint=False,
        )

    def _exchange(
        self, url: str, request: Request, body: bytes | None, trace: Trace, sink: BodySink | None
    ) -> Answer | Failure:
        try:
            response = self._send(url, request, body, trace)
        except LIBRARY_ERRORS as error:
            raise _Foreign(error) from None
        except Warning:
            raise
        except Exception as error:
            # Whatever another library has put into the place of `ssl` or of sockets raises while a connection
            # is opened (a bare ValueError of pyOpenSSL, say), nothing has been sent.
            if trace.stage is not Stage.OPENING:
                raise
            raise _Foreign(error) from None
        trace.stage = Stage.READING
        return self._receive(response, request, sink, trace.deadline)

    def _send(self, url: str, request: Request, body: bytes | None, trace: Trace) -> requests.Response:
        return self._pools.session.send(
            self._prepare(url, request, body),
            stream=True,
            allow_redirects=False,
            timeout=self._limits(trace.deadline),  # type: ignore[arg-type]  # urllib3's own is taken as well
            **self._pools.environment(url),
        )

    def _limits(self, deadline: Deadline) -> Timeout:
        if deadline.limit is None:
            return self._timeout
        # Limits of zero are refused by urllib3; the expired deadline itself is noticed by the trace.
        open_timeout = deadline.clip(self._config.open_timeout)
        read_timeout = deadline.clip(self._config.read_timeout)
        return Timeout(
            connect=None if open_timeout is None else max(open_timeout, 0.001),
            read=None if read_timeout is None else max(read_timeout, 0.001),
        )

    def _prepare(self, url: str, request: Request, body: bytes | None) -> EndpointRequest:
        """The request as requests wants it, without its preparation: that would read .netrc."""
        headers = (self._public_headers if request.public else self._headers).fresh()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if body is not None or request.method not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(body or b""))
        prepared = EndpointRequest()
        prepared.method = request.method
        prepared.endpoint = url
        target = request.path
        if request.params:
            joint = "" if target.endswith("?") else "&" if "?" in target else "?"
            target += joint + urlencode(request.params)
        prepared.url = url + target
        prepared.target = self._prefixes[url] + target
        prepared.headers = headers
        prepared.body = body
        prepared._cookies = self._pools.session.cookies  # type: ignore[attr-defined]
        return prepared

    def _receive(
        self, response: requests.Response, request: Request, sink: BodySink | None, deadline: Deadline
    ) -> Answer | Failure:
        """Read the body to its end, into the sink or into memory, and hand the connection back."""
        status: int = response.status_code
        headers = response.headers
        complete = False
        try:
            if status < 200:
                # What follows on this connection would be taken for the answer of the next request.
                return Failure(Outcome.LOST, None, f"the interim status {status} came as the answer")
            into_sink = sink if 200 <= status < 300 else None
            if request.expects == "file" and is_html(headers):
                into_sink = None  # it is not the file, and must not stand in its place
            # The answer to a change names what costs money. What has come of it is decoded, late or not: its
            # size is bounded, and so is the time that takes.
            end = deadline if deadline.limit is not None and request.repeatable else None
            body = self._take(response, into_sink, end)
            complete = True
            if into_sink is not None:
                return Answer(status, headers, body)
            if end is None:
                return self._answer(status, headers, body, request)
            answer = None if end.expired else self._answer(status, headers, body, request)
            return out_of_time(Stage.NONE) if answer is None or end.expired else answer
        except BodyError as error:
            return Answer(status, headers, problem=str(error), option=error.option)
        except (TruncatedBodyError, _Foreign) as error:
            if not request.repeatable and 400 <= status < 500 and status != 408:
                # Refused, whatever became of the rest. A proxy may refuse before it has read the request, and
                # its connection is reset then.
                return Answer(status, headers)
            if isinstance(error, _Foreign):
                raise
            return Failure(Outcome.LOST, None, str(error))
        finally:
            if complete:
                release = getattr(response.raw, "release_conn", None)
                if release is not None:  # not every recorder's answer has one (vcrpy 8)
                    release()
            else:
                response.close()

    def _take(self, response: requests.Response, sink: BodySink | None, end: Deadline | None) -> bytes:
        raw, headers = response.raw, response.headers
        # Not by chunks: urllib3 would wait for those that a field announces and that never come.
        bodyless = response.status_code in BODYLESS
        if sink is None and (bodyless or self._fits(headers)):
            # In one go: the way by chunks and decoders costs more than a small body is worth.
            return _whole(raw)
        in_memory = sink is None or sink.in_memory
        # A recorder's own answer (vcrpy's) is decoded already, and says otherwise.
        encoded = isinstance(raw, HTTPResponse)
        chunks = decoded(
            filter(None, [_whole(raw)]) if bodyless else _raw_chunks(raw),
            headers.get("Content-Encoding", "") if encoded else "",
            limit=self._config.max_response_bytes if in_memory else None,
        )
        if sink is not None:
            sink.begin(_content_length(headers))
        pieces: list[bytes] = []
        for chunk in chunks:
            if end is not None and end.expired:  # sockets look at it when they wait, decompression does not
                raise _Foreign(TimeoutError("no time left"))
            if sink is not None:
                sink.write(chunk)
            if in_memory:
                pieces.append(chunk)
        return b"".join(pieces)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, request: Request) -> Answer:
        try:
            data = decode_body(
                body,
                headers,
                max_values=self._config.max_json_values,
                json_expected=request.expects in ("json", "json or nothing"),
            )
            return Answer(status, headers, body, data=data)
        except TooManyValuesError as error:
            return Answer(status, headers, body, data=body, problem=str(error), option="max_json_values")
        except ValueError as error:
            return Answer(status, headers, body, data=body, problem=f"its JSON cannot be read: {error}")

    def _fits(self, headers: Mapping[str, str]) -> bool:
        """Whether a body says that it is not encoded, and not larger than may be."""
        length = _content_length(headers)
        return length is not None and length <= self._config.max_response_bytes


class _Foreign(Exception):  # noqa: N818  # carries an error and is none
    """Brings what the libraries raised past our own code, and nothing that a sink raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _raw_chunks(raw: Any) -> Iterator[bytes]:
    try:
        yield from raw.stream(_CHUNK, decode_content=False)
    except LIBRARY_ERRORS as error:
        raise _Foreign(error) from None
    _check_end(raw)


def _whole(raw: Any) -> bytes:
    try:
        body: bytes = raw.read(decode_content=False)
    except LIBRARY_ERRORS as error:
        raise _Foreign(error) from None
    _check_end(raw)
    return body


def _check_end(raw: Any) -> None:
    if getattr(raw, "length_remaining", None):
        # urllib3 1.26 does not notice a body that ends early.
        raise TruncatedBodyError(f"the body ended {raw.length_remaining} bytes early")


def _content_length(headers: Mapping[str, str]) -> int | None:
    """How many bytes the sink will get, where that can be known."""
    length = headers.get("Content-Length", "")
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 and not encoded else None
