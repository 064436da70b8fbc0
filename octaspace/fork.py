"""Reinitialize objects in the child process after a fork.

A lock may have been held by a thread that does not exist in the child, and sockets belong to the parent; so
each object that owns any registers here, and is reinitialized in a child.

`os.fork()` runs the hook of `os.register_at_fork`. A program in C that forks (uWSGI without `--lazy-apps`)
does not, so each attempt compares the process id as well.
"""

from __future__ import annotations

import os
import threading
from typing import Final, Protocol
from weakref import WeakSet

__all__ = ["notice_fork", "register_after_fork"]


class _ForkAware(Protocol):
    def after_fork_in_child(self) -> None: ...


_registered: WeakSet[_ForkAware] = WeakSet()

#: The process that the registered objects belong to.
_pid = os.getpid()
#: By process id: set once its objects are reinitialized. The thread whose event is stored does that.
_started: Final[dict[int, threading.Event]] = {}


def register_after_fork(obj: _ForkAware) -> None:
    """Call `obj.after_fork_in_child()` in every child process, while the object exists."""
    _registered.add(obj)


def notice_fork() -> None:
    """Reinitialize if the process was forked without the hook. Costs one comparison of the process id."""
    if os.getpid() != _pid:
        _after_fork_in_child()


def _after_fork_in_child() -> None:
    global _pid
    pid = os.getpid()
    event = threading.Event()
    # No lock: a thread of the parent may hold one, and the fork copies it in that state.
    started = _started.setdefault(pid, event)
    if started is not event:
        started.wait()
        return
    try:
        for obj in list(_registered):
            obj.after_fork_in_child()
        for other in [known for known in _started if known != pid]:
            _started.pop(other, None)
    finally:
        _pid = pid
        event.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
