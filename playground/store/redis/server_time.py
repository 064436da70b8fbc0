"""The clock of the Redis server: the only one that all machines share."""

from __future__ import annotations

from typing import Final

__all__ = ["LUA_TIME", "server_time"]

#: A function for scripts: the time as text, seconds since 1970.
LUA_TIME: Final = """
local function server_time()
    local time = redis.call('TIME')
    return time[1] .. '.' .. string.format('%06d', time[2])
end
"""


def server_time(answer: tuple[int, int]) -> float:
    """The answer to TIME, as seconds since 1970."""
    seconds, microseconds = answer
    return seconds + microseconds / 1e6
