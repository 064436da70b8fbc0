"""The store in Redis, shared by the workers of one machine or several."""

from .connection import RedisDatabase

__all__ = ["RedisDatabase"]
