"""A small forwarding proxy on the loopback interface, with a journal of its requests."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

#: Handles a CONNECT: gets the client's connection, returns whether to open the tunnel.
Policy = Callable[[socket.socket, threading.Event], bool]


def grant(client: socket.socket, stopping: threading.Event) -> bool:
    client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
    return True


def refuse(status: int) -> Policy:
    def policy(client: socket.socket, stopping: threading.Event) -> bool:
        client.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        return False

    return policy


def close(client: socket.socket, stopping: threading.Event) -> bool:
    return False


def babble(client: socket.socket, stopping: threading.Event) -> bool:
    client.sendall(b"220 mail.example ESMTP\r\n\r\n")
    return False


def stall(client: socket.socket, stopping: threading.Event) -> bool:
    stopping.wait()
    return False


def drip(client: socket.socket, stopping: threading.Event) -> bool:
    """Send often, but never finish."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Wait: ")
    while not stopping.wait(0.02):
        client.sendall(b".")
    return False


class Proxy:
    """Forwards plain requests and opens tunnels.

    Args:
        tunnel: Handles a CONNECT.
        tls: Use TLS with the clients, with this context.

    Attributes:
        heads: The head of every request to the proxy itself, as text; without those in a tunnel.
    """

    def __init__(self, tunnel: Policy = grant, tls: ssl.SSLContext | None = None) -> None:
        self.tunnel = tunnel
        self._tls = tls
        self.heads: list[str] = []
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return sum(thread.is_alive() for thread in self._threads[1:])  # the first one accepts

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _spawn(self, target: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        with client:
            try:
                head = self._head_of(client)
                if head is None:
                    return
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                if method == "CONNECT":
                    if self.tunnel(client, self._stopping):
                        host, _, port = target.rpartition(":")
                        with socket.create_connection((host, int(port))) as server:
                            self._relay(client, server)
                    return
                url = urlsplit(target)
                with socket.create_connection((url.hostname or "", url.port or 80)) as server:
                    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
                    server.sendall(head.replace(target, path, 1).encode("latin-1"))
                    self._relay(client, server)
            except OSError:
                return

    def _head_of(self, client: socket.socket) -> str | None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return None
            head += piece
        text = head.decode("latin-1")
        self.heads.append(text.partition("\r\n\r\n")[0])
        return text

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        while not self._stopping.is_set():
            for sock in select.select([client, server], [], [], 0.05)[0]:
                data = sock.recv(65536)
                if not data:
                    return
                (server if sock is client else client).sendall(data)
