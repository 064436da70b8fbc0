"""Background jobs, for work that takes longer than a page may: method runs, smoke suite, failover lab.

The thread runs in the worker that received the request. A second thread writes its progress to the store,
where every worker reads it.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from ..store import Database, JobLimits, JobStore, JobWriter, TooManyJobsError
from .progress import Progress

__all__ = ["begin"]

_log: Final = logging.getLogger(__name__)


def begin(
    database: Database,
    browser: str,
    kind: str,
    about: dict[str, Any],
    limits: JobLimits,
    work: Callable[[Progress], None],
) -> str:
    """Start a job in a new thread.

    Args:
        database: Where its progress is kept.
        browser: Id of the browser that owns the job.
        kind: Kind of the job.
        about: Its parameters, stored for its page.
        limits: Maximum numbers of jobs.
        work: Does the work. An exception becomes ``failure`` in the state, and is logged.

    Returns:
        The job's id.

    Raises:
        playground.store.TooManyJobsError: There are too many.
    """
    id = JobStore(database, browser).begin(kind, about, limits)
    progress = Progress(JobWriter(database, id))

    def run() -> None:
        try:
            work(progress)
        except Exception as error:
            _log.exception("The job %s (%s) failed", id, kind)
            progress.tell(failure=f"Internal error of the playground ({type(error).__name__}).")
        finally:
            progress.end()

    writing = threading.Thread(target=progress.write_until_ended, name=f"{kind}-{id}-progress", daemon=True)
    # A new context, without anything of the request that started the job.
    thread = threading.Thread(target=contextvars.Context().run, args=(run,), name=f"{kind}-{id}", daemon=True)
    try:
        writing.start()
        thread.start()
    except RuntimeError:
        progress.end()
        if writing.ident is None:
            progress.write()
        raise TooManyJobsError("The server has no free thread. Try again in a moment.") from None
    return id
