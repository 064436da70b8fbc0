"""What the operator asks for by signals: stop, stop at once, or reload."""

from __future__ import annotations

import os
import signal
from typing import Any, Final

from octaspace.stop_signals import ignore_from_now_on

__all__ = ["OperatorSignals"]

_STOP: Final = (signal.SIGINT, signal.SIGTERM)


class OperatorSignals:
    """Handles SIGINT, SIGTERM and SIGHUP from its creation on.

    SIGINT and SIGTERM stop. SIGHUP depends on how the process was started. With a controlling terminal it
    stops, because the kernel sends it when the terminal closes. Without one, as under systemd, it reloads. If
    it was ignored, as by `nohup`, it stays ignored.

    The handlers take no lock and print nothing: a signal may interrupt the code that holds the lock, and
    another signal may interrupt the handler.
    """

    def __init__(self) -> None:
        self._stops = 0
        self._reload = False
        for number in _STOP:
            signal.signal(number, self._hear_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            # Asked now: a terminal that has closed is not the controlling terminal any more.
            signal.signal(signal.SIGHUP, self._hear_stop if _has_terminal() else self._hear_reload)

    @property
    def stop(self) -> bool:
        """Whether to stop."""
        return self._stops > 0

    def force(self) -> bool:
        """Whether to stop at once: there was more than one stop signal."""
        return self._stops > 1

    def take_reload(self) -> bool:
        """Whether to reload; a request counts once."""
        asked, self._reload = self._reload, False
        return asked

    def ignore(self) -> None:
        """Ignore further signals: the launcher is ending."""
        ignore_from_now_on((*_STOP, signal.SIGHUP))

    def _hear_stop(self, *_: Any) -> None:
        self._stops += 1

    def _hear_reload(self, *_: Any) -> None:
        self._reload = True


def _has_terminal() -> bool:
    """Whether the process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
