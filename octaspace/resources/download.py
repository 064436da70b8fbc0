"""Downloads into memory or to a file; a file is written completely or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from ..request import Request, RequestSender
from ..response import Response
from .resource import path_of

__all__ = ["OnProgress", "Target", "download"]

#: Called with the number of bytes received and the total, which is None when the API does not send it. Also
#: called about twice a second while no data arrives.
OnProgress = Callable[[int, "int | None"], object]

#: A path, or a file opened for writing in binary mode.
Target = str | os.PathLike[str] | IO[bytes]

#: Servers send chunks of a few KiB. Larger pieces are written without a copy.
_WRITE_BUFFER: Final = 131_072


def download(
    sender: RequestSender,
    operation: str,
    *segments: object,
    to: Target | None = None,
    on_progress: OnProgress | None = None,
) -> Response[Any]:
    """GET a body that is not JSON.

    Args:
        sender: Sends the request.
        operation: `Request.operation`.
        segments: Segments of the path.
        to: Where to stream the body; None keeps it in memory, up to `Config.max_response_bytes`.
        on_progress: See `OnProgress`. A retried download starts at 0 again. An exception that it raises
            ends the download and reaches the caller.

    Returns:
        With `to` None, `data` is the body as bytes; with a path, `data` is the `pathlib.Path`; with a file,
        that file.

    Raises:
        ValueError: A segment cannot be part of a path, or `to` is a text file.
        OSError: The target cannot be written. Its previous content is unchanged.
        octaspace.InvalidResponseError: An HTML page came with a 2xx, e.g. from a proxy before the API.
        octaspace.Error: Any other of `octaspace.errors`.
    """
    request = Request("GET", path_of(*segments), expects="file", operation=operation)
    if to is None:
        return sender.send(request, sink=_MemorySink(on_progress))
    sink = _PathSink(to, on_progress) if isinstance(to, (str, os.PathLike)) else _FileSink(to, on_progress)
    return sender.send(request, sink=sink)


class _Progress:
    """Counts the bytes received."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._done = 0
        self._total: int | None = None

    def begin(self, total: int | None) -> None:
        self._done, self._total = 0, total

    def write(self, chunk: bytes) -> None:
        self._done += len(chunk)
        self.waiting()

    def waiting(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)


class _MemorySink(_Progress):
    """Keeps the body in memory as bytes, regardless of its content type."""

    in_memory = True

    def commit(self, body: bytes) -> bytes:
        return body

    def abort(self) -> None:
        return None


class _SpooledSink(_Progress):
    """Collects the body in a temporary file, so that the target never contains a part of it."""

    in_memory = False

    def __init__(self, spool: IO[bytes], on_progress: OnProgress | None) -> None:
        super().__init__(on_progress)
        self._spool = spool

    def begin(self, total: int | None) -> None:
        super().begin(total)
        self._spool.seek(0)
        self._spool.truncate()

    def write(self, chunk: bytes) -> None:
        self._spool.write(chunk)
        super().write(chunk)


class _PathSink(_SpooledSink):
    """A temporary file that replaces the target when it is complete; only its owner can read it."""

    def __init__(self, to: str | os.PathLike[str], on_progress: OnProgress | None) -> None:
        self._path = Path(to)
        # The file that a link points to is replaced, not the link. Only within one folder is this atomic.
        self._final = os.path.realpath(self._path)
        if os.path.isdir(self._final):
            raise IsADirectoryError(f"{str(self._path)!r} is a folder; give the name of a file in it")
        folder, name = os.path.split(self._final)
        handle, self._temporary = tempfile.mkstemp(prefix=f".{name[:100]}.", suffix=".part", dir=folder)
        super().__init__(os.fdopen(handle, "w+b", _WRITE_BUFFER), on_progress)

    def commit(self, body: bytes) -> Path:
        self._spool.close()
        os.replace(self._temporary, self._final)
        return self._path

    def abort(self) -> None:
        self._spool.close()
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)


class _FileSink(_SpooledSink):
    """The caller's file: written at once when the body is complete, and left open."""

    def __init__(self, to: IO[bytes], on_progress: OnProgress | None) -> None:
        if not hasattr(to, "write") or hasattr(to, "encoding"):
            raise ValueError("to must be a path or a file opened in binary mode ('wb')")
        self._target = to
        spool = tempfile.TemporaryFile(buffering=_WRITE_BUFFER)  # noqa: SIM115  # commit and abort close it
        super().__init__(spool, on_progress)

    def commit(self, body: bytes) -> IO[bytes]:
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, self._target)
        self._spool.close()
        return self._target

    def abort(self) -> None:
        self._spool.close()
