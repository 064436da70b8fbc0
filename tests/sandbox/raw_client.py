"""A client on a bare socket: sends given bytes, and reads answers byte by byte."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        #: What has come and has not been read as an answer.
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, line: str, *headers: str, body: bytes = b"") -> None:
        """Send one request with a key: `line` is method and target."""
        lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1", "Authorization: sk-raw", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; fails when the connection ends before it is whole."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), f"the connection ended after {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        wanted = 0 if head_only else int(headers["content-length"])
        while len(self.buffer) < wanted:
            assert self.more(), f"the connection ended within a body of {wanted} bytes"
        body, self.buffer = self.buffer[:wanted], self.buffer[wanted:]
        assert first.startswith("HTTP/1.1 ")
        return Answer(int(first.split(" ")[1]), headers, body)

    def rest(self) -> bytes:
        """Everything until the server closes; raises ConnectionResetError for a reset."""
        while self.more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def is_silent(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for a moment, and the connection stays open."""
        self.socket.settimeout(seconds)
        try:
            self.more()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)
        return False

    def close(self) -> None:
        self.socket.close()

    def more(self) -> bool:
        """Wait for the next bytes; False when the server has closed."""
        data = self.socket.recv(65_536)
        self.buffer += data
        return bool(data)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
