"""Wait for other threads and processes, without guessing how long they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_pause = threading.Event()


def until(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as the condition holds; fail when it does not within that many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        _pause.wait(0.005)
