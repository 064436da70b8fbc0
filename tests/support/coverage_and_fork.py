"""Coverage is not measured in forked children: there it may wait forever.

coverage.py takes a lock when a thread first sees a file. A child that is forked while another thread holds it
has a copy that nobody releases, and coverage.py waits for it. What forked children do is not in the report
anyway, because they end with `os._exit`.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import Any

__all__ = ["measure_no_forked_children"]


def measure_no_forked_children() -> None:
    """Trace nothing in the children that this process forks from now on."""
    tracer: Any = None

    def remember() -> None:
        nonlocal tracer
        tracer = sys.gettrace()

    def restore() -> None:
        sys.settrace(tracer)

    # Hooks before a fork run in reverse order. The tracer counts calls and returns, so it is removed by a
    # function without a frame, and restored by one whose frame it has not seen.
    os.register_at_fork(before=partial(sys.settrace, None))
    os.register_at_fork(
        before=remember, after_in_parent=restore, after_in_child=partial(threading.settrace, None)
    )
