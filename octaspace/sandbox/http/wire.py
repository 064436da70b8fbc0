"""HTTP/1.1 on a socket: reading one request at a time, and writing an answer in one piece."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

MAX_HEAD = 65_536
MAX_HEADERS = 100
MAX_BODY = 2**20
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"[!-~\x80-\xff]+")
_VERSION = re.compile(rb"HTTP/(\d)\.(\d)")


class DisconnectedError(Exception):
    """The client disconnected or was idle for too long: close without an answer."""


class MalformedError(Exception):
    """A request that cannot be served; it is answered with `status`, then the connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Request:
    """One request as it arrived. Header names are in lower case; `target` is still percent-encoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    keep_alive: bool = True

    @property
    def path(self) -> str:
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Response:
    """One answer. `announced` is a Content-Length other than the body's: HEAD, some faults."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    announced: int | None = None

    def head(self, keep_alive: bool, time: float) -> bytes:
        """Status line and headers, the empty line included.

        Args:
            keep_alive: Whether the connection stays open.
            time: The time of the world, seconds since 1970.
        """
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        lines.append(f"Content-Length: {len(self.body) if self.announced is None else self.announced}")
        lines.append(f"Date: {formatdate(time, usegmt=True)}")
        lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


class Reader:
    """Reads requests from one connection; bytes of the next request are kept for the next call."""

    def __init__(self, connection: socket.socket, idle_timeout: float, read_timeout: float = 30.0) -> None:
        self._socket = connection
        self._idle_timeout, self._read_timeout = idle_timeout, read_timeout
        self._buffer = bytearray()

    def wait(self) -> bytes:
        """The first line of the next request, left on the socket if it came in one piece.

        Raises `DisconnectedError` when no line arrives, `MalformedError` when it does not end.
        """
        line = _first_line(self._buffer)
        if line is None and not self._buffer:
            self._socket.settimeout(self._idle_timeout)
            try:
                data = self._socket.recv(8192, socket.MSG_PEEK)
            except OSError:
                raise DisconnectedError from None
            if not data:
                raise DisconnectedError
            line = _first_line(data)
        self._deadline = time.monotonic() + self._read_timeout
        while line is None:
            self._receive_head()
            line = _first_line(self._buffer)
        return line

    def read(self) -> Request:
        """Read the next request completely.

        Raises:
            MalformedError: What arrived is not a request.
            DisconnectedError: The client closed the connection.

        The time it may take counts from the first line on, for which `wait` has waited.
        """
        request, length = self._head()
        if length > MAX_BODY:
            raise MalformedError(413, f"bodies of more than {MAX_BODY} bytes are refused")
        expectation = request.headers.get("expect")
        if expectation is not None:
            if expectation.lower() != "100-continue":
                raise MalformedError(417, "only 100-continue can be expected")
            if length > len(self._buffer):
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            self._receive()
        request.body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return request

    def _head(self) -> tuple[Request, int]:
        self._skip_empty_lines()
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._receive_head()
            self._skip_empty_lines()
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        if len(lines) > MAX_HEADERS:
            raise MalformedError(431, "too many headers")
        method, target, minor = parse_request_line(lines[0])
        headers = _headers(lines[1:])
        if minor == 1 and "host" not in headers:
            raise MalformedError(400, "the Host header is missing")
        tokens = headers.get("connection", "").lower()
        keep_alive = "close" not in tokens if minor == 1 else "keep-alive" in tokens
        return Request(method, target, headers, keep_alive=keep_alive), _body_length(headers)

    def _skip_empty_lines(self) -> None:
        """Clients may send some before a request line."""
        while self._buffer.startswith((b"\r\n", b"\n")):
            del self._buffer[: self._buffer.index(b"\n") + 1]

    def _receive_head(self) -> None:
        if len(self._buffer) > MAX_HEAD:
            raise MalformedError(431, "the head of the request is too large")
        self._receive()

    def _receive(self) -> None:
        left = self._deadline - time.monotonic()
        try:
            self._socket.settimeout(max(left, 0.001))
            data = self._socket.recv(65_536)
        except TimeoutError:
            raise MalformedError(408, "the request did not arrive in time") from None
        except OSError:
            raise DisconnectedError from None
        if not data:
            raise DisconnectedError
        self._buffer += data

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            raise DisconnectedError from None


def _first_line(data: bytes | bytearray) -> bytes | None:
    line, end, _ = bytes(data).lstrip(b"\r\n").partition(b"\n")
    return line.rstrip(b"\r") if end else None


def parse_request_line(line: bytes) -> tuple[str, str, int]:
    """Method, target in origin form, and minor version of the protocol; raises `MalformedError`."""
    parts = line.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not _TARGET.fullmatch(parts[1]):
        raise MalformedError(400, "the request line cannot be read")
    version = _VERSION.fullmatch(parts[2])
    if version is None:
        raise MalformedError(400, "the request line names no protocol")
    if version.group(1) != b"1":
        raise MalformedError(505, "only HTTP/1 is supported")
    target = parts[1].decode("latin-1")
    if target.lower().startswith(("http://", "https://")):  # As a client writes it to a proxy.
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    if not target.startswith("/") and not (target == "*" and parts[0] == b"OPTIONS"):
        raise MalformedError(400, "the target of the request is not a path")
    return parts[0].decode("ascii"), target, int(version.group(2))


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise MalformedError(400, "a header cannot be read")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        if any(character in text for character in "\r\n\0"):
            raise MalformedError(400, "a header holds a control character")
        if key in headers:
            if key in ("content-length", "host", "authorization"):
                raise MalformedError(400, f"{key} is given twice")
            text = f"{headers[key]}, {text}"
        headers[key] = text
    return headers


def _body_length(headers: dict[str, str]) -> int:
    length = headers.get("content-length")
    if "transfer-encoding" in headers:
        if length is not None:
            raise MalformedError(400, "both Content-Length and Transfer-Encoding are given")
        raise MalformedError(411, "a body needs a Content-Length")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise MalformedError(400, "Content-Length is not a number")
    return int(length)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
