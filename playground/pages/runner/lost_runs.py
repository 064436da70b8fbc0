"""What is said of a run that rents, whose worker process ended before it had the outcome."""

from __future__ import annotations

from typing import Any

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...store import Job
from ...web.lost_outcomes import outcome_of_lost

__all__ = ["outcome_of_lost_run"]

_ELSEWHERE = "This browser uses another API or key now."


def outcome_of_lost_run(run: Job) -> dict[str, Any] | None:
    """The outcome of a lost run, as of `form_actions.once`; None if it has rented nothing that is recorded.

    Args:
        run: A run of this browser. It has recorded the id of its rental before the request was sent.
    """
    if not run.lost or "rental_id" not in run.state:
        return None
    about = {"to": ("runner.index", {"method": run.about["method"]}), "rental_id": run.state["rental_id"]}
    is_same = run.about["target"] == current_browser().target_fingerprint
    generation = current_app_state().database.generation()
    outcome, _ = outcome_of_lost(
        about, "" if is_same else _ELSEWHERE, forgetful=generation != run.about["generation"]
    )
    return outcome
