"""Requests of one run of the lab in the journal of the sandbox: which changes were carried out."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from .sandbox_control import SandboxControl

__all__ = ["LabJournal"]

#: Maximum pages of a thousand entries.
_MAX_PAGES: Final = 8


class LabJournal:
    """Counts the requests of a run, which have its name in their query or body.

    Args:
        control: The sandbox.
        run: The run.
    """

    def __init__(self, control: SandboxControl, run: str) -> None:
        self._control = control
        self._tag = re.compile(rf"(?<![\w-]){re.escape(run)}-(\d+)")
        self._after = control.last_entry()

    def read(self) -> dict[str, Any]:
        """Read the journal from the start of the run.

        Returns:
            `arrived`: requests; `endpoints`: of those, by port; `carried`: how often each change was carried
            out, by the number of its call; `twice`: how many of them more than once.
        """
        carried: Counter[str] = Counter()
        ports: Counter[str] = Counter()
        after = self._after
        for _ in range(_MAX_PAGES):
            page = self._control.journal(after)
            for entry in page["entries"]:
                found = self._tag.search(f"{entry['query']} {entry['body']}")
                if found is None:
                    continue
                ports[str(entry["endpoint"])] += 1
                if entry["change"]:
                    carried[found[1]] += bool(entry["carried_out"])
            if not page["more"] or not page["entries"]:
                break
            after = page["entries"][-1]["id"]
        return {
            "arrived": sum(ports.values()),
            "endpoints": dict(ports),
            "carried": dict(carried),
            "twice": sum(times > 1 for times in carried.values()),
        }
