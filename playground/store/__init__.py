"""The small database beside the browsers' state: request log, one-time tokens, worker snapshots."""

from .calls import CallRow, Calls
from .database import Database
from .tokens import Tokens
from .workers import Snapshot, Workers

__all__ = ["CallRow", "Calls", "Database", "Snapshot", "Tokens", "Workers"]
