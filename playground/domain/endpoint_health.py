"""Health of each endpoint, from the attempts of all workers and their cooldowns.

The rotator of a client knows lost connections only, one endpoint has no rotator, and each worker has its own.
The history knows every attempt: an endpoint that answers 503 or with a maintenance page is not healthy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..store import WorkerSnapshot
from .endpoint_history import EndpointHistory

__all__ = ["EndpointHealth", "cooldowns_of", "endpoint_health"]

#: An endpoint that has failed within this many minutes is not called healthy yet.
_RECENT_MINUTES: Final = 5


@dataclass(frozen=True)
class EndpointHealth:
    """State of an endpoint.

    Attributes:
        url: The endpoint.
        severity: Colour of its badge: ``good``, ``warn``, ``bad`` or ``idle``.
        state: ``"failing"``, ``"cooling down"``, ``"unstable"``, ``"healthy"`` or ``"not called yet"``.
        history: What happened there.
        cooldown: Seconds left of its cooldown in the worker where it lasts longest, or None.
    """

    url: str
    severity: str
    state: str
    history: EndpointHistory
    cooldown: float | None = None

    @property
    def failing_since(self) -> float | None:
        """When the first of its present failures ended, seconds since 1970; None if it does not fail."""
        return self.history.failing_since


def cooldowns_of(workers: Sequence[WorkerSnapshot]) -> dict[str, float]:
    """Seconds left of the cooldown of each endpoint, in the worker where it lasts longest."""
    left: dict[str, float] = {}
    for worker in workers:
        cooling: Mapping[str, float] = (worker.stats.get("rotator") or {}).get("cooldown_left") or {}
        for url, seconds in cooling.items():
            if worker.alive and seconds > worker.age:
                left[url] = max(seconds - worker.age, left.get(url, 0.0))
    return left


def endpoint_health(
    histories: Mapping[str, EndpointHistory], cooldowns: Mapping[str, float], now: float
) -> list[EndpointHealth]:
    """The state of each endpoint, in the order of `histories`.

    Args:
        histories: See `playground.domain.endpoint_history.read_histories`.
        cooldowns: See `cooldowns_of`.
        now: The time, seconds since 1970.
    """
    return [
        EndpointHealth(url, *_state(history, cooldowns.get(url), now), history, cooldowns.get(url))
        for url, history in histories.items()
    ]


def _state(history: EndpointHistory, cooldown: float | None, now: float) -> tuple[str, str]:
    if history.failing_since is not None:
        return "bad", "failing"
    if cooldown is not None:
        return "warn", "cooling down"
    if history.answered_at is None:
        return "idle", "not called yet"
    if history.total(now, _RECENT_MINUTES).errors:
        return "warn", "unstable"
    return "good", "healthy"
