"""Rows of the list of nodes, and the filter in the query.

Only the fields of a row are read, because there can be hundreds of nodes. `octaspace.types.Node`, which
reads a complete node, is used on the page of one node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from octaspace.types import NodePrices, System

from ...domain.node_state import is_online, state_of
from ...sdk.json_access import listed, number, single_line

__all__ = ["NOWHERE", "ONLINE", "Facet", "NodeFilter", "NodeRow", "read_nodes"]

#: Value of the place filter for nodes without usable coordinates, and of the country filter for nodes without
#: a country.
NOWHERE: Final = "none"

#: What an entry without a nested object has in its place.
_NOTHING: Final[Mapping[str, Any]] = {}

#: Value of the state filter for all nodes that are up.
ONLINE: Final = "any-online"


class NodeRow(NamedTuple):
    """A node in the table. Texts are single lines; an unknown number is None.

    Attributes:
        id: Its id, as used in a URL; empty if it has none.
        ip: Its address.
        state: ``online``, ``offline``, ``busy`` … an open set; see `state_of`.
        location: City and country.
        country: Its country, or `NOWHERE`.
        latitude: Degrees north, or None when it is not on the map.
        longitude: Degrees east, or None likewise.
        gpus: Number of GPUs.
        models: Distinct models of its GPUs, the most frequent first.
        load: CPU load in percent.
        uptime: Seconds.
        base_wei: Price per hour in Wei.
        place: Its place in a query: degrees north and east, or `NOWHERE`.
    """

    id: str
    ip: str
    state: str
    location: str
    country: str
    latitude: float | None
    longitude: float | None
    gpus: int
    models: tuple[str, ...]
    load: float | int | None
    uptime: float | int | None
    base_wei: int | None
    place: str

    @property
    def online(self) -> bool:
        """Whether it is up (Q25)."""
        return is_online(self.state)


def read_nodes(data: Any) -> list[NodeRow]:
    """The rows of ``GET /nodes``; entries that are not objects are left out.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    return [_row(item) for item in listed(data, "Node") if isinstance(item, dict)]


def _row(item: Mapping[str, Any]) -> NodeRow:
    location, system, prices = _object(item, "location"), _object(item, "system"), item.get("prices")
    city, country = single_line(location.get("city"), 40), single_line(location.get("country"), 40)
    latitude, longitude = _place(location)
    names = _models(system)
    return NodeRow(
        id=single_line(item.get("id")),
        ip=single_line(item.get("ip"), 45),
        state=state_of(item.get("state")),
        location=f"{city}, {country}" if city and country else city or country,
        country=country or NOWHERE,
        latitude=latitude,
        longitude=longitude,
        gpus=len(names),
        models=_most_frequent_first(names),
        load=number(system.get("cpu_load_percent")),
        uptime=number(item.get("uptime")),
        base_wei=NodePrices.from_api(prices).base if isinstance(prices, dict) else None,
        place=NOWHERE if latitude is None or longitude is None else f"{latitude:.2f},{longitude:.2f}",
    )


