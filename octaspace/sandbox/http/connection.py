"""One connection: reads requests, records them, applies faults, sends answers."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from ..api.app import SandboxApp
from ..api.operations import find, split_path
from ..control import CONTROL_PATH, Control
from ..faults.injection import apply_fault
from ..faults.kinds import Fault
from ..faults.registry import FaultRegistry
from ..journal import Entry, Journal
from .gateway import make_environ, run_wsgi
from .host_names import HostNames
from .wire import DisconnectedError, MalformedError, Reader, Request, Response, parse_request_line

#: Seconds between two checks whether a waiting client is still connected.
_POLL_INTERVAL = 0.2
#: Pieces in which a dripping answer is sent.
_PIECES = 20


@dataclass
class Shared:
    """What the connections of a sandbox share."""

    app: SandboxApp
    control: Control
    journal: Journal
    faults: FaultRegistry
    host: str
    keep_alive_timeout: float
    names: HostNames
    time: Callable[[], float]
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.restart_ids()

    def restart_ids(self) -> None:
        """Count connections and requests from 1."""
        self.connection_ids = itertools.count(1)
        self.request_ids = itertools.count(1)


class Connection:
    """Serves one accepted socket until either side closes it."""

    def __init__(self, shared: Shared, client: socket.socket, port: int, control_only: bool) -> None:
        self._shared, self._socket, self._port = shared, client, port
        self._control_only = control_only
        self.id: int = next(shared.connection_ids)
        self._number = 0
        self._reader = Reader(client, shared.keep_alive_timeout)
        self._request_id = ""
        self._closing = False
        self._in_control = False

    def run(self) -> None:
        """Serve requests until the connection ends; never raises."""
        try:
            # Send small answers at once instead of waiting for an acknowledgement.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._can_continue() and self._serve_one():
                pass
        except (DisconnectedError, OSError):
            pass
        except MalformedError as problem:
            self._send_error(problem)
        finally:
            self._socket.close()

    def finish(self) -> None:
        """End the connection from outside; a request to the control path is answered first."""
        self._closing = True
        if not self._in_control:
            self.shut(socket.SHUT_RDWR)

    def shut(self, how: int) -> None:
        """Shut the socket down, which wakes the thread that waits on it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(how)

    # FaultTarget

    def send(self, response: Response, keep_alive: bool) -> bool:
        keep_alive = self._can_continue(keep_alive)
        if not any(name == "X-Request-Id" for name, _ in response.headers):
            response.headers.append(("X-Request-Id", self._request_id))
        self._write(response.head(keep_alive, self._shared.time()) + response.body)
        return keep_alive

    def send_slowly(self, response: Response, keep_alive: bool, fault: Fault) -> bool:
        keep_alive = self._can_continue(keep_alive)
        data = response.head(keep_alive, self._shared.time()) + response.body
        size = -(-len(data) // _PIECES)
        for start in range(0, len(data), size):
            fault.removed.wait(fault.seconds / _PIECES)
            self._write(data[start : start + size])
        return keep_alive

    def send_part(self, response: Response, part: bytes) -> None:
        self._write(response.head(True, self._shared.time()) + part)

    def hold(self, fault: Fault) -> None:
        self._socket.settimeout(0)
        while not fault.removed.wait(_POLL_INTERVAL) and not self._closing:
            try:
                if not self._socket.recv(1, socket.MSG_PEEK):
                    return
            except BlockingIOError:
                continue

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # One request

    def _serve_one(self) -> bool:
        line = self._reader.wait()
        if not self._control_only and self._dropped_unread(line):
            return False
        request = self._reader.read()
        self._begin()
        if _is_control(request.path):
            return self._control(request)
        if self._control_only:
            raise MalformedError(404, "this port is for the control path alone")
        if not self._shared.names.include(request.headers.get("host"), self._socket.getsockname()[0]):
            # Before the journal, the faults and CORS: such a request does not count as arrived.
            raise MalformedError(421, "the Host header names another machine; --allow-host allows a name")
        return self._exchange(request)

    def _can_continue(self, keep_alive: bool = True) -> bool:
        return keep_alive and not self._closing and not self._shared.stopping.is_set()

    def _begin(self) -> None:
        self._number += 1
        self._request_id = f"req-{next(self._shared.request_ids):08x}"

    def _exchange(self, request: Request) -> bool:
        entry = self._record(request.method, request.target, request)
        matched = self._shared.faults.match(self._port, request.method, request.path)
        for delay in matched.delays:
            entry.fault, entry.delayed = delay.kind, entry.delayed + delay.seconds
            delay.removed.wait(delay.seconds)
        if self._closing or self._shared.stopping.is_set():
            entry.done = True
            return False

        def carry_out() -> Response:
            return self._carry_out(request, entry)

        def note(status: int | None) -> None:
            entry.status, entry.done = status, True

        if matched.fault is None:
            answer = carry_out()
            note(answer.status)
            return self.send(answer, request.keep_alive)
        entry.fault = matched.fault.kind
        return apply_fault(matched.fault, self, request, carry_out, note)

    def _carry_out(self, request: Request, entry: Entry) -> Response:
        environ = make_environ(request, self._shared.host, self._port, entry.request_id)
        try:
            answer = run_wsgi(self._shared.app, environ)
        except Exception as error:  # A defect of the sandbox: logged, and answered as the API would.
            sys.stderr.write(_traceback_without_message(error))
            body = b'{"error":"internal error","message":"the sandbox failed; see its standard error"}'
            return Response(500, [("Content-Type", "application/json")], body)
        entry.carried_out = environ.get("sandbox.carried_out", False)
        return answer

    def _control(self, request: Request) -> bool:
        self._in_control = True
        try:
            peer, own = self._socket.getpeername()[0], self._socket.getsockname()[0]
            return self.send(self._shared.control.answer(request, peer, own), request.keep_alive)
        finally:
            self._in_control = False

    def _dropped_unread(self, line: bytes) -> bool:
        """Whether a fault closes the connection after the first line, before the request is read."""
        try:
            method, target, _ = parse_request_line(line)
        except MalformedError:
            method, target = "", ""
        path = target.split("?", 1)[0]
        if _is_control(path):
            return False
        fault = self._shared.faults.match_unread(self._port, method, path)
        if fault is None:
            return False
        self._begin()
        entry = self._record(method, target, None)
        entry.fault, entry.done = fault.kind, True
        return True

    def _record(self, method: str, target: str, request: Request | None) -> Entry:
        path, _, query = target.partition("?")
        operation, _, _ = find(method, split_path(path))
        return self._shared.journal.record(
            request.headers.get("authorization") if request else None,
            request.body if request else b"",
            endpoint=self._port,
            connection=self.id,
            number=self._number,
            method=method,
            path=path,
            query=query,
            request_id=self._request_id,
            operation=operation.id if operation else None,
            change=operation is not None and operation.change,
        )

    def _send_error(self, problem: MalformedError) -> None:
        """Answer a malformed request, and let the client read the answer before closing."""
        error = "misdirected request" if problem.status == 421 else "bad request"
        body = json.dumps({"error": error, "message": problem.message}).encode()
        self._begin()
        try:
            self.send(
                Response(problem.status, [("Content-Type", "application/json")], body), keep_alive=False
            )
            # Closing with unread bytes would reset the connection and discard the answer.
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(0.5)
            for _ in range(64):
                if not self._socket.recv(65_536):
                    return
        except OSError:
            pass

    def _write(self, data: bytes) -> None:
        self._socket.settimeout(30)
        self._socket.sendall(data)


def _traceback_without_message(error: Exception) -> str:
    """A traceback without the message, which may contain what was sent: an image, variables, a key."""
    places = [
        f'  File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_name}\n'
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return "".join(["Traceback (most recent call last):\n", *places[-60:], f"{type(error).__name__}\n"])


def _is_control(path: str) -> bool:
    return path == CONTROL_PATH or path.startswith(CONTROL_PATH + "/")
