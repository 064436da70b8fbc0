"""Whether the API refused the key of a browser, as its last calls showed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from ..sdk.recording import Call
from .state import Browser

__all__ = ["KeyProblem", "key_problem", "note_key", "note_key_of_calls"]

KeyProblem = Literal["refused", "missing"]

#: What is saved; it belongs to a target with its key.
_CONCERN: Final = "key_refused"


def key_problem(browser: Browser) -> KeyProblem | None:
    """``"refused"`` when the API refused the key with 401, ``"missing"`` when it refused calls without a key.

    None when it accepts the key, and as long as no call has told.
    """
    if browser.read(_CONCERN).get("of") != browser.target_fingerprint:
        return None
    return "missing" if browser.api_target.key is None else "refused"


def note_key(browser: Browser, *, accepted: bool, refused: bool) -> None:
    """Remember what calls showed; an endpoint that accepts the key counts more than one that refuses it."""
    known = key_problem(browser) is not None
    if accepted and known:
        browser.note(_CONCERN, None)
    elif refused and not accepted and not known:
        browser.note(_CONCERN, {"of": browser.target_fingerprint})


def note_key_of_calls(browser: Browser, calls: Iterable[Call]) -> None:
    """Remember what these calls showed; public calls and answers from the cache show nothing."""
    statuses = {call.status for call in calls if call.attempts and not call.request.public}
    note_key(browser, accepted=any(status and status < 300 for status in statuses), refused=401 in statuses)
