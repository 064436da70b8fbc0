"""Positions of the marks in the lab's time line: a band per endpoint, with a lane per thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...domain.attempts import Action, with_actions

__all__ = ["Mark", "Picture", "Span", "draw"]

_LANE: Final = 8
_PAD: Final = 5

#: Minimum widths, as shares of the total width, so that short marks are visible.
_THINNEST: Final = 0.35


@dataclass(frozen=True)
class Span:
    """A time span; x and width in percent of the total, y in pixels.

    Attributes:
        x: Beginning.
        width: Length.
        y: Top.
        height: Height.
    """

    x: float
    width: float
    y: float
    height: float

    @property
    def end(self) -> float:
        return self.x + self.width


@dataclass(frozen=True)
class Mark:
    """An attempt, its result, and its next attempt.

    Attributes:
        span: Its position.
        action: What the SDK did after it.
        queue: The wait for a connection at its start, or None.
        wait: The wait after it, or None.
        jump: Start of the next attempt of the call: x in percent, y in pixels; None for the last one.
    """

    span: Span
    action: Action
    queue: Span | None
    wait: Span | None
    jump: tuple[float, float] | None


@dataclass(frozen=True)
class Picture:
    """The complete chart.

    Attributes:
        height: In pixels.
        band: Height of the band of an endpoint.
        calls: Each call, with its marks.
        cooldowns: When an endpoint was skipped.
        seconds: Duration of the total width.
    """

    height: int
    band: int
    calls: tuple[tuple[dict[str, Any], tuple[Mark, ...]], ...]
    cooldowns: tuple[Span, ...]
    seconds: float


def draw(
    calls: Sequence[dict[str, Any]],
    cooldowns: Sequence[Mapping[str, Any]],
    endpoints: Sequence[str],
    lanes: int,
    seconds: float,
) -> Picture:
    """Lay a run out.

    Args:
        calls: The items of the run.
        cooldowns: Its cooldowns: `url`, `from`, `to`.
        endpoints: From the top to the bottom.
        lanes: How many threads there were.
        seconds: How long it has lasted so far.
    """
    last = max(
        (attempt["start"] + attempt["elapsed"] for call in calls for attempt in call["attempts"]), default=0.0
    )
    whole = max(seconds, last, 0.5)
    band = lanes * _LANE + 2 * _PAD

    def spot(url: str, lane: int) -> float:
        return _top(url) + _PAD + lane * _LANE + 1

    def _top(url: str) -> float:
        return float(band * (endpoints.index(url) if url in endpoints else 0))

    def marks(call: dict[str, Any]) -> tuple[Mark, ...]:
        found = []
        attempts = call["attempts"]
        for at, (attempt, action) in enumerate(with_actions(attempts, call["error"])):
            y = spot(attempt["endpoint"], call["lane"])
            span = Span(
                100 * attempt["start"] / whole, max(_THINNEST, 100 * attempt["elapsed"] / whole), y, _LANE - 2
            )
            queued = 100 * attempt["connection_wait"] / whole
            queue = Span(span.x, queued, y, _LANE - 2) if queued >= _THINNEST else None
            following = attempts[at + 1] if at + 1 < len(attempts) else None
            wait = Span(span.end, 100 * attempt["wait"] / whole, y, _LANE - 2) if attempt["wait"] else None
            jump = None
            if following is not None:
                jump = (
                    100 * following["start"] / whole,
                    spot(following["endpoint"], call["lane"]) + _LANE / 2 - 1,
                )
            found.append(Mark(span, action, queue, wait, jump))
        return tuple(found)

    return Picture(
        height=band * len(endpoints),
        band=band,
        calls=tuple((call, marks(call)) for call in calls),
        cooldowns=tuple(
            Span(
                100 * span["from"] / whole, 100 * (span["to"] - span["from"]) / whole, _top(span["url"]), band
            )
            for span in cooldowns
        ),
        seconds=whole,
    )
