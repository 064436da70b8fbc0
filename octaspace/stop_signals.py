"""SIGTERM and SIGINT for programs that run until they are stopped."""

from __future__ import annotations

import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any, Final, TypeVar

__all__ = ["ignore_from_now_on", "run_until_stop_signal"]

_T = TypeVar("_T")

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class _Stopped(BaseException):
    """Leaves the function of `run_until_stop_signal`."""


def run_until_stop_signal(work: Callable[[Callable[[float], None]], _T]) -> _T | None:
    """Call a function, and leave it at the first SIGTERM or SIGINT, wherever it is.

    Further ones do nothing, also afterwards: the program is ending. This is not a context manager, because a
    signal that arrives while one is entered cannot leave its block.

    Args:
        work: Its argument is a function that waits between two rounds, in seconds. Other waits are not safe:
            a signal that arrives just before `time.sleep` does not shorten it, and an exception that is
            raised while an event waits leaves the lock of the event in the wrong state.

    Returns:
        What the function returns, or None if a signal has ended it.
    """
    stopped = False

    def stop(*_: object) -> None:
        # No lock, and so no `threading.Event`: the handler may interrupt the thread that holds it.
        nonlocal stopped
        if not stopped:
            stopped = True
            raise _Stopped

    def pause(seconds: float) -> None:
        end = time.monotonic() + seconds
        # A finalizer discards exceptions: if it was interrupted, the round went on to its end.
        while not stopped:
            left = end - time.monotonic()
            if left <= 0:
                return
            if select.select([woken], [], [], left)[0]:
                woken.recv(4096)
        raise _Stopped

    woken, waker = socket.socketpair()
    with closing(woken), closing(waker):
        waker.setblocking(False)
        before_fd = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        before: dict[signal.Signals, Any] = {}
        try:
            for number in _NUMBERS:
                before[number] = signal.signal(number, stop)
            result = work(pause)
            stopped = True
            return result
        except _Stopped:
            before.clear()
            ignore_from_now_on()
            return None
        finally:
            stopped = True
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_fd)


def ignore_from_now_on(numbers: Iterable[signal.Signals] = _NUMBERS) -> None:
    """Ignore signals in a program that is ending.

    A handler that does nothing is not enough: while Python finalizes, it replaces handlers by the default
    action, which kills.

    Args:
        numbers: SIGINT and SIGTERM by default.
    """
    report = sys.unraisablehook

    def report_others(problem: sys.UnraisableHookArgs) -> None:
        # What Python makes of a signal that arrives while `signal.signal` runs: "Signal 2 ignored due to race
        # condition". Blocking the signal would not prevent it, as other threads may receive it.
        if not (isinstance(problem.exc_value, OSError) and "ignored due to race" in str(problem.exc_value)):
            report(problem)

    sys.unraisablehook = report_others
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
