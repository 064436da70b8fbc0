"""Two endpoints in a separate process that apply every kind of fault to requests.

They run in a separate process so that the measuring process has only the sockets, descriptors and memory of
the client.
"""

from __future__ import annotations

import gzip
import multiprocessing
import multiprocessing.connection
import random
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import fault_server as faults
from tests.support.fault_server import Behaviour, FaultServer
from tests.wire.faults import EARLY_HINTS, FAULTS, OK

__all__ = ["Certificates", "Servers"]

_GZIP = {"Content-Encoding": "gzip"}
_HTML = {"Content-Type": "text/html"}

#: Behaviours with their weights. Each of `FAULTS` has the weight 1.
MIX: list[tuple[Behaviour, int]] = [
    (faults.echo, 90),
    (faults.raw(EARLY_HINTS * 3 + OK + b"Content-Length: 4\r\n\r\nnull", then="keep"), 2),
    (faults.answer(body=gzip.compress(b"{}"), headers=_GZIP), 2),
    (faults.answer(body=gzip.compress(bytes(4 << 20)), headers=_GZIP), 2),  # more than the client takes
    (faults.answer(body=b"{", status=200), 2),
    (faults.answer(body=b'"\xff"', status=200), 1),
    (faults.answer(status=204, body=b""), 1),
    (faults.answer(status=302, headers={"Location": "http://127.0.0.1:9/"}), 1),
    (faults.answer(status=429, headers={"Retry-After": "0"}), 2),
    (faults.answer(body=b"<html>", status=502, headers=_HTML), 2),
    (faults.drip(faults.http(), 0.002), 1),
    (faults.drip(faults.http(), 0.03), 1),
    *[(faults.answer({"error": "no"}, status=status), 1) for status in (401, 404, 408, 422, 500, 503, 504)],
    *[(behaviour, 1) for behaviour, _ in FAULTS.values()],
]


@dataclass(frozen=True)
class Certificates:
    """Files for TLS: the bundle that a client trusts, a valid certificate, and one of another CA."""

    bundle: Path
    good: Path
    bad: Path


class Servers:
    """Two endpoints in a child process, controlled by commands over a pipe.

    Args:
        certificates: Certificates for TLS, or None for plain HTTP.
        seed: Seed of the random behaviours. They are reproducible as far as the order of threads allows.
    """

    def __init__(self, certificates: Certificates | None = None, *, seed: int = 7) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, certificates, seed), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with the process
        self.urls: list[str] = self._pipe.recv()

    def ask(self, word: str) -> Any:
        """Send a command: `well` or `badly` (faults), `kill` or `spare` (one endpoint), `journal`, `open`."""
        self._pipe.send(word)
        return self._pipe.recv()

    def close(self) -> None:
        self.ask("stop")
        self._process.join(30)
        self._pipe.close()


def _serve(pipe: multiprocessing.connection.Connection, tls: Certificates | None, seed: int) -> None:
    chance = random.Random(seed)
    good, bad = (None, None) if tls is None else (_context(tls.good), _context(tls.bad))
    behaviours, weights = zip(*MIX, strict=True)

    def treat(exchange: faults.Exchange) -> bool:
        return chance.choices(behaviours, weights)[0](exchange)

    def receive(sock: socket.socket) -> bool:
        """Fail one in twenty connections before a request is sent on it, so that no request is lost."""
        drawn = chance.randrange(200)
        if drawn < 4:
            return False
        if drawn < 6:
            sock.sendall(b"\x15\x03\x01\x00\x02\x02\x28" if tls else b"")
            return False
        if drawn < 9 and bad is not None:
            bad.wrap_socket(sock, server_side=True)
            return False
        if drawn < 10:
            servers[0].stopping.wait(0.02)
        return True

    servers = [FaultServer(after=faults.echo, tls=good) for _ in range(2)]
    pipe.send([server.url for server in servers])
    repeated = _Repeated()
    while True:
        word = pipe.recv()
        reply: Any = None
        if word in ("well", "badly"):
            repeated.stop()
            for server in servers:
                server.after = treat if word == "badly" else faults.echo
                # Without TLS, a connection closed without reading is already one of the behaviours.
                server.welcome = receive if word == "badly" and tls is not None else lambda _: True
            if word == "badly":
                repeated.start(lambda: _trip_up(chance.choice(servers), chance, repeated.ended), 0.2)
        elif word == "kill":
            repeated.start(lambda: _refuse_for_a_moment(servers[0], repeated.ended, 0.5), 0.5)
        elif word == "spare":
            repeated.stop()
        elif word == "journal":
            reply = [(a.method, a.path, a.body.decode()) for server in servers for a in server.journal]
        elif word == "open":
            reply = sum(server.open_count for server in servers)
        elif word == "stop":
            repeated.stop()
            for server in servers:
                server.close()
        pipe.send(reply)
        if word == "stop":
            return


def _context(chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def _trip_up(server: FaultServer, chance: random.Random, ended: threading.Event) -> None:
    """Refuse connections for a moment, or accept them slowly."""
    if chance.random() < 0.5:
        _refuse_for_a_moment(server, ended)
        return
    server.accepting.clear()
    ended.wait(0.05)
    server.accepting.set()


def _refuse_for_a_moment(server: FaultServer, ended: threading.Event, moment: float = 0.02) -> None:
    server.refuse()
    ended.wait(moment)
    server.listen()


class _Repeated:
    """Repeats an action in a thread until it is stopped."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, what: Callable[[], None], interval: float) -> None:
        self.stop()
        self.ended.clear()

        def repeat() -> None:
            while not self.ended.wait(interval):
                what()

        self._thread = threading.Thread(target=repeat)
        self._thread.start()

    def stop(self) -> None:
        self.ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
