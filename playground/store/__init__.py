"""What all workers share: state of browsers, request log, one-time tokens, worker snapshots, jobs.

Kept in one SQLite file, or in Redis; which of them is `Database`'s business alone.
"""

from .bounds import StoreBounds
from .browsers import BrowserState
from .calls import CallRow, Calls
from .database import Database, StoreError, StoreFullError, open_database
from .jobs import BusyError, Job, JobLog, Jobs, Limits
from .tokens import Tokens
from .tries import LoginTries
from .workers import Snapshot, Workers

__all__ = [
    "BrowserState",
    "BusyError",
    "CallRow",
    "Calls",
    "Database",
    "Job",
    "JobLog",
    "Jobs",
    "Limits",
    "LoginTries",
    "Snapshot",
    "StoreBounds",
    "StoreError",
    "StoreFullError",
    "Tokens",
    "Workers",
    "open_database",
]
