"""Run a function in a forked child of the test."""

from __future__ import annotations

import faulthandler
import json
import os
from collections.abc import Callable

__all__ = ["in_child"]


def in_child(work: Callable[[], object], fork: Callable[[], int] = os.fork) -> object:
    """Run in a forked child and return what it returned; its exception fails the test."""
    reading, writing = os.pipe()
    pid = fork()
    if pid == 0:
        faulthandler.dump_traceback_later(30, exit=True)  # a hanging child prints where it waits
        try:
            result = {"result": work()}
        except BaseException as error:
            result = {"error": repr(error)}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    assert said, "the child came to no end"
    outcome = json.loads(said)
    assert "error" not in outcome, outcome["error"]
    return outcome["result"]
