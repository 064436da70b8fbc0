"""The store in one SQLite file, shared by the workers of one machine."""

from .database import SqliteDatabase

__all__ = ["SqliteDatabase"]
