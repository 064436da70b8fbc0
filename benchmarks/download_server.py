"""A server of large files, for `benchmarks.download`.

python -m benchmarks.download_server     prints its port and serves until its standard input is closed

`GET /nodes/64/logs` answers with 64 MiB and a Content-Length; `/chunked/nodes/64/logs` with chunks of 32 KiB.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress

__all__ = ["MIB"]

MIB = 1 << 20
_BLOCK = bytes(range(256)) * (MIB // 256)
_CHUNKS = (b"8000\r\n" + _BLOCK[:0x8000] + b"\r\n") * (MIB // 0x8000)


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection, suppress(OSError), connection.makefile("rb") as lines:
        path = lines.readline().split()[1].split(b"/")
        while lines.readline() not in (b"\r\n", b""):
            pass
        size, chunked = int(path[-2]), path[1] == b"chunked"
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (size * MIB)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nConnection: close\r\n"
            + length
            + b"\r\n\r\n"
        )
        for _ in range(size):
            connection.sendall(_CHUNKS if chunked else _BLOCK)
        if chunked:
            connection.sendall(b"0\r\n\r\n")


def main() -> None:
    """Serve until standard input is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
