"""What all workers share: state of browsers, request log, one-time tokens, worker snapshots, jobs.

Kept in one SQLite file, or in Redis; which of them is `Database`'s business alone.
"""

from .backend import Database, StoreError, StoreFullError, open_database
from .bounds import StoreBounds
from .browsers import BrowserState
from .calls import CallRow, Calls
from .jobs import BusyError, Job, JobLog, Jobs, Limits
from .login_attempts import LoginTries
from .tokens import Tokens
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
