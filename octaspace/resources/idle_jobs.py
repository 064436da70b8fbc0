"""Jobs that the account's nodes run while they are not rented."""

from __future__ import annotations

from .. import types
from ..response import Response
from .resource import Resource

__all__ = ["IdleJobs"]


class IdleJobs(Resource):
    """A node's job and its logs: `client.idle_jobs`."""

    __slots__ = ()

    def find(self, *, node_id: int | str, job_id: int | str) -> Response[types.payloads.IdleJob]:
        """GET /idle_jobs/:node_id/:job_id: one job.

        Args:
            node_id: The node it runs on.
            job_id: The job.

        Returns:
            `data` is an object; `uptime` in seconds::

                {"id": 42, "node_id": 69, "is_up": true, "uptime": 3600, "status": "running",
                 "created_at": "2026-11-23T12:00:00Z", "finished_at": null}

        Raises:
            ValueError: An id cannot be part of a path.
            octaspace.NotFoundError: There is no such job.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("idle_jobs.find", "idle_jobs", node_id, job_id)

    def logs(self, *, node_id: int | str, job_id: int | str) -> Response[types.payloads.IdleJobLogs]:
        """GET /idle_jobs/:node_id/:job_id/logs: the output of the job.

        Args:
            node_id: The node it runs on.
            job_id: The job.

        Returns:
            `data` has one of three shapes; `octaspace.types.IdleJobLogs` decodes all of them::

                {"data": "H4sIAAAA…"}                        # base64 of gzip
                {"data": [{"line": 1, "text": "Epoch 1"}]}
                ["Epoch 1", "Epoch 2"]

        Raises:
            ValueError: An id cannot be part of a path.
            octaspace.NotFoundError: There is no such job.
            octaspace.Error: Any other of `octaspace.errors`.
        """
        return self._get("idle_jobs.logs", "idle_jobs", node_id, job_id, "logs")
