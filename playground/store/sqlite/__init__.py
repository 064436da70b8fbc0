"""The store in one SQLite file, shared by the workers of one machine."""

from .connection import SqliteDatabase

__all__ = ["SqliteDatabase"]
