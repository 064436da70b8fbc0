"""An address that never responds, like a machine behind a firewall that drops packets."""

from __future__ import annotations

import contextlib
import socket
from types import TracebackType

__all__ = ["SilentAddress"]


class SilentAddress:
    """A port whose queue of connections is full and stays so: the system drops each further attempt.

    Args:
        address: Where.
        port: On which port.
    """

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(0)
        self._waiting: list[socket.socket] = []

    def __enter__(self) -> SilentAddress:
        # A queue of length 0 takes one connection; the others of these stay outside.
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._listener.getsockname())
            self._waiting.append(filler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sock in (*self._waiting, self._listener):
            sock.close()
