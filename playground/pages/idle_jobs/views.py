"""Idle jobs, which nodes run while they are not rented: found by node and job, with their logs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, render_template, request

from octaspace.key_mask import KeyMask
from octaspace.types import IdleJob, IdleJobLogs

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...domain.log_lines import shown
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id
from ...web.panels import PanelRequest, load
from ...web.responses import as_attachment

bp = Blueprint("idle_jobs", __name__, url_prefix="/playground/idle-jobs")

#: Maximum size of an unpacked log, and maximum lines (the last ones) that a page shows.
_MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_LINES: Final = 1000

#: A job that the sandbox has.
_EXAMPLE: Final = {"node": "69", "job": "42"}


@dataclass(frozen=True)
class JobLog:
    """The log of a job.

    Attributes:
        lines: The last lines, without terminal control characters.
        count: Number of lines in total.
        size: Characters in total.
    """

    lines: tuple[str, ...]
    count: int
    size: int

    @property
    def left_out(self) -> int:
        return self.count - len(self.lines)


@bp.get("")
def index() -> str:
    node, job = _asked()
    missing = {}
    if node or job:
        missing = {name: "Required." for name, value in (("node", node), ("job", job)) if not value}
    panels = {}
    if node and job:
        read = partial(read_log, mask=_mask())
        panels = load(
            PanelRequest("job", "Job", _line("find", node, job), shape=read_job),
            PanelRequest(
                "logs", "Log", _line("logs", node, job), shape=read, empty=lambda log: not log.count
            ),
        )
    return render_template(
        "idle_jobs/index.html", **panels, node=node, asked_job=job, missing=missing, example=_EXAMPLE
    )


@bp.get("/log.txt")
def log() -> Response:
    """The whole log as a text file."""
    current_browser().require_state()  # a file has no banner that names the API
    node, job = _asked()
    if not (node and job):
        abort(404, "Node ID and job ID are required.")
    read = partial(read_text, mask=_mask())
    panel = load(PanelRequest("logs", "Log", _line("logs", node, job), shape=read), page=False)["logs"]
    if panel.problem is not None:
        # Not as a file: a browser would save the error card as if it were the log.
        text = f"{panel.problem.kind}: {panel.problem.message}\n"
        return current_app.response_class(text, 502, mimetype="text/plain")
    response = current_app.response_class(panel.data or "", mimetype="text/plain")
    return as_attachment(response, "idle-job.log")


def read_job(data: Any) -> IdleJob:
    """The answer of ``GET /idle_jobs/:node_id/:job_id``."""
    return IdleJob.from_api(data)


def read_text(data: Any, mask: KeyMask) -> str:
    """The log in any of its shapes, as plain text.

    Args:
        data: The answer.
        mask: Masks the key. The client masks only the packed log, in which a key cannot be found.

    Raises:
        octaspace.UnexpectedShapeError: It has none of the known shapes, or unpacks to more than the limit.
    """
    return "".join(f"{shown(line)}\n" for line in _unpacked(data, mask).lines)


def read_log(data: Any, mask: KeyMask) -> JobLog:
    """The log in any of its shapes, as the page shows it; see `read_text`."""
    logs = _unpacked(data, mask)
    lines = logs.lines
    return JobLog(tuple(shown(line) for line in lines[-_MAX_LINES:]), len(lines), len(logs.text))


def _mask() -> KeyMask:
    return current_app_state().clients.mask(current_browser().config)


def _unpacked(data: Any, mask: KeyMask) -> IdleJobLogs:
    logs = IdleJobLogs.from_api(data, max_bytes=_MAX_BYTES)
    return replace(logs, text=mask.text(logs.text))


def _asked() -> tuple[str, str]:
    return tuple(request.args.get(name, "").strip()[:100] for name in ("node", "job"))  # type: ignore[return-value]


def _line(method: str, node: str, job: str) -> SdkCall:
    return SdkCall(f"idle_jobs.{method}", node_id=as_id(node), job_id=as_id(job))
