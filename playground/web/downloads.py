"""Streams files of the API to a browser through temporary files, not through memory.

The temporary files are anonymous, so that none remains when the process is killed. Without JavaScript the
response is the file itself. A script requests progress as well: the response then has lines of JSON with the
progress of the API call, a line with name and size, and then the file. Everything is in one response, because
a second request could reach another worker.

The call runs in a separate thread, and the thread of the request checks twice a second whether the browser is
still connected. If it is not, the call is cancelled and the connection to the API closed. The download slot
is released after that.
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
from dataclasses import dataclass, field
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
from ..sdk.recording import RecordedCalls, record_calls
from ..store import OneTimeTokens
from .admission import client_disconnected, current_slot
from .form_actions import OUTCOME, Target, new_token
from .responses import as_attachment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Fetch", "FetchedFile", "fetch_file", "send_file"]

#: Fetches the file. Arguments: the client, the file to write, and a progress callback.
Fetch = Callable[[Client, IO[bytes], Callable[[int, "int | None"], None]], octaspace.Response[Any]]

#: The form field that requests progress lines.
STEPS: Final = "steps"

#: Maximum size of a file in bytes, and maximum time in seconds until the browser has it.
_MAX_BYTES: Final = 2**30
_MAX_SECONDS: Final = 900.0

#: Seconds between two progress reports, and between two checks of the client's connection.
_PROGRESS_SECONDS: Final = 0.1
_CHECK_SECONDS: Final = 0.5

#: Seconds for which the outcome of a download is kept.
_OUTCOME_SECONDS: Final = 3600.0

_CHUNK: Final = 64 * 1024


class _Disconnected(Exception):  # noqa: N818  # not an error
    """The browser has disconnected."""


#: The problem of a download whose browser has disconnected.
_DISCONNECTED: Final = Problem("Stopped", "The browser disconnected before the file was complete.")


class _TooLarge(Exception):  # noqa: N818
    """The file is larger than this app's limit."""


@dataclass
class FetchedFile:
    """Result of a fetch.

    Attributes:
        content: The file, or None if there is a problem. The receiver closes it.
        size: Its size in bytes.
        problem: Why there is no file.
        calls: The calls behind it.
        log_id: Number of the last of them in the request log.
    """

    content: IO[bytes] | None = None
    size: int = 0
    problem: Problem | None = None
    calls: RecordedCalls = field(default_factory=RecordedCalls)
    log_id: int | None = None


def fetch_file(line: SdkCall, fetch: Fetch, *, seconds: float) -> FetchedFile:
    """Fetch a file from the API into a temporary file, for a page that shows a part of it.

    Args:
        line: The call for the log.
        fetch: Makes the call.
        seconds: Time limit.
    """
    transfer = _Transfer(line, fetch, seconds)
    transfer.start()
    found = next((event for event in transfer.events() if isinstance(event, FetchedFile)), None)
    return found or FetchedFile(problem=_DISCONNECTED)


def send_file(
    line: SdkCall, fetch: Fetch, *, name: str | Callable[[IO[bytes]], str], to: Target
) -> Response | Redirect:
    """Fetch a file from the API and stream it to the browser.

    Args:
        line: The call for display and the log.
        fetch: Makes the call.
        name: File name for the browser, or a function that makes it from the content. A name that ends in
            ``.log`` is sent as text, any other as bytes.
        to: Page that shows an error.

    Returns:
        The file; or progress lines and the file, when the form has the field `steps`. On an error a redirect
        to `to`, or a line with that URL. An empty response when the browser has disconnected.
    """

    def name_of(content: IO[bytes]) -> str:
        return name if isinstance(name, str) else name(content)

    transfer = _Transfer(line, fetch)
    see = url_for(to[0], **{**to[1], OUTCOME: transfer.token})
    if STEPS in request.form:
        steps = _steps(transfer, name_of, see)
        return Response(steps, mimetype="application/octet-stream", direct_passthrough=True)
    transfer.start()
    file = next((event for event in transfer.events() if isinstance(event, FetchedFile)), None)
    if file is None:
        return Response(status=400)
    if file.content is None:
        transfer.keep_outcome(file)
        return redirect(see, 303)
    called = name_of(file.content)
    mimetype = "text/plain" if called.endswith(".log") else "application/octet-stream"
    chunks = transfer.chunks(file.content)
    response = Response(chunks, mimetype=mimetype, direct_passthrough=True)
    response.headers["Content-Length"] = str(file.size)
    return as_attachment(response, called)


