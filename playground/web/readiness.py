"""Whether this process can serve pages and rent: checks with a time limit, whose results are kept briefly.

Load balancers poll this, several of them each second, also while the store hangs. Each check therefore runs
in a separate thread, one at a time, and at most one request waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from .app_log import exception_name

__all__ = ["KEPT_SECONDS", "LIMIT_SECONDS", "Readiness"]

_log = logging.getLogger("playground.readiness")

#: Seconds for which a result is used.
KEPT_SECONDS: Final = 2.0

#: Seconds after which a check that still runs counts as failed.
LIMIT_SECONDS: Final = 2.0


class Readiness:
    """The checks of one process. Thread-safe.

    Args:
        checks: What is checked, by its name; a check returns, or raises any exception.
        monotonic: Clock for the age of a result.

    Attributes:
        is_stopping: Returns whether the process is shutting down; set by the server.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], None]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_stopping: Callable[[], bool] = lambda: False
        self._checks = [_Check(name, check, monotonic) for name, check in checks.items()]

    def problems(self) -> list[str]:
        """What fails now, one line for each; empty if the process is ready. Takes at most `LIMIT_SECONDS`."""
        for check in self._checks:
            check.begin()  # all before waiting for the first one
        problems = [f"{check.name}: {problem}" for check in self._checks if (problem := check.problem())]
        if self.is_stopping():
            problems.append("process: shutting down")
        return problems


class _Check:
    """One check; its result is a problem, or an empty text."""

    def __init__(self, name: str, check: Callable[[], None], monotonic: Callable[[], float]) -> None:
        self.name = name
        self._check, self._monotonic = check, monotonic
        self._changed = threading.Condition()
        self._began: float | None = None  # of the check that runs
        self._waiting = False
        self._result: str | None = None
        self._valid_until = 0.0

    def begin(self) -> None:
        """Start the check, unless it runs or its result is new enough."""
        with self._changed:
            now = self._monotonic()
            if self._began is None and (self._result is None or now >= self._valid_until):
                self._began = now
                threading.Thread(target=self._run, name=f"check of the {self.name}", daemon=True).start()

    def problem(self) -> str:
        """The result; the previous one while another request waits for the check."""
        with self._changed:
            if self._waiting and self._result is not None:
                return self._result
            if self._began is not None:
                self._waiting = True
                left = self._began + LIMIT_SECONDS - self._monotonic()
                self._changed.wait_for(lambda: self._began is None, max(0.0, left))
                self._waiting = False
            if self._began is not None:
                self._keep(f"no answer within {LIMIT_SECONDS:g} s", "it does not answer")
            return self._result or ""

    def _run(self) -> None:
        problem, reason = "", ""
        try:
            self._check()
        except Exception as error:
            problem, reason = "unavailable", exception_name(error)
        with self._changed:
            self._began = None
            self._keep(problem, reason)
            self._changed.notify_all()

    def _keep(self, problem: str, reason: str) -> None:
        """Keep a result, and log it if it is another one: the answer has no details."""
        if problem != self._result:
            if problem:
                _log.error("Not ready, because of the %s: %s", self.name, reason)
            elif self._result is not None:
                _log.warning("The %s can be used again", self.name)
        self._result, self._valid_until = problem, self._monotonic() + KEPT_SECONDS
