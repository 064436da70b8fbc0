"""Idle jobs and their logs, in each of the three known log shapes (Q11)."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

#: (node, job, status, log shape) of the jobs of the seeded worlds.
_JOBS = (
    (69, 42, "running", "gzip"),
    (9001, 41, "running", "gzip"),
    (9002, 42, "running", "lines"),
    (9003, 43, "finished", "strings"),
    (9004, 44, "failed", "lines"),
)


@dataclass
class IdleJob:
    """One job on one node. Times are wall seconds."""

    node_id: int
    job_id: int
    status: str
    shape: str
    created: float
    finished: float | None
    error: str
    lines: list[str]

    def view(self, wall: float) -> dict[str, Any]:
        """The answer of GET /idle_jobs/{node}/{job}."""
        view = {
            "id": self.job_id,
            "node_id": self.node_id,
            "job_id": self.job_id,
            "is_up": self.finished is None,
            "uptime": int((wall if self.finished is None else self.finished) - self.created),
            "status": self.status,
            "created_at": _iso(self.created),
            "finished_at": None if self.finished is None else _iso(self.finished),
        }
        return {**view, "error": self.error} if self.error else view

    def logs(self) -> Any:
        """The answer of GET /idle_jobs/{node}/{job}/logs."""
        if self.shape == "lines":
            return {"data": [{"line": number, "text": text} for number, text in enumerate(self.lines, 1)]}
        if self.shape == "strings":
            return self.lines
        # mtime=0: the same log gives the same bytes.
        packed = gzip.compress("\n".join(self.lines).encode(), mtime=0)
        return {"data": base64.b64encode(packed).decode()}


def make_idle_jobs(wall: float) -> dict[tuple[int, int], IdleJob]:
    """The jobs of a seeded world, by node and job id."""
    jobs: dict[tuple[int, int], IdleJob] = {}
    for place, (node_id, job_id, status, shape) in enumerate(_JOBS):
        over = status != "running"
        jobs[node_id, job_id] = IdleJob(
            node_id,
            job_id,
            status,
            shape,
            created=wall - 3600 * (place + 1),
            finished=wall - 600 if over else None,
            error="CUDA out of memory" if status == "failed" else "",
            lines=[
                "xmrig 6.21 starting",
                *(f"Epoch {epoch}/10 loss {1 / (epoch + 0.2):.3f}" for epoch in range(1, 11)),
            ],
        )
    return jobs


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(int(wall), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
