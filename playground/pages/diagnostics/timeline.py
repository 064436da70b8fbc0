"""The last 30 minutes of each endpoint as a chart: attempts by minute, latency, and cooldowns as bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.endpoint_health import EndpointHealth
from ...domain.endpoint_history import MINUTES, EndpointHistory, Minute

__all__ = ["Bar", "Row", "Scale", "Timeline", "draw"]

#: Size of the charts in their own units: 10 a minute; a bar takes 8 of them.
_MINUTE: Final = 10.0
_ATTEMPTS_HEIGHT: Final = 60.0
_LATENCY_HEIGHT: Final = 30.0

#: Height of the lowest bar: a single failed attempt of many is visible.
_LOWEST: Final = 1.5

#: The order of the page: the worst first.
_RANK: Final = {"bad": 0, "warn": 1, "good": 2, "idle": 3}


@dataclass(frozen=True)
class Bar:
    """A bar, or a band of the full height.

    Attributes:
        x: Left edge.
        y: Upper edge.
        height: Height.
        width: Width.
    """

    x: float
    y: float
    height: float
    width: float = _MINUTE - 2


@dataclass(frozen=True)
class Scale:
    """The scale that the charts of all endpoints have in common.

    Attributes:
        answered: Most attempts that were answered in one minute.
        errors: Most attempts that failed in one minute.
        slowest: Highest p95 of a minute in seconds; None without responses.
    """

    answered: int
    errors: int
    slowest: float | None

    @property
    def line(self) -> float:
        """Where bars of answered attempts end and those of errors begin."""
        together = self.answered + self.errors
        return _ATTEMPTS_HEIGHT * self.answered / together if together else _ATTEMPTS_HEIGHT

    @property
    def unit(self) -> float:
        """Height of one attempt."""
        return _ATTEMPTS_HEIGHT / max(1, self.answered + self.errors)


@dataclass(frozen=True)
class Row:
    """A minute in which something happened.

    Attributes:
        at: Its start, seconds since 1970.
        minute: Its attempts.
        cooldown: Seconds of it in which the endpoint cooled down.
    """

    at: int
    minute: Minute
    cooldown: float


@dataclass(frozen=True)
class Timeline:
    """The chart of one endpoint and its numbers.

    Attributes:
        health: The endpoint.
        total: All its attempts of the time.
        scale: The common scale.
        answered: Bars of answered attempts.
        errors: Bars of failed attempts.
        latencies: From the median to the p95 of each minute.
        cooldowns: Bands.
        rows: The same as numbers, latest first.
    """

    health: EndpointHealth
    total: Minute
    scale: Scale
    answered: Sequence[Bar]
    errors: Sequence[Bar]
    latencies: Sequence[Bar]
    cooldowns: Sequence[Bar]
    rows: Sequence[Row]

    @property
    def history(self) -> EndpointHistory:
        return self.health.history


def draw(health: Sequence[EndpointHealth], now: float) -> list[Timeline]:
    """The charts of all endpoints, the worst endpoint first.

    Args:
        health: The endpoints.
        now: The time, seconds since 1970.
    """
    minutes = [minute for it in health for _, minute in it.history.timeline(now)]
    scale = Scale(
        max((minute.answered for minute in minutes), default=0),
        max((minute.errors for minute in minutes), default=0),
        max((minute.p95 for minute in minutes if minute.p95 is not None), default=None),
    )
    return sorted((_draw(it, scale, now) for it in health), key=lambda it: _RANK[it.health.severity])


def _draw(health: EndpointHealth, scale: Scale, now: float) -> Timeline:
    timeline = health.history.timeline(now)
    answered, errors, latencies, rows = [], [], [], []
    for place, (at, minute) in enumerate(timeline):
        x = place * _MINUTE + 1
        if minute.answered:
            height = max(_LOWEST, minute.answered * scale.unit)
            answered.append(Bar(x, max(0.0, scale.line - height), height))
        if minute.errors:
            height = max(_LOWEST, minute.errors * scale.unit)
            errors.append(Bar(x, min(scale.line, _ATTEMPTS_HEIGHT - height), height))
        if minute.median is not None and minute.p95 is not None and scale.slowest:
            top, bottom = (
                _LATENCY_HEIGHT * (1 - value / scale.slowest) for value in (minute.p95, minute.median)
            )
            height = max(_LOWEST, bottom - top)
            latencies.append(Bar(x, min(top, _LATENCY_HEIGHT - height), height))
        cooldown = sum(_overlap(span, at, min(at + 60, now)) for span in health.history.cooldowns)
        if minute.attempts or cooldown:
            rows.append(Row(at, minute, cooldown))
    start = timeline[0][0]
    bands = [
        Bar(
            _x(max(begin, start), start),
            0.0,
            _ATTEMPTS_HEIGHT,
            _x(min(end, now), start) - _x(max(begin, start), start),
        )
        for begin, end in health.history.cooldowns
        if min(end, now) > max(begin, start)
    ]
    return Timeline(health, health.history.total(now), scale, answered, errors, latencies, bands, rows[::-1])


def _x(at: float, start: float) -> float:
    return min(MINUTES * _MINUTE, (at - start) / 60 * _MINUTE)


def _overlap(span: tuple[float, float], start: float, end: float) -> float:
    return max(0.0, min(span[1], end) - max(span[0], start))
