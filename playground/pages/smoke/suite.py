"""The smoke suite in the background, started by a page."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from ...app_state import AppState
from ...browser.call_log import CallLog
from ...browser.state import Browser
from ...jobs.background import begin
from ...jobs.examples import DOCUMENTED_JOB
from ...jobs.progress import Progress
from ...jobs.smoke_steps import SmokeStep, all_steps, run_steps
from ...store import JobLimits

__all__ = ["KIND", "start_smoke"]

KIND: Final = "smoke"

_LIMITS: Final = JobLimits(per_browser=1, total=4, rate=6)


def start_smoke(
    parts: AppState,
    browser: Browser,
    *,
    changes: bool,
    steps: list[SmokeStep] | None = None,
    again: str | None = None,
) -> str:
    """Start the suite for a browser.

    Args:
        parts: The app's parts.
        browser: Who asks, and with which settings.
        changes: Whether changes are made as well; the caller sees to it that only a sandbox gets them.
        steps: The calls to make; all of them by default.
        again: Id of the run that these steps are from.

    Returns:
        Id of the job. Its items are the calls: those of `run_steps`, with a log_id.

    Raises:
        playground.store.TooManyJobsError: One is running.
    """
    source, config, id, budget = browser.api_target, browser.config, browser.id, browser.budget
    ledger = browser.rental_ledger
    made = all_steps(changes=changes) if steps is None else steps
    about = {
        "changes": changes,
        "source": source.label,
        "endpoints": list(source.endpoints),
        "plan": [step.method.name for step in made],
        "again": again,
    }

    def work(progress: Progress) -> None:
        log = CallLog(parts.database, id, target=source.label, source="smoke", page="smoke.run")
        with parts.clients.lease(config) as client:
            bounded = client.with_options(total_timeout=budget, rental_ledger=ledger)
            job = DOCUMENTED_JOB if source.is_sandbox else None
            results = run_steps(bounded, progress, changes=changes, idle_job=job, steps=made)
            with closing(results):  # it stops what it has rented
                for item, calls in results:
                    number = log.write_if_possible(calls, item["line"])
                    progress.tell({**item, "log_id": number}, at_once=True)

    return begin(parts.database, id, KIND, about, _LIMITS, work)
