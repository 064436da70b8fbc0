"""Wait for other threads and processes, without guessing how long they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_pause = threading.Event()


def until(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as the condition holds; fail when it does not within that many seconds.

    After a condition that takes long, e.g. a request, it waits as long again: what is waited for, and tests
    in other processes, need the processor as well.
    """
    deadline = time.monotonic() + within
    while True:
        asked = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        assert now < deadline, "this did not come true in time"
        _pause.wait(max(0.005, now - asked))
