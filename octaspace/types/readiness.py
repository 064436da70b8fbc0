"""Whether a session is ready, on its way, or over, judged from the words the API uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from . import _coerce

__all__ = ["readiness"]

_READY: Final = frozenset({"service configured", "configured", "running", "ready"})

#: What Go writes for a time that was never set.
_ZERO_YEAR: Final = 1
_ZERO_TIME: Final = "0001-"

#: Beginnings of words that say "still on its way" (Q14).
_ON_ITS_WAY: Final = (
    "prepar", "config", "start", "deploy", "queue", "provision", "pending", "build", "pull", "creat", "init",
)  # fmt: skip

#: Words after which nothing more is to be expected, whatever stands beside them.
_FAILED: Final = frozenset({"failed", "failure", "error", "errored", "crashed", "terminated"})

#: Words that mean the end, unless only a step on the way has ended: "image pull finished".
_OVER: Final = frozenset({"stopped", "finished", "completed", "cancelled", "canceled", "expired"})


def readiness(info: Mapping[str, Any]) -> Literal["ready", "waiting", "ended"]:
    """Judge a session by its info (Q14).

    Q14: "`is_ready` true, or `progress` in {service configured, configured, running, ready} (any case).
    Words like prepar…, config…, start…, deploy…, queue…, provision…, pending, build…, pull…, create…,
    init… mean: still on its way."

    Args:
        info: The answer of ``GET /services/:uuid/info``, or an entry of ``GET /sessions``.

    Returns:
        "ended" with a `finished_at` (0 and what is below are none) or a `termination_reason` (0 is one), or
        when `progress` says that it failed, stopped, was terminated or has finished; "ready" as Q14 has it;
        otherwise "waiting", which includes every word that is not known. Where an answer that names a session
        has no `progress`, its `status` is read in its place; `is_ready` false outweighs that.
    """
    if _is_time(info.get("finished_at")) or info.get("termination_reason") not in (None, ""):
        return "ended"
    told, is_ready = info.get("progress"), _coerce.flag(info.get("is_ready"))
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
    """Whether something happened at that time; one that cannot be read has happened as well."""
    number = _coerce.number(value)
    if number is not None:
        return number > 0
    if isinstance(value, datetime):
        return value.year > _ZERO_YEAR
    return value not in (None, "", False) and not (isinstance(value, str) and value.startswith(_ZERO_TIME))
