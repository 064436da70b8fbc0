"""Whether a session is ready, waiting or ended, from the texts that the API sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from . import _scalars

__all__ = ["readiness"]

_READY: Final = frozenset({"service configured", "configured", "running", "ready"})

#: Go's zero time, for a time that was never set.
_ZERO_YEAR: Final = 1
_ZERO_TIME: Final = "0001-"

#: Prefixes of words that mean "still waiting" (Q14).
_ON_ITS_WAY: Final = (
    "prepar", "config", "start", "deploy", "queue", "provision", "pending", "build", "pull", "creat", "init",
)  # fmt: skip

#: Words that mean a failure, regardless of the other words.
_FAILED: Final = frozenset({"failed", "failure", "error", "errored", "crashed", "terminated"})

#: Words that mean the end, unless only a step has ended: "image pull finished".
_OVER: Final = frozenset({"stopped", "finished", "completed", "cancelled", "canceled", "expired"})


def readiness(info: Mapping[str, Any]) -> Literal["ready", "waiting", "ended"]:
    """Return the state of a session from its info (Q14).

    Q14: "`is_ready` true, or `progress` in {service configured, configured, running, ready} (any case).
    Words like prepar…, config…, start…, deploy…, queue…, provision…, pending, build…, pull…, create…,
    init… mean: still on its way."

    Args:
        info: The answer of ``GET /services/:uuid/info``, or an entry of ``GET /sessions``.

    Returns:
        "ended" with a `finished_at` (0 and below do not count) or a `termination_reason` (0 counts), or when
        `progress` means failed, stopped, terminated or finished; "ready" according to Q14; otherwise
        "waiting", also for unknown words. Where an answer with a `uuid` has no `progress`, its `status` is
        read instead; `is_ready` false takes precedence over a ready `status`.
    """
    if _is_time(info.get("finished_at")) or info.get("termination_reason") not in (None, ""):
        return "ended"
    told, is_ready = info.get("progress"), _scalars.flag(info.get("is_ready"))
    by_status = told in (None, "") and bool(info.get("uuid"))
    if by_status:
        told = info.get("status")
    words = told.lower().split() if isinstance(told, str) else []
    letters = re.findall(r"[a-z]+", " ".join(words))
    if not _FAILED.isdisjoint(letters):
        return "ended"
    if not _OVER.isdisjoint(letters) and not any(word.startswith(_ON_ITS_WAY) for word in letters):
        return "ended"
    if is_ready or (" ".join(words) in _READY and not (by_status and is_ready is False)):
        return "ready"
    return "waiting"


def _is_time(value: Any) -> bool:
    """Whether a value is a time; a value that cannot be read counts as one."""
    number = _scalars.number(value)
    if number is not None:
        return number > 0
    if isinstance(value, datetime):
        return value.year > _ZERO_YEAR
    return value not in (None, "", False) and not (isinstance(value, str) and value.startswith(_ZERO_TIME))
