"""A server on a raw socket that handles each request as scripted, and keeps a journal.

HTTP servers do not reset a connection, stop in the middle of a chunk, or read a request and send nothing.
Each behaviour below is one way to handle one request.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """A request that was read completely."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    carried_out: bool = True
    head: bytes = b""


class Exchange:
    """One request on one connection, as passed to a behaviour."""

    def __init__(self, server: FaultServer, sock: socket.socket, connection: int) -> None:
        self.server = server
        self.sock = sock
        self.connection = connection
        self._buffer = b""

    def read_request(self, *, carried_out: bool = True) -> Arrival | None:
        """Read one request and add it to the journal; None if the client has disconnected."""
        while b"\r\n\r\n" not in self._buffer:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self._buffer += piece
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        wanted = int(headers.get("content-length", 0))
        while len(rest) < wanted:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            rest += piece
        self._buffer = rest[wanted:]
        method, path, _ = first.split(" ")
        arrival = Arrival(method, path, headers, rest[:wanted], self.connection, carried_out, head)
        self.server.journal.append(arrival)
        return arrival

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Do nothing until the server stops or the client disconnects."""
        while not self.server.stopping.is_set():
            try:
                readable, _, _ = select.select([self.sock], [], [], 0.02)
                if readable and not self.sock.recv(65536, socket.MSG_PEEK if self.server.tls is None else 0):
                    return
                if readable:
                    self.server.stopping.wait(0.02)
            except (OSError, ValueError):
                return


#: Handles one request; True keeps the connection for the next.
Behaviour = Callable[[Exchange], bool]


def http(
    status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None, *, length: bool = True
) -> bytes:
    fields = {"Content-Type": "application/json", **(headers or {})}
    if length:
        fields.setdefault("Content-Length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Reason\r\n{lines}\r\n".encode("latin-1") + body


def answer(
    data: Any = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Behaviour:
    """Send a valid response."""

    def behave(exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        content = json.dumps({} if data is None else data).encode() if body is None else body
        exchange.send(http(status, content, headers))
        return arrival.headers.get("connection") != "close"

    return behave


def echo(exchange: Exchange) -> bool:
    """Respond with the request, so that mixed-up responses are detected."""
    arrival = exchange.read_request()
    if arrival is None:
        return False
    seen = {"path": arrival.path, "connection": arrival.connection, "body": arrival.body.decode()}
    exchange.send(http(200, json.dumps(seen).encode()))
    return arrival.headers.get("connection") != "close"


def raw(data: bytes, *, then: str = "close") -> Behaviour:
    """Read the request, send exactly these bytes, and `close`, `reset`, `hold` or `keep` the connection."""

    def behave(exchange: Exchange) -> bool:
        if exchange.read_request() is None:
            return False
        if data:
            exchange.send(data)
        if then == "reset":
            exchange.reset()
        if then == "hold":
            exchange.hold()
        return then == "keep"

    return behave


def close_unread(exchange: Exchange) -> bool:
    """Close with the request unread: the kernel sends RST, and the client learns nothing else."""
    return False


def reset_unread(exchange: Exchange) -> bool:
    exchange.reset()
    return False


def never_read(exchange: Exchange) -> bool:
    """Leave the request in the socket buffers, so that sending a large one blocks."""
    exchange.server.stopping.wait()
    return False


def read_slowly(exchange: Exchange) -> bool:
    """Read a little at intervals: no single wait of the sender is long, but their sum is."""
    while not exchange.server.stopping.wait(0.01):
        if not exchange.sock.recv(1024):
            break
    return False


#: Read the request and close: the client cannot know whether it was carried out.
close_after_reading: Behaviour = raw(b"")
reset_after_reading: Behaviour = raw(b"", then="reset")
#: Read the request and never send anything.
stall: Behaviour = raw(b"", then="hold")
#: Declare a body, send half of it, and send nothing more / close.
stall_in_body: Behaviour = raw(http(200, b'{"a": 1}')[:-4], then="hold")
truncate: Behaviour = raw(http(200, b'{"a": 1}')[:-4])


def drip(data: bytes, interval: float) -> Behaviour:
    """Send byte by byte: each wait is short, but their sum is long."""

    def behave(exchange: Exchange) -> bool:
        if exchange.read_request() is None:
            return False
        for index in range(len(data)):
            if exchange.server.stopping.wait(interval):
                break
            exchange.send(data[index : index + 1])
        return False

    return behave


@dataclass
class FaultServer:
    """Serves a script on a free port of the loopback interface.

    Args:
        script: One behaviour per request, in order of arrival.
        after: The behaviour after the end of the script.
        tls: Use TLS with this context.
        handshake: False accepts connections and never answers the handshake (with `tls`) or anything.
        port: 0 for a free one.
        host: The address to listen at.
        backlog: How many connections the kernel queues before they are accepted.
        accepts: False leaves connections to the kernel until `accepting` is set.
        welcome: Called with each new connection; False ends it, before TLS or any request.

    Attributes:
        journal: The requests that were read completely.
        accepted: How many connections there were.
        greeted: Set when the first byte of a handshake that is not answered arrives.
    """

    script: Iterable[Behaviour] = ()
    after: Behaviour = field(default_factory=lambda: answer())
    tls: ssl.SSLContext | None = None
    handshake: bool = True
    port: int = 0
    host: str = "127.0.0.1"
    backlog: int = 256
    accepts: bool = True
    welcome: Callable[[socket.socket], bool] = lambda _: True

    def __post_init__(self) -> None:
        self.journal: list[Arrival] = []
        self.stopping = threading.Event()
        self.accepting = threading.Event()
        self.greeted = threading.Event()
        if self.accepts:
            self.accepting.set()
        self.accepted = 0
        self.open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._steps = iter(list(self.script))
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self.listen()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls is None else 'https'}://{host}:{self.port}"

    @property
    def open_count(self) -> int:
        with self._lock:
            return len(self.open)

    def then(self, *script: Behaviour) -> None:
        """Replace the rest of the script."""
        with self._lock:
            self._steps = iter(script)

    def listen(self) -> None:
        """Accept connections, on the same port as before when it was refusing."""
        self._listener = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A large request that is not read blocks soon.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._listener.bind((self.host, self.port))
        self._listener.listen(self.backlog)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept, self._listener)

    def refuse(self) -> None:
        """Close the listening socket and every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close every connection, as a server does with idle ones."""
        with self._lock:
            sockets = list(self.open)
        for sock in sockets:
            try:
                # Not SSLSocket's: its thread would read the encrypted data undecrypted afterwards.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self.stopping.set()
        self.accepting.set()
        self.refuse()
        for thread in self._threads:
            thread.join(10)

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive() or t.ident is None] + [thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            self.accepting.wait()
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                number = self.accepted
                self.open.add(sock)
            self._spawn(self._serve, sock, number)

    def _serve(self, plain: socket.socket, number: int) -> None:
        sock = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self.handshake:
                select.select([plain], [], [])
                self.greeted.set()
                self.stopping.wait()
                return
            if not self.welcome(plain):
                return
            if self.tls is not None:
                sock = self.tls.wrap_socket(plain, server_side=True)
                with self._lock:
                    self.open.discard(plain)
                    self.open.add(sock)
            exchange = Exchange(self, sock, number)
            while exchange._buffer or select.select([sock], [], [])[0]:
                if not exchange._buffer and self.tls is None and not sock.recv(1, socket.MSG_PEEK):
                    return
                with self._lock:
                    behaviour = next(self._steps, self.after)
                if not behaviour(exchange):
                    return
        except (OSError, ValueError):
            return  # the client has disconnected, or the behaviour closed the socket
        finally:
            with self._lock:
                self.open -= {plain, sock}
            sock.close()
