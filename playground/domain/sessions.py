"""Sessions as pages show them: name, cost, access and reason for ending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Literal

from octaspace import UnexpectedShapeError, wei_to_octa
from octaspace.types import HttpProxy, Session

from ..sdk.json_access import listed
from .safe_links import host_and_port, ssh_command, web_address

__all__ = ["Access", "SessionList", "ShownSession", "service_name", "session_list", "short_id"]

_SERVICES: Final = {"mr": "Machine", "vpn": "VPN", "render": "Render"}


@dataclass(frozen=True)
class Access:
    """A way to connect to a session.

    Attributes:
        label: Its name.
        text: The address or command.
        href: The address as a link, or None when it must not be followed.
        command: Whether `text` is a shell command.
    """

    label: str
    text: str
    href: str | None = None
    command: bool = False


@dataclass(frozen=True)
class ShownSession:
    """A session with the values that pages show.

    Attributes:
        session: The session as the SDK reads it.
    """

    session: Session

    @property
    def uuid(self) -> str:
        return self.session.uuid

    @cached_property
    def name(self) -> str:
        """The application's name; else the kind of service."""
        if self.session.app_name:
            return self.session.app_name
        kind = self.session.kind if self.session.service == "vpn" else None
        return f"{self.service} ({kind})" if kind else self.service

    @property
    def service(self) -> str:
        """Name of the kind of service."""
        return service_name(self.session.service)

    @property
    def place(self) -> str:
        return ", ".join(part for part in (self.session.city, self.session.country) if part)

    @cached_property
    def state(self) -> Literal["ready", "waiting", "ended"]:
        if self.session.ended:
            return "ended"
        return "ready" if self.session.ready else "waiting"

    @property
    def progress(self) -> str:
        """Its progress or status, as the API gives it."""
        return self.session.progress or self.session.status or ""

    @property
    def badge(self) -> tuple[str, str, str]:
        """Its state as severity, icon and text; the text of a session that waits is its progress."""
        if self.state == "ready":
            return "good", "check-circle", "ready"
        if self.state == "waiting":
            return "warn", "hourglass-split", self.progress or "starting"
        return "idle", "stop-circle", "ended"

    @property
    def reason(self) -> str | None:
        """Why it ended (Q24); None when the answer has no reason."""
        return self.session.termination_text

    @property
    def ended_badly(self) -> bool:
        """Whether it ended for another reason than a stop by its owner or the idle limit (Q24)."""
        return self.session.ended_normally is False

    @cached_property
    def usd_per_hour(self) -> Decimal | None:
        return self.session.prices.base.usd if self.session.prices else None

    @property
    def market_price(self) -> Decimal | None:
        """US dollars per OCTA, as agreed for this session."""
        return self.session.prices.market_price if self.session.prices else None

    @cached_property
    def octa_per_hour(self) -> Decimal | None:
        """At the session's market price; an estimate."""
        usd, market = self.usd_per_hour, self.market_price
        return usd / market if usd is not None and market else None

    @cached_property
    def charging(self) -> Decimal:
        """OCTA per hour by which its charge grows now; 0 before it is ready, and if it is unknown."""
        return (self.octa_per_hour or Decimal(0)) if self.state == "ready" else Decimal(0)

    @cached_property
    def cost_usd(self) -> Decimal | None:
        """Amount charged so far, at the session's market price; an estimate."""
        wei, market = self.session.charge_amount, self.market_price
        return wei_to_octa(wei) * market if wei is not None and market is not None else None

    @cached_property
    def ssh(self) -> tuple[Access, ...]:
        """SSH commands for it, the direct one first."""
        ways = (("SSH", self.session.ssh_direct), ("SSH by proxy", self.session.ssh_proxy))
        commands = ((label, ssh_command(access)) for label, access in ways)
        return tuple(Access(label, text, command=True) for label, text in commands if text)

    @cached_property
    def web(self) -> tuple[Access, ...]:
        """Its web pages; an address that must not be followed has no link."""
        found = [(_label(name, url), url) for name, url in self.session.urls.items()]
        if self.session.ssh_web:
            found.append(("Terminal in the browser", self.session.ssh_web))
        return tuple(Access(label, url, href=web_address(url)) for label, url in found)

    @property
    def ports_text(self) -> str | None:
        """The ports when they are given as text instead of a table (Q31)."""
        text = self.session.extra.get("ports_matrix")
        return text.strip() or None if isinstance(text, str) else None

    @property
    def proxy(self) -> str | None:
        """``host:port`` of an HTTP proxy session."""
        config = self.session.config
        return host_and_port(config.ip, config.port) if isinstance(config, HttpProxy) else None

    @property
    def gpus(self) -> dict[str, int]:
        """Its GPU models, and the number of each."""
        counted: dict[str, int] = {}
        for card in self.session.node_hw.gpu if self.session.node_hw else ():
            name = card.model or "unknown"
            counted[name] = counted.get(name, 0) + 1
        return counted

    @property
    def traffic(self) -> int | None:
        """Bytes in both directions."""
        known = [count for count in (self.session.rx, self.session.tx) if count is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class SessionList:
    """The sessions in an answer.

    Attributes:
        sessions: The sessions.
        unreadable: Number of entries that are not sessions.
    """

    sessions: tuple[ShownSession, ...]
    unreadable: int = 0

    def __bool__(self) -> bool:
        return bool(self.sessions or self.unreadable)

    def __len__(self) -> int:
        return len(self.sessions)

    def find(self, uuid: str) -> ShownSession | None:
        """The session with this id, or None."""
        return next((session for session in self.sessions if session.uuid == uuid), None)

    @property
    def usd_per_hour(self) -> Decimal | None:
        """Hourly cost of all sessions; None when the cost of one is unknown."""
        costs = [session.usd_per_hour for session in self.sessions]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    @property
    def charging(self) -> Decimal:
        """OCTA per hour by which the charge of all sessions grows now."""
        return sum((session.charging for session in self.sessions), Decimal(0))

    @property
    def summary(self) -> str:
        """The number of sessions by state: ``3 active sessions: 2 ready, 1 starting``."""
        states = Counter(session.state for session in self.sessions)
        counts = ((states["ready"], "ready"), (states["waiting"], "starting"), (states["ended"], "ended"))
        parts = [f"{count} {word}" for count, word in counts if count]
        noun = "session" if len(self.sessions) == 1 else "sessions"
        return f"{len(self.sessions)} active {noun}: {', '.join(parts)}" if parts else "No active sessions"

    @property
    def charged(self) -> int | None:
        """Wei charged for all sessions; None when the charge of one is unknown."""
        charges = [session.session.charge_amount for session in self.sessions]
        known = [charge for charge in charges if charge is not None]
        return sum(known) if len(known) == len(charges) else None


def _label(name: str, url: str) -> str:
    """Label of a page of a session: its port or name; ``Page`` for an address without either (Q31)."""
    if name == url:
        return "Page"
    return f"Port {name}" if name.isdigit() else name


def session_list(data: Any) -> SessionList:
    """Read an answer of ``GET /sessions``, in its order."""
    found = [_session(entry) for entry in listed(data, "Session")]
    readable = tuple(ShownSession(session) for session in found if session is not None)
    return SessionList(readable, len(found) - len(readable))


def _session(entry: Any) -> Session | None:
    if not isinstance(entry, Mapping):
        return None
    try:
        return Session.from_api(entry)
    except UnexpectedShapeError:
        return None


def service_name(service: object) -> str:
    """Name of a kind of service: ``Machine`` for ``mr``; an unknown kind as it is, ``Session`` for none."""
    return _SERVICES.get(service, service or "Session") if isinstance(service, str) else "Session"


def short_id(uuid: str) -> str:
    """The first characters of an id: enough to distinguish sessions, and short enough to type."""
    start = uuid[:8].strip()
    return start if start.isprintable() and start else "session"
