"""A run of one method in the background."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final

from octaspace import Client, Error, UnexpectedShapeError

from ..app_state import AppState
from ..browser.call_log import CallLog
from ..browser.state import Browser
from ..sdk.announcing_ledger import AnnouncingLedger
from ..sdk.error_card import Problem, describe, log_unexpected_shape
from ..sdk.method_results import result_of
from ..sdk.methods import Method
from ..sdk.read_only import ChangeStoppedError, reading_only
from ..sdk.recording import RecordedCalls, record_calls
from ..sdk.redaction import WITHHELD, answer_is_secret, without_secrets
from ..store import JobLimits
from .background import begin
from .progress import Progress

__all__ = ["KIND", "start_run"]

KIND: Final = "runner"

#: Maximum runs of one browser and of all, and the rate at which they may start.
_LIMITS: Final = JobLimits(per_browser=4, total=16, rate=20)

#: The name of what a run rents in the rental ledger, unless one is given. What has a name is recorded.
_RENTAL_NAME: Final = "method runner"

#: A change that times out may still have taken effect, so its limit is longer than that of a read.
_CHANGE_SECONDS: Final = 60.0


class _CancelledError(Exception):
    """The run was cancelled."""


def start_run(
    parts: AppState, browser: Browser, method: Method, values: Mapping[str, Any], *, change: bool
) -> str:
    """Start a run of a method for a browser.

    Args:
        parts: The state of the app.
        browser: The browser, with its settings.
        method: What to run.
        values: Its arguments.
        change: Whether the user confirmed a change; otherwise only reads are sent.

    Returns:
        Id of the run. What it rents is recorded in the rental ledger, and its state has the id of the latest
        entry before the request is sent: ``rental_id``.

    Raises:
        playground.store.TooManyJobsError: The maximum number of runs is reached.
    """
    source, config, id = browser.api_target.label, browser.config, browser.id
    seconds = max(_CHANGE_SECONDS, browser.budget) if change else browser.budget
    line, ledger = method.line(values), browser.rental_ledger
    about = {
        "method": method.name,
        "line": line.redacted,
        "change": change,
        "source": source,
        "key": browser.api_target.masked_key,
        "target": browser.target_fingerprint,
        "generation": browser.store_generation,
        "user_agent": config.user_agent,
        "seconds": seconds,
    }

    def work(progress: Progress) -> None:
        def announce(rental_id: str) -> None:
            progress.tell(rental_id=rental_id)
            progress.flush()

        began = time.monotonic()
        with (
            parts.clients.lease(config) as client,
            record_calls() as calls,
            nullcontext() if change else reading_only(),
        ):
            recording = AnnouncingLedger(ledger, announce)
            ready = client.with_options(total_timeout=seconds, rental_ledger=recording)
            outcome = _carry_out(method, _with_name(method, values), ready, progress, calls, change=change)
        took = time.monotonic() - began
        log = CallLog(parts.database, id, target=source, source="runner", page="runner.run")
        number = log.write(calls, line.redacted)
        has_data = "data" in outcome
        data = outcome.pop("data", None)
        progress.tell(
            {"text": _as_text(data, calls, parts.database.quotas.job * 2 // 3) if has_data else None},
            **outcome,
            took=took,
            calls=calls.total,
            call=_without_answer(log.row(calls[-1], line.redacted)) if calls else None,
            log_id=number,
        )

    return begin(parts.database, id, KIND, about, _LIMITS, work)


def _with_name(method: Method, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments with a name for the ledger, which neither the request nor the line on the page contains."""
    if method.takes("max_duration") and values.get("name") is None:
        return {**values, "name": _RENTAL_NAME}
    return values


def _carry_out(
    method: Method,
    values: Mapping[str, Any],
    client: Client,
    progress: Progress,
    calls: RecordedCalls,
    *,
    change: bool,
) -> dict[str, Any]:
    """Run it; return its result as the state of the run: `outcome`, and `data` or `problem`.

    Both are set if the answer has an unexpected shape.
    """

    def told(*figures: Any) -> None:
        """Called for each poll of a wait, and for each chunk of a download."""
        if len(figures) == 2:
            progress.tell(done=figures[0], total=figures[1])
        else:
            info = figures[0].data
            progress.tell(said=str(info.get("progress") or "")[:200] if isinstance(info, dict) else "")
        if progress.cancelled:
            raise _CancelledError

    def was_cancelled() -> bool:
        if change:
            return False
        progress.flush()  # it may have been cancelled since the last write
        return progress.cancelled

    more = {"on_progress": told} if method.takes("on_progress") else {}
    try:
        data, cut = result_of(method, {**values, **more}, client, progress, change=change)
    except _CancelledError:
        return {"outcome": "cancelled"}
    except ChangeStoppedError as stopped:
        return {"outcome": "failed", "problem": Problem("Nothing was sent", f"{stopped}.").as_json()}
    except UnexpectedShapeError as error:  # of an answer that the method has read
        log_unexpected_shape(method.name, error, calls[-1].request_id if calls else None)
        calls.mark_unreadable(error)
        return {"outcome": "failed", "problem": describe(error).as_json(), "data": _answer_of(calls)}
    except (
        Error,
        ValueError,
        TypeError,
        OSError,
    ) as error:  # others than Error: arguments
        if was_cancelled():
            return {"outcome": "cancelled"}
        return {"outcome": "failed", "problem": describe(error).as_json()}
    if was_cancelled():
        return {"outcome": "cancelled"}
    return {"outcome": "done", "data": data, "cut": cut}


def _answer_of(calls: RecordedCalls) -> Any:
    """The data of the last answer."""
    response = calls[-1].response if calls else None
    return None if response is None else response.data


def _without_answer(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "detail": {**row["detail"], "answer": None}}


def _as_text(data: Any, calls: RecordedCalls, most: int) -> str:
    """The answer as JSON, without secrets; a note if it exceeds the size limit of a run."""
    if any(answer_is_secret(call.request.method, call.request.path) for call in calls):
        size = f"{len(data)} bytes " if isinstance(data, bytes) else ""
        return json.dumps(f"{size}{WITHHELD}")
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    text = json.dumps(without_secrets(data), indent=2, ensure_ascii=False, default=str)
    # As the store writes it: once more as JSON.
    length = len(json.dumps(text))
    if length > most:
        return json.dumps(f"(not stored: {length} bytes; the limit of a run is {most})")
    return text
