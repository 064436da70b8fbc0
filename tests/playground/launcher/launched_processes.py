"""Processes of a running launcher."""

from __future__ import annotations

from pathlib import Path

from ...support.launched_playground import Launched, runs

__all__ = ["named"]


def named(launched: Launched, words: str) -> list[int]:
    """Those of its processes that have these words in their command line, the first started first."""
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in launched.family if runs(pid)}
    return sorted(pid for pid, command in commands.items() if words.encode() in command)
