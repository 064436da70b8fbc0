"""Whether what Redis has acknowledged survives its sudden end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

__all__ = ["Durability", "read_durability"]

_DURABLE: Final = "appendonly yes, appendfsync always"
_EFFECT: Final = "it may forget which forms were sent in its last seconds"
_WARNING: Final = (
    f"If Redis ends suddenly, {_EFFECT}: set appendonly yes and appendfsync always (now {{now}})."
)
_UNKNOWN: Final = (
    "It is not known whether Redis keeps what it has acknowledged, because its user may not run CONFIG GET. "
    f"Without appendonly yes and appendfsync always {_EFFECT}."
)
_REFUSED: Final = "Forms of pages that were loaded before a restart of Redis are refused."
_NOT_REFUSED: Final = (
    "Its user may not run INFO, so a restart is not noticed, and such a form could be sent again: allow INFO "
    "(+info)."
)


@dataclass(frozen=True)
class Durability:
    """How durable the store is.

    Attributes:
        run: Identifies the run of the server, which another one follows after a restart. Empty if records
            survive a sudden end, or if it cannot be known.
        warning: What an operator should change; None if records survive.
    """

    run: str
    warning: str | None

    @property
    def notices_restarts(self) -> bool:
        """Whether records survive a restart, or another `run` shows that they may not."""
        return bool(self.run) or self.warning is None


def read_durability(client: Any) -> Durability:
    """Ask a server.

    Args:
        client: A client of redis-py that decodes answers.
    """
    with client.pipeline(transaction=False) as pipe:
        # A pattern: several names at once are understood by newer servers only.
        config, info = pipe.config_get("append*").info("server").execute(raise_on_error=False)
    for answer in (config, info):
        # A managed server may not allow these commands.
        if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
            raise answer
    run = "" if isinstance(info, Exception) else str(info.get("run_id", ""))[:12]
    effect = _REFUSED if run else _NOT_REFUSED
    if isinstance(config, Exception) or "appendonly" not in config:
        return Durability(run, f"{_UNKNOWN} {effect}")
    now = f"appendonly {config['appendonly']}, appendfsync {config.get('appendfsync', 'unknown')}"
    return (
        Durability("", None) if now == _DURABLE else Durability(run, f"{_WARNING.format(now=now)} {effect}")
    )
