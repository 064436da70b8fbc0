"""The reliability of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _coerce
from ._fields import Fields
from ._shape import Shape

__all__ = ["Rating", "Reliability"]


@dataclass(frozen=True, slots=True, repr=False)
class Rating(Shape):
    """The renters' rating of a node.

    Attributes:
        count: Number of scores.
        score: Mean score, 0 to 5.
        extra: Other fields that the API sent.
    """

    count: int | None = None
    score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Rating:
        """Read the object under `rating`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("Rating", data)
        return cls(count=fields.integer("count"), score=fields.number("score"), extra=fields.rest())


@dataclass(frozen=True, slots=True, repr=False)
class Reliability(Shape):
    """The reliability figures of a node.

    Attributes:
        uptime: Uptime, percent; the only figure where the API sends a bare number.
        stability: Stability, percent.
        s_avg_d: Average session, seconds.
        s_max_d: Longest session, seconds.
        s_normal: Sessions that ended normally.
        s_failed: Sessions that failed.
        rating: The renters' rating.
        extra: Other fields that the API sent.
    """

    uptime: float | None = None
    stability: float | None = None
    s_avg_d: float | None = None
    s_max_d: float | None = None
    s_normal: int | None = None
    s_failed: int | None = None
    rating: Rating | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any] | float | str) -> Reliability:
        """Read the value under `reliability`: an object, or only a percentage.

        Raises:
            octaspace.UnexpectedShapeError: It is neither an object nor a number.
        """
        percent = _coerce.number(data)
        if percent is not None:
            return cls(uptime=percent)
        fields = Fields("Reliability", data)
        return cls(
            uptime=fields.number("uptime"),
            stability=fields.number("stability"),
            s_avg_d=fields.number("s_avg_d"),
            s_max_d=fields.number("s_max_d"),
            s_normal=fields.integer("s_normal"),
            s_failed=fields.integer("s_failed"),
            rating=fields.shape("rating", Rating.from_api),
            extra=fields.rest(),
        )
