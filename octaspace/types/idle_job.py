"""A job that a node runs while it is not rented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._fields import Fields
from ._shape import Shape

__all__ = ["IdleJob"]


@dataclass(frozen=True, slots=True, repr=False)
class IdleJob(Shape):
    """The answer of ``GET /idle_jobs/:node_id/:job_id``.

    Attributes:
        status: Status as text.
        is_up: Whether it runs.
        uptime: Uptime, seconds.
        error: Error message.
        created_at: Start time.
        finished_at: End time; None while it runs.
        id: Id of the job.
        node_id: The node it runs on.
        job_id: Id of the job, where the API repeats it under this name.
        extra: Other fields that the API sent.
    """

    status: str | None = None
    is_up: bool | None = None
    uptime: int | None = None
    error: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    id: int | None = None
    node_id: int | None = None
    job_id: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> IdleJob:
        """Read the answer of ``idle_jobs.find()``.

        Args:
            data: The JSON object. The API does not guarantee any of its fields.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("IdleJob", data)
        return cls(
            status=fields.text("status"),
            is_up=fields.flag("is_up"),
            uptime=fields.integer("uptime"),
            error=fields.text("error"),
            created_at=fields.moment("created_at"),
            finished_at=fields.moment("finished_at"),
            id=fields.integer("id"),
            node_id=fields.integer("node_id"),
            job_id=fields.integer("job_id"),
            extra=fields.rest(),
        )
