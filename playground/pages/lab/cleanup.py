"""Stops the sessions of a run of the lab, including those whose creation had an unknown outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from octaspace import Client, Error, NotFoundError

from ...sdk.call import SdkCall
from ...sdk.json_access import get_path
from ...sdk.recording import Call, record_calls

__all__ = ["stop_sessions"]

_ROUNDS: Final = 10

#: Maximum rounds without any success.
_MAX_STALLED: Final = 2

_AT_ONCE: Final = 4

_log: Final = logging.getLogger(__name__)

#: Called with each line and the calls it made.
WriteDown = Callable[[SdkCall, list[Call]], None]


def stop_sessions(client: Client, run: str, known: Collection[str], write_down: WriteDown) -> int | None:
    """Stop every session with the name of a run.

    A creation whose answer was lost may have taken effect; the list of sessions shows it.

    Args:
        client: Makes the calls; faults may affect them, so they are repeated.
        run: The run.
        known: The sessions that answers to creations have named: they are stopped without the list as well.
        write_down: Called with each line and its calls.

    Returns:
        The number of sessions that still run; None if the list could not be loaded.
    """
    left: int | None = None
    stopped: set[str] = set()
    stalled = 0
    for _ in range(_ROUNDS):
        listed = _sessions(client, run, write_down)
        going = sorted({*known} - stopped | {*(listed or ())})
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            done = list(threads.map(lambda uuid: _stopped(client, uuid, write_down), going))
        stopped.update(uuid for uuid, success in zip(going, done, strict=True) if success)
        if listed is not None:
            left = done.count(False)
            if not left:
                return 0
        stalled = 0 if any(done) else stalled + 1
        if stalled == _MAX_STALLED:
            break
    return left


def _sessions(client: Client, run: str, write_down: WriteDown) -> list[str] | None:
    line = SdkCall("sessions.list")
    with record_calls() as calls:
        try:
            data: Any = line.run(client).data
        except Error:
            return None
        finally:
            write_down(line, calls)
    return [
        str(item.get("uuid"))
        for item in (data if isinstance(data, list) else [])
        if isinstance(item, dict) and str(get_path(item, "user_envs.LAB") or "").startswith(f"{run}-")
    ]


def _stopped(client: Client, uuid: str, write_down: WriteDown) -> bool:
    line = SdkCall("services.session", uuid).chain("stop")
    with record_calls() as calls:
        try:
            line.run(client)
        except NotFoundError:
            return True  # already stopped, by a stop whose answer was lost
        except Error:
            return False
        except Exception:  # the other sessions are stopped nevertheless
            _log.exception("The session %s of the lab could not be stopped", uuid)
            return False
        finally:
            write_down(line, calls)
    return True
