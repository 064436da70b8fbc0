"""After `os.fork()`: which objects have to start anew in the child.

Locks may have been held by a thread that does not exist in the child, and sockets belong to the
parent; so each object that owns some registers here and is told when it wakes up in a child.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["start_anew_after_fork"]


class _ForkAware(Protocol):
    def after_fork_in_child(self) -> None: ...


_registered: WeakSet[_ForkAware] = WeakSet()


def start_anew_after_fork(thing: _ForkAware) -> None:
    """Have `thing.after_fork_in_child()` called in every child process, as long as it is alive."""
    _registered.add(thing)


def _after_fork_in_child() -> None:
    for thing in list(_registered):
        thing.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
