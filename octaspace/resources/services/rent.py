"""Rentals that end with a block: a session is created, used, and stopped on every way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ... import errors
from ...request import Trip
from ...response import Response
from .session import Session

__all__ = ["rented", "uuid_of"]

#: Waits in seconds before a stop that failed is sent again. Stopping twice is harmless, charges are not.
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)

#: Failures of a stop that another one may mend.
_PASSING: Final = (
    errors.NetworkError,
    errors.ServerError,
    errors.RateLimitError,
    errors.InvalidResponseError,
)


@contextmanager
def rented(trip: Trip, create: Callable[[], Response[Any]]) -> Iterator[Session]:
    """Create a session, and stop it at the end of the block, however that ends.

    Args:
        trip: The way to the API.
        create: Sends the creation.
    """
    session: Session | None = None
    try:
        try:
            session = Session(trip, uuid_of(create()))
        except (KeyboardInterrupt, SystemExit) as interruption:
            _add_note(
                interruption,
                "It came while a rental was being created, which may have been carried out all the same: "
                "look at client.sessions.list().",
            )
            raise
        yield session
    except BaseException as error:
        if session is not None:
            try:
                _stop(trip, session)
            except errors.Error as failure:
                # The body's own error is what the caller must see; this one rides along.
                _add_note(error, f"Session {session.uuid} could not be stopped and goes on: {failure}")
        raise
    _stop(trip, session)


def uuid_of(response: Response[Any]) -> str:
    """The session that a creation names.

    Raises:
        InvalidResponseError: It names none, in a 2xx: there may be one.
    """
    data = response.data[0] if isinstance(response.data, list) and response.data else response.data
    uuid = data.get("uuid") if isinstance(data, dict) else None
    if not isinstance(uuid, str) or not uuid:
        raise errors.InvalidResponseError(
            f"the answer to the creation names no session{errors.LOOK_FIRST}",
            response=response,
            outcome_unknown=True,
        )
    return uuid


def _stop(trip: Trip, session: Session) -> None:
    for pause in _PAUSES:
        try:
            session.stop()
        except errors.NotFoundError:
            return  # it is gone: stopped by somebody, or by the stop whose answer was lost
        except _PASSING as error:
            trip.sleep(max(pause, min(getattr(error, "retry_after", None) or 0.0, 60.0)))
        else:
            return
    try:
        session.stop()
    except errors.NotFoundError:
        return


def _add_note(error: BaseException, note: str) -> None:
    if hasattr(error, "add_note"):
        error.add_note(note)
        return
    # Python 3.10 has no notes; the traceback shows contexts as well.
    last = error
    while last.__context__ is not None:
        last = last.__context__
    last.__context__ = errors.Error(note)
