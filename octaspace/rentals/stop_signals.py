"""SIGTERM and SIGINT for programs that work in rounds until they are stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["until_stop_signal"]


class _Stopped(BaseException):
    """Leaves the block of `until_stop_signal`."""


@contextmanager
def until_stop_signal() -> Iterator[Callable[[float], None]]:
    """A block that the first SIGTERM or SIGINT leaves, wherever it is.

    Further ones do nothing, also after the block: the program is ending.

    Yields:
        A function that waits between two rounds, in seconds. Waiting for an event or a condition is not safe:
        an exception raised while its lock is handed over leaves that lock in the wrong state.
    """
    stopped = False

    def stop(*_: object) -> None:
        # No lock, and so no `threading.Event`: the handler may interrupt the thread that holds it.
        nonlocal stopped
        if not stopped:
            stopped = True
            raise _Stopped

    def pause(seconds: float) -> None:
        # Python discards an exception that is raised within a finalizer: then the round went on to its end.
        if stopped:
            raise _Stopped
        time.sleep(seconds)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pause
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            # Not our handler: Python replaces it by the default one, which kills, while it finalizes.
            signal.signal(number, signal.SIG_IGN if stopped else handler)
