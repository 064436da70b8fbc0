"""The small database beside the browsers' state: log, one-time tokens, worker snapshots, jobs."""

from .calls import CallRow, Calls
from .database import Database
from .jobs import BusyError, Job, JobLog, Jobs, Limits
from .tokens import Tokens
from .workers import Snapshot, Workers

__all__ = [
    "BusyError",
    "CallRow",
    "Calls",
    "Database",
    "Job",
    "JobLog",
    "Jobs",
    "Limits",
    "Snapshot",
    "Tokens",
    "Workers",
]
