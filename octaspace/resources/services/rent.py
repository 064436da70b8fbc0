"""Context manager of rentals: create a session, and stop it however the block ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ... import errors
from ...request import RequestSender
from ...response import Response
from .creation import session_uuids
from .session import Session
from .transient import is_transient

__all__ = ["rental"]

#: Seconds to wait before each retry of a failed stop. Stopping twice is harmless; a session costs money.
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE: Final = 60.0


@contextmanager
def rental(sender: RequestSender, create: Callable[[], Response[Any]]) -> Iterator[Session]:
    """Create a session, and stop it however the block ends.

    Args:
        sender: Sends the requests.
        create: Sends the creation, and raises unless the answer names a session.
    """
    response: Response[Any] | None = None
    session: Session | None = None
    try:
        try:
            response = create()
            session = Session(sender, session_uuids(response)[0])
        except errors.ProvisionRejectedError as error:
            _stop_others(sender, error)
            raise
        except (errors.Error, ValueError):
            raise  # these errors state whether there may be a rental
        except BaseException as interruption:  # or what a hook raised
            if response is not None:
                session = Session(sender, session_uuids(response)[0])
            if session is None:
                _add_note(
                    interruption,
                    "The creation of a rental was interrupted and may have taken effect: "
                    "check client.sessions.list().",
                )
            raise
        yield session
    except BaseException as error:
        if session is not None:
            try:
                _stop(sender, session)
            except Exception as failure:
                # The caller must see the error of the block; this one is added as a note.
                _add_note(error, f"Session {session.uuid} could not be stopped and continues: {failure}")
        raise
    _stop(sender, session)


def _stop_others(sender: RequestSender, rejected: errors.ProvisionRejectedError) -> None:
    """Stop the sessions that a rejecting answer names: the block that would use them does not run."""
    for uuid in session_uuids(rejected.response) if rejected.response is not None else ():
        try:
            _stop(sender, Session(sender, uuid))
        except Exception as failure:
            _add_note(rejected, f"Session {uuid} could not be stopped and continues: {failure}")


def _stop(sender: RequestSender, session: Session) -> None:
    try:
        _stop_patiently(sender, session)
    except errors.Error:
        raise
    except BaseException as interruption:  # or what a hook raised: retry once, immediately
        try:
            _stop_once(session)
        except BaseException as failure:
            _add_note(
                interruption,
                f"Session {session.uuid} may continue: its stop was interrupted, and so was a second one "
                f"({type(failure).__name__}).",
            )
        raise


def _stop_patiently(sender: RequestSender, session: Session) -> None:
    for pause in _PAUSES:
        try:
            return _stop_once(session)
        except errors.Error as error:
            if not is_transient(error):
                raise
            asked = min(getattr(error, "retry_after", None) or 0.0, _LONGEST_PAUSE)
        sender.sleep(max(pause, asked))
    _stop_once(session)


def _stop_once(session: Session) -> None:
    try:
        session.stop()
    except errors.NotFoundError:
        return  # already stopped: by another client, or by a stop whose answer was lost


def _add_note(error: BaseException, note: str) -> None:
    if hasattr(error, "add_note"):
        error.add_note(note)
        return
    # Python 3.10 has no notes. Tracebacks show causes and contexts, so the note is added at the end of these.
    chain = [error]
    while True:
        behind = chain[-1].__cause__
        if behind is None and not chain[-1].__suppress_context__:
            behind = chain[-1].__context__
        if behind is None or behind in chain:
            break
        chain.append(behind)
    chain[-1].__context__, chain[-1].__suppress_context__ = errors.Error(note), False
