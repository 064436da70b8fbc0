"""The cooldowns of endpoints during a run of the lab, for its timeline."""

from __future__ import annotations

from typing import Any

__all__ = ["Cooldowns", "cooldown_left"]


class Cooldowns:
    """The cooldowns of endpoints, as the client reports them.

    Args:
        endpoints: The endpoints.
        cooldown: Seconds that a cooldown lasts.

    Attributes:
        spans: Endpoint, beginning and end of each, in seconds since the run began: ``url``, ``from``, ``to``.
    """

    def __init__(self, endpoints: tuple[str, ...], cooldown: float) -> None:
        self._endpoints, self._cooldown = endpoints, cooldown
        self.spans: list[dict[str, Any]] = []
        self._open: dict[str, dict[str, Any]] = {}

    def look(self, stats: dict[str, Any], now: float) -> None:
        """Note the state of the endpoints.

        Args:
            stats: See `octaspace.Client.transport_stats`.
            now: Seconds since the run began.
        """
        left = cooldown_left(stats)
        for url in self._endpoints:
            span = self._open.get(url)
            if url not in left:
                self._open.pop(url, None)
            elif span is None:
                began = max(0.0, now - (self._cooldown - left[url]))
                self._open[url] = {"url": url, "from": began, "to": now}
                self.spans.append(self._open[url])
            else:
                span["to"] = now


def cooldown_left(stats: dict[str, Any]) -> dict[str, float]:
    """The endpoints that are cooling down, with the seconds left."""
    left: dict[str, float] = stats.get("rotator", {}).get("cooldown_left", {})
    return left
