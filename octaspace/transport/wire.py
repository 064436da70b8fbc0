"""One attempt: send a `Request` to an endpoint; the result is an answer or a classified failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests
from urllib3 import HTTPResponse, Timeout

from .._version import __version__
from ..config import Config
from ..fork import notice_fork
from ..request import BodySink, Request
from .clock import Deadline
from .content_encoding import BodyError, TruncatedBodyError, decoded
from .decoded_answer import decoded_answer
from .decoding import is_html, json_parser
from .failures import (
    LIBRARY_ERRORS,
    Answer,
    Failure,
    classify_failure,
    deadline_failure,
    forget_library_frames,
)
from .pool import Pools
from .proxy_url import credentials_of, without_credentials
from .response_head import BODYLESS
from .retry import Outcome
from .reused_response import ReusedResponse
from .sent_headers import SentHeaders
from .session import EndpointRequest
from .trace import CallAborted, Stage, Trace, tracing

__all__ = ["Wire"]

USER_AGENT: Final = f"Flask-OctaSpace/{__version__} requests/{requests.__version__}"

#: Bytes of a body that are read at a time.
_CHUNK: Final = 65536

#: The same for a large file, which takes half of the CPU time. It is at most a 64th of the file, so that its
#: progress is reported as finely.
_LARGE_CHUNK: Final = 4 * _CHUNK
_LARGE_FILE: Final = 64 * _LARGE_CHUNK


class Wire:
    """Makes the attempts of one client, with its key and its limits, through pools it may share.

    Args:
        config: The client's options.
        pools: The sockets.
    """

    def __init__(self, config: Config, pools: Pools) -> None:
        self._config = config
        self._pools = pools
        json_parser()
        # Prepared once: the header fields, the limits, and the path of each endpoint.
        self._public_headers = SentHeaders(
            {
                "User-Agent": config.user_agent or USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive" if config.keep_alive else "close",
            }
        )
        self._headers = self._public_headers.clone()
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
            deadline: The end of the attempt, which is at most the end of the whole call.
            sink: Receives a 2xx body; None keeps it in memory.
        """
        notice_fork()
        config = self._config
        if deadline.expired:
            return deadline_failure(deadline, Stage.NONE)
        trace = Trace(
            new_connection=new_connection,
            read_timeout=config.read_timeout,
            write_timeout=config.write_timeout,
            deadline=deadline,
            waiting=None if sink is None else sink.waiting,
        )
        outer = sys.exc_info()[1]  # the exception the caller is already handling
        try:  # an interrupt may come at the end of `acquire`; what was not acquired is not released
            if not self._pools.acquire(url, deadline.clip(config.pool_timeout), trace):
                failure = self._pool_timeout_failure(deadline)
                failure.trace = trace
                return failure
            if self._pools.closed:  # possibly during the wait
                return Failure.misconfiguration("the client was closed during the call")
            with tracing(trace):
                result = self._exchange(url, request, body, trace, sink)
            result.trace = trace
            return result
        except _LibraryError as failed:
            proxy = self._pools.proxy(url)
            credentials = [] if proxy is None else credentials_of(proxy)
            failure = classify_failure(failed.error, trace, outer=outer, credentials=credentials)
            failure.proxy = None if proxy is None else without_credentials(proxy)
            failure.trace = trace
            return failure
        except CallAborted as aborted:
            forget_library_frames(aborted.error, outer)
            forget_library_frames(aborted, outer)  # the context of that error
            raise aborted.error from None
        except BaseException as error:  # an interrupt, a warning turned into an error, a failed sink
            forget_library_frames(error, outer)
            raise
        finally:
            self._pools.release(url, trace)

    def _pool_timeout_failure(self, deadline: Deadline) -> Failure:
        config = self._config
        if deadline.expired or config.pool_timeout is None:
            return deadline_failure(deadline, Stage.NONE)
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
            raise _LibraryError(error) from None
        except Warning:
            raise
        except Exception as error:
            # A library that has replaced `ssl` or sockets may raise anything while a connection opens, e.g.
            # a ValueError of pyOpenSSL. Nothing has been sent then.
            if trace.stage is not Stage.OPENING:
                raise
            raise _LibraryError(error) from None
        trace.stage = Stage.READING
        return self._receive(response, request, sink, trace)

    def _send(self, url: str, request: Request, body: bytes | None, trace: Trace) -> requests.Response:
        return self._pools.session.send(
            self._prepare(url, request, body),
            stream=True,
            allow_redirects=False,
            timeout=self._limits(trace.deadline),  # type: ignore[arg-type]  # requests accepts urllib3's as well
            **self._pools.environment(url),
        )

    def _limits(self, deadline: Deadline) -> Timeout:
        if deadline.limit is None:
            return self._timeout
        # urllib3 refuses limits of zero; the trace detects the expired deadline.
        open_timeout = deadline.clip(self._config.open_timeout)
        read_timeout = deadline.clip(self._config.read_timeout)
        return Timeout(
            connect=None if open_timeout is None else max(open_timeout, 0.001),
            read=None if read_timeout is None else max(read_timeout, 0.001),
        )

    def _prepare(self, url: str, request: Request, body: bytes | None) -> EndpointRequest:
        """Create the prepared request without requests' own preparation, which would read .netrc."""
        headers = (self._public_headers if request.public else self._headers).clone()
        if body is not None:
            headers["Content-Type"] = "application/json"
        if body is not None or request.method not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(body or b""))
        prepared = EndpointRequest()
        prepared.method = request.method
        prepared.endpoint = url
        target = request.path
        if request.params:
            separator = "" if target.endswith("?") else "&" if "?" in target else "?"
            target += separator + urlencode(request.params)
        prepared.url = url + target
        prepared.target = self._prefixes[url] + target
        prepared.headers = headers  # type: ignore[assignment]  # requests only needs a mapping
        prepared.body = body
        return prepared

    def _receive(
        self, response: requests.Response, request: Request, sink: BodySink | None, trace: Trace
    ) -> Answer | Failure:
        """Read the whole body into the sink or into memory, and release the connection."""
        status: int = response.status_code
        headers = response.headers
        complete = False
        try:
            if status < 200:
                # Further data on this connection would be taken for the response to the next request.
                return Failure(Outcome.LOST, None, f"the response has the interim status {status}")
            into_sink = sink if 200 <= status < 300 else None
            if request.expects == "file" and is_html(headers):
                into_sink = None  # an error page, which must not replace the file
            # The response to a change names what costs money, so it is decoded even after the deadline. Its
            # size is limited, and so is the time that takes.
            if into_sink is not None:
                # A file that arrives would start from its beginning at the next endpoint.
                trace.deadline = trace.deadline.call or trace.deadline
            deadline = trace.deadline
            end = deadline if deadline.limit is not None and request.repeatable else None
            body = self._read_body(response, into_sink, end)
            complete = True
            if into_sink is not None:
                return Answer(status, headers, body)
            if end is None:
                return decoded_answer(status, headers, body, request, self._config)
            end = deadline.call or deadline  # a complete answer is not requested again
            answer = None if end.expired else decoded_answer(status, headers, body, request, self._config)
            return deadline_failure(end, Stage.NONE) if answer is None or end.expired else answer
        except BodyError as error:
            return Answer(status, headers, problem=str(error), option=error.option)
        except (TruncatedBodyError, _LibraryError) as error:
            if not request.repeatable and 400 <= status < 500 and status != 408:
                # The status is a refusal, even if the body is incomplete: a proxy may respond before it has
                # read the request, and reset the connection.
                return Answer(status, headers)
            if isinstance(error, _LibraryError):
                raise
            return Failure(Outcome.LOST, None, str(error))
        finally:
            if complete:
                release = getattr(response.raw, "release_conn", None)
                if release is not None:  # missing in the responses of some recorders (vcrpy 8)
                    release()
            else:
                response.close()

    def _read_body(self, response: requests.Response, sink: BodySink | None, end: Deadline | None) -> bytes:
        raw, headers = response.raw, response.headers
        # Not in chunks: urllib3 would wait for chunks that the header declares and that are never sent.
        bodyless = response.status_code in BODYLESS
        if sink is None and (bodyless or self._fits_in_memory(headers)):
            # In one step: for a small body, chunks and decoders would take longer than reading.
            return _read_all(raw)
        in_memory = sink is None or sink.in_memory
        # The response of a recorder (vcrpy) is already decoded, although its header declares an encoding.
        encoded = isinstance(raw, (HTTPResponse, ReusedResponse))
        length = _content_length(headers)
        is_large = not in_memory and length is not None and length >= _LARGE_FILE
        chunks = decoded(
            filter(None, [_read_all(raw)])
            if bodyless
            else _raw_chunks(raw, _LARGE_CHUNK if is_large else _CHUNK),
            headers.get("Content-Encoding", "") if encoded else "",
            limit=self._config.max_response_bytes if in_memory else None,
        )
        if sink is not None:
            sink.begin(length)
        pieces: list[bytes] = []
        for chunk in chunks:
            if end is not None and end.expired:  # socket waits check the deadline, decompression does not
                raise _LibraryError(TimeoutError("no time left"))
            if sink is not None:
                sink.write(chunk)
            if in_memory:
                pieces.append(chunk)
        return b"".join(pieces)

    def _fits_in_memory(self, headers: Mapping[str, str]) -> bool:
        """Whether the header declares a body that is not encoded and within the limit."""
        length = _content_length(headers)
        return length is not None and length <= self._config.max_response_bytes


class _LibraryError(Exception):  # only carries an error
    """Carries an exception of a library, to tell it from one that a sink raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _raw_chunks(raw: Any, size: int) -> Iterator[bytes]:
    try:
        yield from raw.stream(size, decode_content=False)
    except LIBRARY_ERRORS as error:
        raise _LibraryError(error) from None
    _check_end(raw)


def _read_all(raw: Any) -> bytes:
    try:
        body: bytes = raw.read(decode_content=False)
    except LIBRARY_ERRORS as error:
        raise _LibraryError(error) from None
    _check_end(raw)
    return body


def _check_end(raw: Any) -> None:
    if getattr(raw, "length_remaining", None):
        # urllib3 1.26 does not detect a truncated body.
        raise TruncatedBodyError(f"the body ended {raw.length_remaining} bytes early")


def _content_length(headers: Mapping[str, str]) -> int | None:
    """The number of bytes that the sink will receive, or None if unknown."""
    length = headers.get("Content-Length", "")
    encoded = headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 and not encoded else None