class _Transfer:
    """One download in a separate thread. It reads everything it needs from the request beforehand."""

    def __init__(self, line: SdkCall, fetch: Fetch, seconds: float = _MAX_SECONDS) -> None:
        self.token = new_token()
        self._events: queue.SimpleQueue[tuple[int, int | None] | FetchedFile | Exception] = (
            queue.SimpleQueue()
        )
        self._cancelled = threading.Event()
        self._end = time.monotonic() + seconds
        self._environ: WSGIEnvironment = request.environ
        self._slot = current_slot()
        self._line, self._fetch = line, fetch
        self._app_state: AppState = current_app_state()
        self._browser: Browser = current_browser()
        self._config = self._browser.config
        self._log = CallLog.for_current_page(self._browser)
        self._reported_at = 0.0

    def start(self) -> None:
        """Start the download in another thread; its result is the last event."""
        self._slot.share()
        try:
            self._app_state.submit(self._run_and_report)
        except RuntimeError:  # the worker is shutting down
            self._slot.release()
            raise

    def events(self) -> Iterator[tuple[int, int | None] | FetchedFile | None]:
        """Yield progress, then the file; None without news. Ends early when the browser disconnects."""
        event: tuple[int, int | None] | FetchedFile | Exception | None = None
        try:
            while not isinstance(event, FetchedFile):
                try:
                    event = self._events.get(timeout=_CHECK_SECONDS)
                except queue.Empty:
                    event = None
                if isinstance(event, Exception):
                    raise event
                if client_disconnected(self._environ):
                    if isinstance(event, FetchedFile) and event.content is not None:
                        event.content.close()
                    return
                yield event
        finally:
            self._cancelled.set()

    def chunks(self, content: IO[bytes]) -> Iterator[bytes]:
        """Yield the file while the browser is connected and the time limit is not reached."""
        with content:
            while chunk := content.read(_CHUNK):
                if time.monotonic() > self._end or client_disconnected(self._environ):
                    # Closes the connection, so that the browser does not take the part for the whole file.
                    raise BrokenPipeError(errno.EPIPE, "the download did not finish in time")
                yield chunk

    def _run_and_report(self) -> None:
        try:
            file = self._run()
            if self._cancelled.is_set() and file.content is not None:
                file.content.close()
            self._events.put(file)
        except Exception as error:
            self._events.put(error)
        finally:
            self._slot.release()

    def _run(self) -> FetchedFile:
        content: IO[bytes] = tempfile.TemporaryFile(dir=self._app_state.process.state_dir)  # noqa: SIM115
        file = self._call(content)
        if file.problem is not None:
            content.close()
            return file
        overwrite_key(content, self._app_state.clients.mask(self._config))
        file.content, file.size = content, content.seek(0, os.SEEK_END)
        content.seek(0)
        return file

    def keep_outcome(self, file: FetchedFile) -> None:
        """Keep why there is no file, for the page that shows it."""
        outcome = {
            "ok": False, "text": "", "problem": file.problem.as_json() if file.problem else None,
            "line": self._line.redacted, "log_id": file.log_id,
        }  # fmt: skip
        tokens = OneTimeTokens(self._app_state.database, self._browser.id)
        tokens.claim(self.token, keep=_OUTCOME_SECONDS)
        tokens.finish(self.token, outcome, _OUTCOME_SECONDS)

    def _call(self, content: IO[bytes]) -> FetchedFile:
        problem = None
        with self._app_state.clients.lease(self._config) as client, record_calls() as calls:
            try:
                seconds = max(0.0, self._end - time.monotonic())
                self._fetch(client.with_options(total_timeout=seconds or 0.001), content, self._progress)
            except (Error, ValueError) as error:
                problem = describe(error)
            except _TooLarge:
                text = f"The file is larger than {_MAX_BYTES >> 20} MiB, the limit of this app."
                problem = Problem("TooLarge", text, advice="Download it with the SDK: the code is below.")
            except _Disconnected:
                problem = _DISCONNECTED
            except OSError as error:
                text = f"The file cannot be stored on this server's disk: {error.strerror}"
                problem = Problem(type(error).__name__, text)
        rows = [self._log.row(call, self._line.redacted) for call in calls]
        if problem is not None and rows and rows[-1]["status"] is None:
            rows[-1]["error"] = problem.kind  # cancelled by this app, not by the SDK
        numbers = self._log.append(rows)
        return FetchedFile(problem=problem, calls=calls, log_id=numbers[-1] if numbers else None)

    def _progress(self, done: int, total: int | None) -> None:
        if self._cancelled.is_set():
            raise _Disconnected
        if done > _MAX_BYTES:
            raise _TooLarge
        now = time.monotonic()
        if now - self._reported_at >= _PROGRESS_SECONDS or done == total:
            self._reported_at = now
            self._events.put((done, total))


def _steps(transfer: _Transfer, name_of: Callable[[IO[bytes]], str], see: str) -> Iterator[bytes]:
    transfer.start()
    for event in transfer.events():
        if event is None:
            yield _line()  # keep-alive: writing it fails when the client has disconnected
        elif not isinstance(event, FetchedFile):
            yield _line(done=event[0], total=event[1])
        elif event.content is None:
            transfer.keep_outcome(event)
            yield _line(see=see)
        else:
            yield _line(name=name_of(event.content), size=event.size)
            yield from transfer.chunks(event.content)


def _line(**values: Any) -> bytes:
    return json.dumps(values).encode() + b"\n"
