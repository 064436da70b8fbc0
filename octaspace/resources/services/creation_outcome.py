"""What a failed creation means: nothing was made, a session was made, or it is unknown."""

from __future__ import annotations

import copy
from typing import Final

from ... import errors
from ...hook_failure import hook_failure
from ...rentals.held_rental import HeldRental
from ...request import Request, RequestSender
from .creation import check_creation, session_uuids
from .transient import is_transient

__all__ = ["find_session", "is_definite", "not_made", "proves_not_made", "session_behind"]

#: Seconds between two looks at the list of sessions.
_LOOK_INTERVAL: Final = 2.0

_NOT_MADE: Final = "_octaspace_not_made"


def session_behind(error: BaseException) -> str | None:
    """The session that was made although a hook raised: the hook ran behind the answer."""
    failure = hook_failure(error)
    if failure is None or failure.response is None or not failure.response.ok:
        return None
    return next(iter(session_uuids(failure.response)), None)


def is_definite(error: BaseException, sender: RequestSender) -> bool:
    """Whether the error proves that nothing was made: the SDK's own, before the request or about its refusal.

    Args:
        error: What ended the creation.
        sender: Has the mask for the key.
    """
    failure = hook_failure(error)
    if failure is None:
        known = isinstance(error, (errors.Error, ValueError))
        return known and not getattr(error, "outcome_unknown", False)
    response = failure.response
    if response is None:
        return False
    if response.ok:
        try:
            check_creation(response, Request("POST", "/services"), sender.mask)
        except errors.Error as refusal:
            return not refusal.outcome_unknown
        return False
    return 400 <= response.status < 500 and response.status != 408


def find_session(sender: RequestSender, held: HeldRental) -> str | None:
    """Look for the session of an entry in ``GET /sessions`` until it is found or cannot have been made.

    Args:
        sender: Sends the requests.
        held: The entry; its lease is renewed in the meantime.

    Returns:
        The uuid; None when the API's list does not have it `reconcile_timeout` seconds after the request.

    Raises:
        octaspace.Error: The list could not be read in that time, or it is not clear which session is the
            entry's: it is still unknown.
    """
    from ...rentals.matching import UnclearSessionError, uuid_of  # imported here: it loads the types

    end = sender.monotonic() + held.ledger.reconcile_timeout
    while True:
        is_last = sender.monotonic() >= end
        failure: errors.Error | None = None
        try:
            sessions = sender.send(Request("GET", "/sessions", expects="json", operation="sessions.list"))
            uuid = uuid_of(held.rental, sessions, held.ledger)
            if uuid is not None:
                return uuid
        except UnclearSessionError as error:
            failure = error  # it may become clear when the others are recorded or end
        except errors.Error as error:
            if sender.closed or not is_transient(error):
                raise
            failure = error
        if is_last:
            if failure is not None:
                raise failure
            return None
        sender.sleep(min(_LOOK_INTERVAL, max(0.0, end - sender.monotonic())))


def not_made(error: errors.Error, seconds: float) -> errors.Error:
    """A copy of an error with an unknown outcome, now that it is known: nothing was made.

    Args:
        error: The error of the creation.
        seconds: How long the session was looked for.
    """
    known = copy.copy(error)
    known.outcome_unknown = False
    text = str(error).replace(errors.OUTCOME_UNKNOWN_HINT, "")
    known.args = (f"{text}; nothing was made: no session appeared within {seconds:g} s", *error.args[1:])
    known.__cause__, known.__context__ = error.__cause__, error.__context__
    setattr(known, _NOT_MADE, True)
    return known


def proves_not_made(error: BaseException) -> bool:
    """Whether `not_made` returned the error."""
    return getattr(error, _NOT_MADE, False) is True
