"""A server that records each byte it receives, and is an HTTP server, a proxy, or both.

A real server shows what it parsed; this one has what was sent.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import threading
from types import TracebackType
from typing import Any

__all__ = ["Recorder"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
_BODY = b"\r\n{}"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Recorder:
    """Responds to every request with an empty JSON object; to a CONNECT with a tunnel.

    Args:
        address: Where to listen.
        port: On which port.
        tls: The TLS context; None for plain text.

    Attributes:
        requests: Each request whole, in the order in which they arrived; what a tunnel carries is none.
    """

    def __init__(self, address: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._tls = tls
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # A client that disconnects is not an error of this server.
                with contextlib.suppress(OSError):
                    recorder._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self._server = Server((address, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()  # its handlers end with their clients

    def take(self) -> list[bytes]:
        """The requests since the last call."""
        taken, self.requests = self.requests, []
        return taken

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(60)
        sock: Any = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
        with sock:
            while (request := _read_request(sock)) is not None:
                self.requests.append(request)
                method, target, _ = request.split(b" ", 2)
                if method == b"CONNECT":
                    host, _, port = target.decode().rpartition(":")
                    with socket.create_connection((host.strip("[]"), int(port))) as server:
                        sock.sendall(_ESTABLISHED)
                        _relay(sock, server)
                    return
                if b"\r\nconnection: close\r\n" in request.lower():
                    sock.sendall(_HEAD + b"Connection: close\r\n" + _BODY)
                    return
                sock.sendall(_HEAD + _BODY)


def _read_request(sock: socket.socket) -> bytes | None:
    """A head and as much of a body as it declares; None if the client has disconnected."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head = data.partition(b"\r\n\r\n")[0]
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(data) < len(head) + 4 + length:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    return data


def _relay(client: Any, server: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    while True:
        ready = [client] if getattr(client, "pending", int)() else select.select([client, server], [], [])[0]
        for sock in ready:
            data = sock.recv(65536)
            if not data:
                return
            (server if sock is client else client).sendall(data)
