"""Files of the API on their way to a browser: over the disk, never through memory.

They are in files without a name, so that nothing is left behind, however this process ends.
Without a script the browser gets the file as it is. With one it asks for the same in steps: lines of JSON
that say how far the API's part is, then one with name and size, then the file itself in the same answer.
So nothing is kept for a second request, which another worker would get.

The call is made in a thread of its own, and the thread of the request looks twice a second whether the
browser is still there. When it has left, the call is ended and the connection to the API closed, whatever the
API does; only then the place of the download is free for another.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

import octaspace
from octaspace import Client, Error

from ..app_state import AppState, current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser, current_browser
from ..sdk.call import SdkCall
from ..sdk.error_card import Problem, describe
from ..sdk.file_masking import overwrite_key
from ..sdk.recording import recorded
from ..store import OneTimeTokens
from .admission import client_is_gone, current_slot
from .form_actions import OUTCOME, Target, new_token
from .responses import as_attachment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Fetch", "send_file"]

#: Gets the file: the client, where to put it, and whom to tell how far it is.
Fetch = Callable[[Client, IO[bytes], Callable[[int, "int | None"], None]], octaspace.Response[Any]]

#: The form's field that asks for steps.
STEPS: Final = "steps"

#: How large a file may be, and how long it may take, until the browser has it.
_MAX_BYTES: Final = 2**30
_MAX_SECONDS: Final = 900.0

#: Seconds between two steps that are told, and between two looks whether the browser is there.
_STEP_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.5

#: For how long a page can say what has become of a download.
_OUTCOME_SECONDS: Final = 3600.0

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


def send_file(line: SdkCall, fetch: Fetch, *, name: str, to: Target) -> Response | Redirect:
    """Fetch a file of the API and pass it on.

    Args:
        line: The call as it is shown and logged.
        fetch: Makes the call.
        name: Name of the file for the browser.
        to: Where an error is shown.

    Returns:
        The file; or lines and the file, when the form has the field `steps`. On an error a redirect to `to`,
        or a line that says where to look. Nothing when the browser has left.
    """
    transfer = _Transfer(line, fetch)
    see = url_for(to[0], **{**to[1], OUTCOME: transfer.token})
    if STEPS in request.form:
        steps = _steps(transfer, name, see)
        return Response(steps, mimetype="application/octet-stream", direct_passthrough=True)
    transfer.start()
    file = next((told for told in transfer.listen() if isinstance(told, _File)), None)
    if file is None:
        return Response(status=400)
    if file.content is None:
        return redirect(see, 303)
    pieces = transfer.pieces(file.content)
    response = Response(pieces, mimetype="application/octet-stream", direct_passthrough=True)
    response.headers["Content-Length"] = str(file.size)
    return as_attachment(response, name)


class _Transfer:
    """One download, which runs in a thread of its own: all it needs of the request it takes beforehand."""

    def __init__(self, line: SdkCall, fetch: Fetch) -> None:
        self.token = new_token()
        self._told: queue.SimpleQueue[tuple[int, int | None] | _File | Exception] = queue.SimpleQueue()
        self._unwanted = threading.Event()
        self._end = time.monotonic() + _MAX_SECONDS
        self._environ: WSGIEnvironment = request.environ
        self._slot = current_slot()
        self._line, self._fetch = line, fetch
        self._parts: AppState = current_app_state()
        self._browser: Browser = current_browser()
        self._config = self._browser.config
        self._log = CallLog.of_page(self._browser)
        self._told_at = 0.0

    def start(self) -> None:
        """Run in another thread; what comes of it is the last that is told."""
        self._slot.share()
        try:
            self._parts.submit(self._run_and_tell)
        except RuntimeError:  # the worker is about to end
            self._slot.release()
            raise

    def listen(self) -> Iterator[tuple[int, int | None] | _File | None]:
        """What is told, the file last; None while nothing is. Ends early when the browser has left."""
        told: tuple[int, int | None] | _File | Exception | None = None
        try:
            while not isinstance(told, _File):
                try:
                    told = self._told.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    told = None
                if isinstance(told, Exception):
                    raise told
                if client_is_gone(self._environ):
                    if isinstance(told, _File) and told.content is not None:
                        told.content.close()
                    return
                yield told
        finally:
            self._unwanted.set()

    def pieces(self, content: IO[bytes]) -> Iterator[bytes]:
        """The file, as long as the browser is there and the time is not over."""
        with content:
            while chunk := content.read(_CHUNK):
                if time.monotonic() > self._end or client_is_gone(self._environ):
                    # Ends the connection: the browser must not take what it has for the whole.
                    raise BrokenPipeError(errno.EPIPE, "the download was not taken in time")
                yield chunk

    def _run_and_tell(self) -> None:
        try:
            file = self._run()
            if self._unwanted.is_set() and file.content is not None:
                file.content.close()
            self._told.put(file)
        except Exception as error:
            self._told.put(error)
        finally:
            self._slot.release()

    def _run(self) -> _File:
        content: IO[bytes] = tempfile.TemporaryFile(dir=self._parts.process.state_dir)  # noqa: SIM115
        problem, log_id = self._call(content)
        if problem is None:
            overwrite_key(content, self._parts.clients.mask(self._config))
            size = content.seek(0, os.SEEK_END)
            content.seek(0)
            return _File(content, size)
        content.close()
        outcome = {
            "ok": False, "text": "", "problem": problem.as_json(), "line": self._line.redacted,
            "log_id": log_id,
        }  # fmt: skip
        tokens = OneTimeTokens(self._parts.database, self._browser.id)
        tokens.claim(self.token, _OUTCOME_SECONDS)
        tokens.finish(self.token, outcome, _OUTCOME_SECONDS)
        return _File()

    def _call(self, content: IO[bytes]) -> tuple[Problem | None, int | None]:
        problem = None
        with self._parts.clients.lease(self._config) as client, recorded() as calls:
            try:
                seconds = max(0.0, self._end - time.monotonic())
                self._fetch(client.with_options(total_timeout=seconds or 0.001), content, self._progress)
            except (Error, ValueError) as error:
                problem = describe(error)
            except _TooLarge:
                text = f"The file is larger than {_MAX_BYTES >> 20} MiB, the most this app passes on."
                problem = Problem("TooLarge", text, advice="Download it with the SDK: the line is below.")
            except _Stopped:
                problem = Problem("Stopped", "The browser left before the file was there.")
            except OSError as error:
                text = f"The file cannot be kept on this server's disk: {error.strerror}"
                problem = Problem(type(error).__name__, text)
        rows = [self._log.row(call, self._line.redacted) for call in calls]
        if problem is not None and rows and rows[-1]["status"] is None:
            rows[-1]["error"] = problem.kind  # ended by this app, which the SDK does not know
        numbers = self._log.append(rows)
        return problem, numbers[-1] if numbers else None

    def _progress(self, done: int, total: int | None) -> None:
        if self._unwanted.is_set():
            raise _Stopped
        if done > _MAX_BYTES:
            raise _TooLarge
        now = time.monotonic()
        if now - self._told_at >= _STEP_SECONDS or done == total:
            self._told_at = now
            self._told.put((done, total))


def _steps(transfer: _Transfer, name: str, see: str) -> Iterator[bytes]:
    transfer.start()
    for told in transfer.listen():
        if told is None:
            yield _line()  # a sign of life: writing it tells whether anybody is there
        elif not isinstance(told, _File):
            yield _line(done=told[0], total=told[1])
        elif told.content is None:
            yield _line(see=see)
        else:
            yield _line(name=name, size=told.size)
            yield from transfer.pieces(told.content)


def _line(**values: Any) -> bytes:
    return json.dumps(values).encode() + b"\n"
