"""State that all workers share: state of browsers, request log, one-time tokens, worker snapshots, endpoints,
jobs.

It is kept in one SQLite file or in Redis. The rules in this package are the same for both.
"""

from .backend import CALL_SOURCES, FOREGROUND, CallSource, Database, StoreError, StoreFullError
from .browser_state import BrowserState, saved_values
from .endpoint_records import EndpointRecords
from .factory import open_database
from .jobs import Job, JobLimits, JobStore, JobWriter, TooManyJobsError
from .login_attempts import LoginAttempts
from .one_time_tokens import OneTimeTokens, TokenUse
from .quotas import StoreQuotas
from .reaper_rounds import ReaperRounds
from .request_log import CallRow, RequestLog
from .worker_snapshots import WorkerSnapshot, WorkerSnapshots

__all__ = [
    "CALL_SOURCES",
    "FOREGROUND",
    "BrowserState",
    "CallRow",
    "CallSource",
    "Database",
    "EndpointRecords",
    "Job",
    "JobLimits",
    "JobStore",
    "JobWriter",
    "LoginAttempts",
    "OneTimeTokens",
    "ReaperRounds",
    "RequestLog",
    "StoreError",
    "StoreFullError",
    "StoreQuotas",
    "TokenUse",
    "TooManyJobsError",
    "WorkerSnapshot",
    "WorkerSnapshots",
    "open_database",
    "saved_values",
]
