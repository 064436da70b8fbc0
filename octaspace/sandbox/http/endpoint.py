"""One listening port: accepts connections, closes, reopens, and stops without leaving a thread."""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from typing import Any

from .connection import Connection, Shared


class PortInUseError(OSError):
    """The port is used by another program."""


class Endpoint:
    """Listens on one port of one host and serves each connection in its own thread."""

    def __init__(self, shared: Shared, host: str, port: int, control_only: bool = False) -> None:
        self._shared, self.host, self._control_only = shared, host, control_only
        self._lock = threading.RLock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None
        self.accepted = 0
        self._socket = self._bind(port)
        #: The port, also when 0 was asked for.
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def listening(self) -> bool:
        return self._acceptor is not None

    def open(self) -> None:
        """Listen, from now on or again."""
        with self._lock:
            if self._acceptor is not None:
                return
            self._socket.listen(1024)
            self._socket.setblocking(False)
            self._wake, wake = socket.socketpair()
            self._acceptor = threading.Thread(
                target=self._accept, args=(self._socket, wake), name=f"sandbox-{self.port}", daemon=True
            )
            self._acceptor.start()

    def refuse(self) -> None:
        """Close the port and every connection; the port stays reserved, so that `open` can use it again."""
        with self._lock:
            if self._acceptor is None:
                return
            self._close_listener()
            # Bound but not listening: connections are refused, and no other program can take the port.
            self._socket = self._bind(self.port)
            for connection in list(self._connections):
                connection.finish()

    def restart(self) -> None:
        """Break every connection off, wait until its thread has ended, and listen again on the same port.

        Connections that the system has accepted but this endpoint has not are broken off too.
        """
        with self._lock:
            self.refuse()
            connections = dict(self._connections)
        for connection, thread in connections.items():
            connection.shut(socket.SHUT_RDWR)
            thread.join()
        self.accepted = 0
        self.open()

    def stop(self, patience: float = 2.0) -> None:
        """Close the port, let answers under way go out, and wait for every thread to end."""
        with self._lock:
            self._close_listener()
            connections = dict(self._connections)
        for connection in connections:
            connection.shut(socket.SHUT_RD)
        deadline = time.monotonic() + patience
        for connection, thread in connections.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                connection.shut(socket.SHUT_RDWR)
                thread.join()

    def view(self) -> dict[str, Any]:
        """As JSON: port, URL, whether it listens, open connections, connections accepted so far."""
        with self._lock:
            return {
                "port": self.port,
                "url": self.url,
                "listening": self.listening,
                "connections": len(self._connections),
                "accepted": self.accepted,
            }

    def _bind(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Lingering connections of an earlier run do not block the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, port))
        except OSError as problem:
            listener.close()
            if problem.errno == errno.EADDRINUSE:
                raise PortInUseError(problem.errno, f"port {port} on {self.host} is in use") from None
            raise
        return listener

    def _close_listener(self) -> None:
        if self._acceptor is not None:
            self._wake.send(b"x")
            self._acceptor.join()
            self._wake.close()
            self._acceptor = None
        self._socket.close()

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        with wake, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while wake not in {key.fileobj for key, _ in selector.select()}:
                try:
                    client, _ = listener.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    continue
                except OSError:  # Out of file descriptors: others must close first.
                    self._shared.stopping.wait(0.05)
                    continue
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        client.setblocking(True)
        connection = Connection(self._shared, client, self.port, self._control_only)

        def run() -> None:
            try:
                connection.run()
            finally:
                with self._lock:
                    self._connections.pop(connection, None)

        thread = threading.Thread(target=run, name=f"sandbox-{self.port}-{connection.id}", daemon=True)
        self.accepted += 1
        # Without the lock: who closes this port holds it and waits for this thread to end.
        self._connections[connection] = thread
        thread.start()