def _object(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A nested object; an empty one if there is none."""
    found = item.get(name)
    return found if isinstance(found, dict) else _NOTHING


def _models(system: Mapping[str, Any]) -> tuple[str, ...]:
    """The model of each GPU. Lists by vendor (Q22) are parsed by the SDK; a plain list is the usual case."""
    cards, older = system.get("gpus"), system.get("gpu")
    models: list[Any]
    if isinstance(cards, list) and older is None:
        models = [card.get("model") if isinstance(card, dict) else None for card in cards]
    else:
        models = [card.model for card in System.from_api({"gpus": cards, "gpu": older}).gpus]
    return tuple([single_line(model) or "unknown card" for model in models])


@lru_cache(maxsize=256)
def _most_frequent_first(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each name once. Many nodes have the same cards."""
    return tuple(name for name, _ in Counter(names).most_common())


def _place(location: Mapping[str, Any]) -> tuple[float, float] | tuple[None, None]:
    latitude, longitude = number(location.get("latitude")), number(location.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return float(latitude), float(longitude)


@dataclass(frozen=True)
class Facet:
    """A country to filter by.

    Attributes:
        value: Its value in the query.
        label: Its name.
        count: Number of nodes that the link leads to.
        is_chosen: Whether it is part of the filter.
    """

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class NodeFilter:
    """A filter of nodes; an empty field does not filter. The fields have the names of the query parameters.

    Attributes:
        state: The state; `ONLINE` selects every node that is up.
        gpu: Model of a GPU of the node.
        country: `NodeRow.country` of the node.
        place: `NodeRow.place` of the node.
    """

    state: str = ""
    gpu: str = ""
    country: str = ""
    place: str = ""

    @classmethod
    def read(cls, args: Mapping[str, str]) -> NodeFilter:
        """The filter in a query."""
        return cls(**{field.name: single_line(args.get(field.name, "")) for field in fields(cls)})

    def __bool__(self) -> bool:
        return bool(self.chosen)

    @property
    def chosen(self) -> dict[str, str]:
        """The fields that are set, as in the query."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}

    def described(self, rows: Iterable[NodeRow]) -> str:
        """The filter in words, such as ``state offline, country Japan``.

        Args:
            rows: All nodes, for the name of the place.
        """
        words = {"gpu": "GPU", "place": "location"}
        names = {row.place: row.location or row.place for row in rows if row.place == self.place}
        shown = {
            **self.chosen,
            **({"state": "online"} if self.state == ONLINE else {}),
            **({"country": "unknown"} if self.country == NOWHERE else {}),
            **({"place": names.get(self.place, self.place)} if self.place not in ("", NOWHERE) else {}),
            **({"place": "not on the map"} if self.place == NOWHERE else {}),
        }
        return ", ".join(f"{words.get(name, name)} {value}" for name, value in shown.items())

    def countries(self, rows: Iterable[NodeRow]) -> list[Facet]:
        """The countries of the nodes that pass the other filters, those with most nodes first.

        A place is in one country, so it does not count as another filter. The chosen country is always part
        of the result.
        """
        counts = Counter(row.country for row in replace(self, country="", place="").apply(rows))
        if self.country:
            counts.setdefault(self.country, 0)
        facets = [
            Facet(value, "Unknown country" if value == NOWHERE else value, count, value == self.country)
            for value, count in counts.items()
        ]
        return sorted(facets, key=lambda facet: (facet.value == NOWHERE, -facet.count, facet.label))

    def apply(self, rows: Iterable[NodeRow]) -> list[NodeRow]:
        """The rows that pass the filter."""
        if not self:
            return list(rows)
        return [
            row
            for row in rows
            if (self.state in ("", row.state) or (self.state == ONLINE and row.online))
            and (not self.gpu or self.gpu in row.models)
            and self.country in ("", row.country)
            and self.place in ("", row.place)
        ]

    @staticmethod
    def choices(rows: Sequence[NodeRow]) -> dict[str, list[tuple[str, str, int]]]:
        """Choices of each field: value, label, and number of nodes."""
        names = {row.place: row.location or row.place for row in rows}
        states = Counter(row.state for row in rows)
        models = Counter(model for row in rows for model in row.models)
        places = Counter(row.place for row in rows)
        return {
            "state": [
                (ONLINE, "online, including idle, active and busy", sum(row.online for row in rows)),
                *((state, state, count) for state, count in states.most_common()),
            ],
            "gpu": [(model, model, count) for model, count in sorted(models.items())],
            "place": sorted(
                (
                    (place, "not on the map" if place == NOWHERE else names[place], count)
                    for place, count in places.items()
                ),
                key=lambda choice: (choice[0] == NOWHERE, choice[1]),
            ),
        }
