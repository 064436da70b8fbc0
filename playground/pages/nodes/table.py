"""The cells of the table of nodes.

There may be many hundreds of rows. They are computed here, once for each row, because the expressions of a
template take several times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from octaspace import wei_to_octa

from ...domain.node_state import severity_of
from ...formatting import UNKNOWN, amount, duration, severity_icon, sort_key
from ...web.url_ids import encoded
from .listing import NodeRow

__all__ = ["NodeCells", "node_cells"]


class NodeCells(NamedTuple):
    """The texts of a row, in the order of the template.

    Attributes:
        id: Id of the node; empty if it has none.
        field: The id in a form field.
        href: Address of the page of the node.
        ip: Its address.
        severity: Severity of its state.
        icon: Icon of its state.
        state: Its state.
        location: City and country.
        gpus: Number of GPUs.
        models: Their models.
        load_key: CPU load in percent, to sort by; empty if it is unknown.
        load: The same as text.
        uptime_key: Seconds, to sort by; empty if they are unknown.
        uptime: The same as text.
        wei: Price per hour in Wei; None if it is unknown.
        octa_key: The same in OCTA, exact, to sort by.
        octa: The same as text.
    """

    id: str
    field: str
    href: str
    ip: str
    severity: str
    icon: str
    state: str
    location: str
    gpus: int
    models: str
    load_key: float | str
    load: str
    uptime_key: float | str
    uptime: str
    wei: int | None
    octa_key: Decimal | None
    octa: str


def node_cells(rows: Iterable[NodeRow], address_of: Callable[[str], str]) -> Iterator[NodeCells]:
    """The cells of each row.

    Args:
        rows: The rows.
        address_of: Returns the address of the page of a node.
    """
    for row in rows:
        severity = severity_of(row.state)
        price = None if row.base_wei is None else wei_to_octa(row.base_wei)
        yield NodeCells(
            id=row.id,
            field=encoded(row.id),
            href=address_of(row.id) if row.id else "",
            ip=row.ip or UNKNOWN,
            severity=severity,
            icon=severity_icon(severity),
            state=row.state,
            location=row.location or UNKNOWN,
            gpus=row.gpus,
            models=", ".join(row.models) or UNKNOWN,
            load_key=sort_key(row.load),
            load=UNKNOWN if row.load is None else f"{row.load} %",
            uptime_key=sort_key(row.uptime),
            uptime=duration(row.uptime),
            wei=row.base_wei,
            octa_key=price,
            octa=amount(price),
        )
