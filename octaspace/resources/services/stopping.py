"""Stop a session: an answer that it is gone counts, and a failure that may pass is tried again."""

from __future__ import annotations

from typing import Final

from ... import errors
from ...request import RequestSender
from .session import Session
from .transient import is_transient

__all__ = ["STOP_PAUSES", "pause_after", "stop_once", "stop_patiently"]

#: Seconds to wait before each retry of a failed stop. Stopping twice is harmless; a session costs money.
STOP_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE: Final = 60.0


def stop_patiently(sender: RequestSender, session: Session) -> None:
    """Stop a session; retry what may pass.

    Raises:
        octaspace.Error: The last failure; the session may continue.
    """
    for pause in STOP_PAUSES:
        try:
            stop_once(session)
            return
        except errors.Error as error:
            if not is_transient(error):
                raise
            wait = max(pause, pause_after(error))
        sender.sleep(wait)
    stop_once(session)


def stop_once(session: Session) -> bool:
    """Stop a session; returns False if it was gone already."""
    try:
        session.stop()
    except errors.NotFoundError:
        return False  # already stopped: by another client, or by a stop whose answer was lost
    return True


def pause_after(error: errors.Error) -> float:
    """Seconds that the API asks to wait after a failure, at most a minute."""
    return min(getattr(error, "retry_after", None) or 0.0, _LONGEST_PAUSE)
