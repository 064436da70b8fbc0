"""A link to a server that loses an answer: the server has done what it was asked, and nobody knows."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType

__all__ = ["LossyLink"]


class LossyLink:
    """Forwards connections to a port of this machine.

    Args:
        port: The port of the server.

    Attributes:
        port: The port to connect to.
        lost: How many answers were lost.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._marks: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0

    def lose_answer_to(self, mark: str) -> None:
        """Lose the answer to the next request that contains this text, and close its connection."""
        self._marks.append(mark.encode())

    def _run(self) -> None:
        peers: dict[socket.socket, socket.socket] = {}
        doomed: set[socket.socket] = set()
        while True:
            ready, _, _ = select.select([self._listener, self._stopping, *peers], [], [])
            if self._stopping in ready:
                for one in peers:
                    one.close()
                return
            for one in ready:
                if one is self._listener:
                    client = self._listener.accept()[0]
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                    peers[client], peers[server] = server, client
                    continue
                if one not in peers:
                    continue
                data = one.recv(65536)
                if data and one not in doomed:
                    for mark in [mark for mark in self._marks if mark in data]:
                        self._marks.remove(mark)
                        doomed.add(peers[one])
                    peers[one].sendall(data)
                    continue
                self.lost += one in doomed
                doomed.discard(one)
                for end in (one, peers[one]):
                    del peers[end]
                    end.close()

    def __enter__(self) -> LossyLink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.send(b"x")
        self._thread.join(20)
        for one in (self._listener, self._stopping, self._wake):
            one.close()
