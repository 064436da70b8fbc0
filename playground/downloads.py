"""Files of the API on their way to a browser: over the disk, never through memory.

They are in files without a name, so that nothing is left behind, however this process ends.
Without a script the browser gets the file as it is. With one it asks for the same in steps: lines of JSON
that say how far the API's part is, then one with name and size, then the file itself in the same answer.
So nothing is kept for a second request, which another worker would get.
"""

from __future__ import annotations

import contextvars
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from flask import Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

import octaspace
from octaspace import Client, Error

from .browser import Browser, current_browser
from .changes import OUTCOME, Target, new_token
from .lines import Line
from .parts import Parts, current_parts
from .problems import Problem, describe
from .recording import recorded
from .store import Calls, Tokens

__all__ = ["Fetch", "send_file"]

#: Gets the file: the client, where to put it, and whom to tell how far it is.
Fetch = Callable[[Client, IO[bytes], Callable[[int, "int | None"], None]], octaspace.Response[Any]]

#: The form's field that asks for steps.
STEPS: Final = "steps"

#: How large a file may be, and how long it may take.
_MOST_BYTES: Final = 2**30
_MOST_SECONDS: Final = 900.0

#: Seconds between two steps that are told, and after which silence is broken to see who is still there.
_STEP_SECONDS: Final = 0.1
_SIGN_OF_LIFE_SECONDS: Final = 2.0

_CHUNK: Final = 64 * 1024


class _Stopped(Exception):  # noqa: N818  # no error: nobody wants the file any more
    """The browser has left."""


class _TooLarge(Exception):  # noqa: N818
    """The file is larger than this app passes on."""


@dataclass
class _File:
    """What came of a fetch: a file, or None when there is an outcome to be shown instead."""

    content: IO[bytes] | None = None
    size: int = 0


def send_file(line: Line, fetch: Fetch, *, name: str, to: Target) -> Response | Redirect:
    """Fetch a file of the API and pass it on.

    Args:
        line: The call as it is shown and logged.
        fetch: Makes the call.
        name: Name of the file for the browser.
        to: Where an error is shown.

    Returns:
        The file; or lines and the file, when the form has the field `steps`. On an error a redirect to `to`,
        or a line that says where to look.
    """
    transfer = _Transfer(line, fetch)
    if STEPS in request.form:
        see = url_for(to[0], **{**to[1], OUTCOME: transfer.token})
        steps = _steps(transfer, name, see)
        return Response(steps, mimetype="application/octet-stream", direct_passthrough=True)
    file = transfer.run()
    if file.content is None:
        return redirect(url_for(to[0], **{**to[1], OUTCOME: transfer.token}), 303)
    response = Response(_chunks(file.content), mimetype="application/octet-stream", direct_passthrough=True)
    response.headers["Content-Length"] = str(file.size)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Transfer:
    """One download, which may run in a thread of its own: all it needs of the request it takes beforehand."""

    def __init__(self, line: Line, fetch: Fetch) -> None:
        self.token = new_token()
        self.told: queue.SimpleQueue[tuple[int, int | None] | _File] = queue.SimpleQueue()
        self.unwanted = threading.Event()
        self._line, self._fetch = line, fetch
        self._parts: Parts = current_parts()
        self._browser: Browser = current_browser()
        self._config, self._source = self._browser.config, self._browser.source.label
        self._page = request.endpoint or ""
        self._told_at = 0.0

    def start(self) -> None:
        """Run in another thread; what comes of it is the last that is told."""
        self._parts.executor.submit(contextvars.copy_context().run, self._run_and_tell)

    def _run_and_tell(self) -> None:
        file = _File()
        try:
            file = self.run()
        except Exception:
            current_app.logger.exception("A download of %s failed", self._line.name)
        finally:
            if self.unwanted.is_set() and file.content is not None:
                file.content.close()
            self.told.put(file)

    def run(self) -> _File:
        content: IO[bytes] = tempfile.TemporaryFile(dir=self._parts.process.state_dir)  # noqa: SIM115
        problem, log_id = self._call(content)
        if problem is None:
            size = content.seek(0, os.SEEK_END)
            content.seek(0)
            return _File(content, size)
        content.close()
        outcome = {
            "ok": False, "text": "", "problem": problem.as_json(), "line": self._line.kept, "log_id": log_id,
        }  # fmt: skip
        tokens = Tokens(self._parts.database, self._browser.id)
        tokens.claim(self.token)
        tokens.finish(self.token, outcome)
        return _File()

    def _call(self, content: IO[bytes]) -> tuple[Problem | None, int | None]:
        problem = None
        with self._parts.clients.lease(self._config) as client, recorded() as calls:
            try:
                self._fetch(client.with_options(total_timeout=_MOST_SECONDS), content, self._progress)
            except (Error, ValueError) as error:
                problem = describe(error)
            except _TooLarge:
                text = f"The file is larger than {_MOST_BYTES >> 20} MiB, the most this app passes on."
                problem = Problem("TooLarge", text, advice="Download it with the SDK: the line is below.")
            except _Stopped:
                problem = Problem("Stopped", "The browser left before the file was there.")
            except OSError as error:
                text = f"The file cannot be kept on this server's disk: {error.strerror}"
                problem = Problem(type(error).__name__, text)
        rows = [call.row(source=self._source, page=self._page, line=self._line.kept) for call in calls]
        if problem is not None and rows and rows[-1]["status"] is None:
            rows[-1]["error"] = problem.kind  # ended by this app, which the SDK does not know
        numbers = Calls(self._parts.database, self._browser.id).append(rows)
        return problem, numbers[-1] if numbers else None

    def _progress(self, done: int, total: int | None) -> None:
        if self.unwanted.is_set():
            raise _Stopped
        if done > _MOST_BYTES:
            raise _TooLarge
        now = time.monotonic()
        if now - self._told_at >= _STEP_SECONDS or done == total:
            self._told_at = now
            self.told.put((done, total))


def _steps(transfer: _Transfer, name: str, see: str) -> Iterator[bytes]:
    transfer.start()
    try:
        while True:
            try:
                told = transfer.told.get(timeout=_SIGN_OF_LIFE_SECONDS)
            except queue.Empty:
                yield b"{}\n"
                continue
            if isinstance(told, _File):
                break
            yield _line(done=told[0], total=told[1])
    except GeneratorExit:
        transfer.unwanted.set()
        raise
    if told.content is None:
        yield _line(see=see)
        return
    yield _line(name=name, size=told.size)
    yield from _chunks(told.content)


def _line(**values: Any) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while chunk := content.read(_CHUNK):
            yield chunk
