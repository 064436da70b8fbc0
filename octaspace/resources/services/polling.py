"""Wait for a session to become ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import errors
from ...request import RequestSender
from ...response import Response
from ...types.readiness import readiness
from .arguments import checked_seconds
from .transient import is_transient

__all__ = ["session_info", "wait_until_ready"]


def wait_until_ready(
    look: Callable[[float], Response[Any]],
    clock: RequestSender,
    uuid: str,
    *,
    timeout: float,
    interval: float,
    on_progress: Callable[[Response[Any]], object] | None,
) -> Response[Any]:
    """Request the info until the session is ready; see `Session.wait_until_ready`.

    Args:
        look: Requests the session's info with a timeout in seconds.
        clock: Provides the time, pauses, and the mask for the key in messages.
        uuid: The session, for messages.
        timeout: Seconds in total.
        interval: Seconds between two requests.
        on_progress: Called with every answer.
    """
    checked_seconds("timeout", timeout, above_zero=True)
    checked_seconds("interval", interval)
    end = clock.monotonic() + timeout
    seen, cause = "no answer received", None
    while (left := end - clock.monotonic()) > 0:
        pause = interval
        try:
            response = look(left)
        except errors.Error as error:
            if not is_transient(error):
                raise
            cause, seen = error, f"the last request failed: {type(error).__name__}"
            pause = max(pause, getattr(error, "retry_after", None) or 0.0)
        else:
            cause = None
            if on_progress is not None:
                on_progress(response)
            info = session_info(response.data)
            seen = f"last progress: {errors.one_line(clock.mask.text(str(info.get('progress'))))}"
            state = readiness(info)
            if state == "ready":
                return response
            if state == "ended":
                response = clock.mask.response(response)
                raise errors.Error(f"session {uuid} ended before it was ready; {seen}", response=response)
        clock.sleep(max(0.0, min(pause, end - clock.monotonic())))
    raise errors.TimeoutError(
        f"session {uuid} was not ready within {timeout:g} s; {seen}; the session and its charges continue",
        phase="total",
    ) from cause


def session_info(data: Any) -> dict[str, Any]:
    """Return the info of a session: an object, or the only item of a list; otherwise empty.

    Args:
        data: The data of ``GET /services/:uuid/info``.
    """
    item = data[0] if isinstance(data, list) and len(data) == 1 else data
    return item if isinstance(item, dict) else {}
