"""The cells of the tables of sessions.

There may be many hundreds of rows. They are computed here, once for each row, because the expressions of a
template take several times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from ...domain.sessions import Access, ShownSession
from ...formatting import UNKNOWN, bytes_text, duration, iso, octa, sort_key, truncated, usd, utc
from ...web.url_ids import encoded

__all__ = ["ActiveCells", "RecentCells", "active_cells", "recent_cells"]

#: Web pages of a session that its row links to.
_SHOWN_PAGES: Final = 2


class ActiveCells(NamedTuple):
    """The texts of a row of active sessions, in the order of the template; an unknown number is empty.

    Attributes:
        field: The id in a form field.
        href: Address of the page of the session.
        stop_href: Address of the page that stops it.
        name: Its name.
        label: Name and id for screen readers.
        uuid: Its id, as a tooltip.
        uuid_start: The first characters of its id.
        service: Its service.
        place: City and country.
        node: Id of its node.
        state_key: State and progress, to sort by.
        severity: Colour of the state.
        icon: Icon of the state.
        state: State or progress.
        seconds: Duration in seconds.
        duration: The same as text.
        wei: Charge in Wei.
        charge: The same in OCTA as text.
        charging: OCTA per hour by which the charge grows; 0 if it does not grow.
        cost: The charge in US dollars as text; empty if it is unknown.
        market_price: US dollars per OCTA.
        price_key: Cost per hour in US dollars, to sort by.
        price: The same as text.
        access: Ways to connect to it.
        no_access: What is shown without them: ``configuration`` is a link to the session.
        more_pages: Number of its web pages that are only on the page of the session.
    """

    field: str
    href: str
    stop_href: str
    name: str
    label: str
    uuid: str
    uuid_start: str
    service: str
    place: str
    node: int | str
    state_key: str
    severity: str
    icon: str
    state: str
    seconds: float | str
    duration: str
    wei: int | str
    charge: str
    charging: Decimal
    cost: str
    market_price: Decimal | None
    price_key: Decimal | str
    price: str
    access: tuple[Access, ...]
    no_access: str
    more_pages: int


def active_cells(
    sessions: Iterable[ShownSession], address_of: Callable[[str], str], stop_of: Callable[[str], str]
) -> Iterator[ActiveCells]:
    """The cells of each active session.

    Args:
        sessions: The sessions.
        address_of: Returns the address of the page of a session.
        stop_of: Returns the address of the page that stops a session, for its id in a form field.
    """
    for it in sessions:
        one, field, state = it.session, encoded(it.uuid), it.state
        severity, icon, text = it.badge
        no_access = (
            "when ready" if state == "waiting" else "configuration" if one.service == "vpn" else UNKNOWN
        )
        yield ActiveCells(
            field=field,
            href=address_of(it.uuid),
            stop_href=stop_of(field),
            name=truncated(it.name, 60),
            label=f"{truncated(it.name, 40)}, {truncated(it.uuid, 40)}",
            uuid=truncated(it.uuid, 200),
            uuid_start=truncated(it.uuid, 10, "…"),
            service=truncated(it.service, 30),
            place=truncated(it.place, 60) or UNKNOWN,
            node=UNKNOWN if one.node_id is None else one.node_id,
            state_key=f"{state} {truncated(it.progress, 60)}",
            severity=severity,
            icon=icon,
            state=truncated(text, 60),
            seconds=sort_key(one.duration),
            duration=duration(one.duration),
            wei=sort_key(one.charge_amount),
            charge=octa(one.charge_amount, 3),
            charging=it.charging,
            cost="" if it.cost_usd is None else usd(it.cost_usd, 3),
            market_price=it.market_price,
            price_key=sort_key(it.usd_per_hour),
            price=usd(it.usd_per_hour, 3),
            access=it.ssh[:1] + it.web[:_SHOWN_PAGES],
            no_access=no_access,
            more_pages=max(0, len(it.web) - _SHOWN_PAGES),
        )


class RecentCells(NamedTuple):
    """The texts of a row of ended sessions, in the order of the template; an unknown number is empty.

    Attributes:
        href: Address of the page of the session.
        name: Its name.
        uuid: Its id, as a tooltip.
        uuid_start: The first characters of its id.
        service: Its service.
        node_key: Id of its node, to sort by.
        node: The same as text.
        ended_key: When it ended, seconds since 1970, to sort by.
        ended_iso: The same for `<time datetime>`; empty if it is unknown.
        ended: The same as text.
        seconds: Duration in seconds.
        duration: The same as text.
        traffic_key: Traffic in bytes.
        traffic: The same as text.
        wei: Its cost in Wei.
        cost: The same in OCTA as text.
        ended_badly: Whether it ended because of an error.
        reason: Why it ended.
    """

    href: str
    name: str
    uuid: str
    uuid_start: str
    service: str
    node_key: int | str
    node: int | str
    ended_key: int | str
    ended_iso: str
    ended: str
    seconds: float | str
    duration: str
    traffic_key: int | str
    traffic: str
    wei: int | str
    cost: str
    ended_badly: bool
    reason: str


def recent_cells(sessions: Iterable[ShownSession], address_of: Callable[[str], str]) -> Iterator[RecentCells]:
    """The cells of each ended session; see `active_cells`."""
    for it in sessions:
        one, ended, traffic = it.session, it.session.finished_at, it.traffic
        badly, reason = it.ended_badly, it.reason
        yield RecentCells(
            href=address_of(it.uuid),
            name=truncated(it.name, 60),
            uuid=truncated(it.uuid, 200),
            uuid_start=truncated(it.uuid, 10, "…"),
            service=truncated(it.service, 30),
            node_key=sort_key(one.node_id),
            node=UNKNOWN if one.node_id is None else one.node_id,
            ended_key="" if ended is None else int(ended.timestamp()),
            ended_iso=iso(ended),
            ended=utc(ended),
            seconds=sort_key(one.duration),
            duration=duration(one.duration),
            traffic_key=sort_key(traffic),
            traffic=bytes_text(traffic),
            wei=sort_key(one.charge_amount),
            cost=octa(one.charge_amount, 4),
            ended_badly=badly,
            reason=truncated(reason or "", 80) if badly else reason or UNKNOWN,
        )
