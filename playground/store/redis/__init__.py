"""The store in Redis, shared by the workers of one machine or several."""

from .database import RedisDatabase

__all__ = ["RedisDatabase"]
