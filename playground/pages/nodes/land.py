"""The land on the map, as one SVG path.

`land.json` has the coastlines of Natural Earth, 1:110m, which are in the public domain: rings of
``[longitude, latitude]`` in degrees with one decimal, without Antarctica and small islands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

__all__ = ["NORTH", "SOUTH", "land_path"]

#: The map ends at these degrees of latitude: there are no nodes near the poles.
NORTH: Final = 84
SOUTH: Final = -60

_FILE: Final = Path(__file__).with_name("land.json")


@cache
def land_path() -> str:
    """The value of the attribute ``d``: degrees east and south, since the y axis of SVG points down.

    The steps are relative and have one decimal, which makes the path a third shorter. They are computed from
    tenths of a degree, so that no error adds up.
    """
    rings = json.loads(_FILE.read_text(encoding="utf-8"))["rings"]
    return "".join(_closed(ring) for ring in rings)


def _closed(ring: Sequence[Sequence[float]]) -> str:
    points = [(round(longitude * 10), round(latitude * -10)) for longitude, latitude in ring]
    steps = [(x - x0, y - y0) for (x0, y0), (x, y) in pairwise(points[:-1])]
    return f"M{_pair(*points[0])}l{' '.join(_pair(*step) for step in steps)}z"


def _pair(x: int, y: int) -> str:
    return f"{_tenths(x)} {_tenths(y)}".replace(" -", "-")


def _tenths(value: int) -> str:
    """``-0.5`` as ``-.5``, ``3.0`` as ``3``."""
    sign, whole, tenth = "-" if value < 0 else "", abs(value) // 10, abs(value) % 10
    return f"{sign}{whole if whole or not tenth else ''}{f'.{tenth}' if tenth else ''}"
