"""Places of nodes, and the dots of the map."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...domain.node_state import severity_of
from .land import NORTH, SOUTH
from .listing import NOWHERE, NodeRow

__all__ = ["Place", "dots", "read_places"]

#: Degrees between the dots of one place, so that they do not overlap.
_APART: Final = 3.6

#: Degrees that a dot keeps from the border of the map, so that it can be seen whole.
_MARGIN: Final = 3.0


@dataclass(frozen=True)
class Place:
    """A place with nodes.

    Attributes:
        key: `NodeRow.place` of its nodes.
        name: Its name.
        latitude: Degrees north.
        longitude: Degrees east.
        states: Number of nodes by state, the most frequent first.
    """

    key: str
    name: str
    latitude: float
    longitude: float
    states: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        return sum(count for _, count in self.states)


def read_places(rows: Iterable[NodeRow]) -> list[Place]:
    """The places of nodes, those with most nodes first. Nodes without a position are left out."""
    groups: dict[str, list[NodeRow]] = defaultdict(list)
    for row in rows:
        if row.place != NOWHERE:
            groups[row.place].append(row)
    places = [_place(key, group) for key, group in groups.items()]
    return sorted(places, key=lambda place: (-place.count, place.name))


def _place(key: str, group: list[NodeRow]) -> Place:
    first = group[0]
    states = Counter(row.state for row in group).most_common()
    return Place(key, first.location or key, first.latitude or 0.0, first.longitude or 0.0, tuple(states))


def dots(places: Iterable[Place], href: Callable[[str, str], str]) -> list[Mapping[str, Any]]:
    """The dots for `components/map.html`: one for each state of a place, the largest first and therefore
    at the bottom. A dot beyond the border of the map is at the border.

    Args:
        places: The places.
        href: Returns the URL for the key of a place and a state.
    """
    found = [
        {
            "lat": _within(place.latitude + up, SOUTH, NORTH),
            "lon": _within(place.longitude + right, -180, 180),
            "count": count,
            "state": severity_of(state),
            "name": f"{place.name}: {count} {'node' if count == 1 else 'nodes'} {state}",
            "href": href(place.key, state),
        }
        for place in places
        for (state, count), (right, up) in zip(place.states, _offsets(len(place.states)), strict=True)
    ]
    return sorted(found, key=lambda dot: -int(str(dot["count"])))


def _within(degrees: float, least: float, most: float) -> float:
    return min(max(degrees, least + _MARGIN), most - _MARGIN)


def _offsets(count: int) -> list[tuple[float, float]]:
    """Degrees east and north for several dots in one place: the first in its center, the others around it."""
    around = max(1, count - 1)
    angles = (2 * math.pi * turn / around for turn in range(count - 1))
    return [(0.0, 0.0), *((_APART * math.cos(angle), _APART * math.sin(angle)) for angle in angles)]
