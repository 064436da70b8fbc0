"""After a fork: which objects have to start again in the child.

Locks may have been held by a thread that does not exist in the child, and sockets belong to the
parent; so each object that owns some registers here and is told when it wakes up in a child.

`os.fork()` tells Python. A program in C that forks by itself (uWSGI without `--lazy-apps`) tells nobody,
so each attempt compares the process id as well.
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
#: By process id: set once its objects have started again. The thread whose event is stored does that.
_started: Final[dict[int, threading.Event]] = {}


def register_after_fork(thing: _ForkAware) -> None:
    """Have `thing.after_fork_in_child()` called in every child process, as long as it is alive."""
    _registered.add(thing)


def notice_fork() -> None:
    """Start again if this is a child process that nobody was told of. Costs one look at the process id."""
    if os.getpid() != _pid:
        _after_fork_in_child()


def _after_fork_in_child() -> None:
    global _pid
    pid = os.getpid()
    mine = threading.Event()
    # No lock: one that was copied by the fork may be held by a thread of the parent.
    started = _started.setdefault(pid, mine)
    if started is not mine:
        started.wait()
        return
    try:
        for thing in list(_registered):
            thing.after_fork_in_child()
        for other in [known for known in _started if known != pid]:
            _started.pop(other, None)
    finally:
        _pid = pid
        mine.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
