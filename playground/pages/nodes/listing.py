"""Rows of the list of nodes, and the filter in the query.

Only the fields of a row are read, because there can be hundreds of nodes. `octaspace.types.Node`, which
reads a complete node, is used on the page of one node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final

from octaspace import wei_to_octa
from octaspace.types import NodePrices, System

from ...domain.node_state import is_online, severity_of, state_of
from ...sdk.json_access import get_path, listed, number, single_line

__all__ = ["NOWHERE", "ONLINE", "Facet", "NodeFilter", "NodeRow", "read_nodes"]

#: Value of the place filter for nodes without usable coordinates, and of the country filter for nodes without
#: a country.
NOWHERE: Final = "none"

#: Value of the state filter for all nodes that are up.
ONLINE: Final = "any-online"


@dataclass(frozen=True)
class NodeRow:
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

    @property
    def severity(self) -> str:
        return severity_of(self.state)

    @property
    def online(self) -> bool:
        """Whether it is up (Q25)."""
        return is_online(self.state)

    @property
    def base_octa(self) -> Decimal | None:
        """Price per hour in OCTA, exact."""
        return None if self.base_wei is None else wei_to_octa(self.base_wei)

    @property
    def place(self) -> str:
        """Its place in a query: degrees north and east."""
        if self.latitude is None or self.longitude is None:
            return NOWHERE
        return f"{self.latitude:.2f},{self.longitude:.2f}"


def read_nodes(data: Any) -> list[NodeRow]:
    """The rows of ``GET /nodes``; entries that are not objects are left out.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    return [_row(item) for item in listed(data, "Node") if isinstance(item, dict)]


def _row(item: Mapping[str, Any]) -> NodeRow:
    latitude, longitude = _place(item)
    names = _models(item)
    models = Counter(names)
    where = [single_line(get_path(item, f"location.{name}"), 40) for name in ("city", "country")]
    return NodeRow(
        id=single_line(item.get("id")),
        ip=single_line(item.get("ip"), 45),
        state=state_of(item.get("state")),
        location=", ".join(part for part in where if part),
        country=where[1] or NOWHERE,
        latitude=latitude,
        longitude=longitude,
        gpus=len(names),
        models=tuple(model for model, _ in models.most_common()),
        load=number(get_path(item, "system.cpu_load_percent")),
        uptime=number(item.get("uptime")),
        base_wei=_base(item),
    )


def _models(item: Mapping[str, Any]) -> list[str]:
    """The model of each GPU. Lists by vendor (Q22) are parsed by the SDK; a plain list is the usual case."""
    cards, older = get_path(item, "system.gpus"), get_path(item, "system.gpu")
    if isinstance(cards, list) and older is None:
        models = [get_path(card, "model") for card in cards]
    else:
        models = [card.model for card in System.from_api({"gpus": cards, "gpu": older}).gpus]
    return [single_line(model) or "unknown card" for model in models]


def _place(item: Mapping[str, Any]) -> tuple[float, float] | tuple[None, None]:
    latitude = number(get_path(item, "location.latitude"))
    longitude = number(get_path(item, "location.longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return float(latitude), float(longitude)


def _base(item: Mapping[str, Any]) -> int | None:
    prices = item.get("prices")
    return NodePrices.from_api(prices).base if isinstance(prices, dict) else None


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
