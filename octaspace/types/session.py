"""A session of the account: a machine rental, a render session or a VPN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from . import _coerce
from ._fields import Fields
from ._shape import Shape
from .gpu import Gpu, read_gpus
from .price import Price, read_price
from .readiness import readiness

__all__ = ["HttpProxy", "Session", "SessionHardware", "SessionPrices", "SshAccess"]

#: Q24: the reasons that are not errors.
_NORMAL: Final = {0: "ended normally", 1: "idle limit reached"}


@dataclass(frozen=True, slots=True, repr=False)
class SshAccess(Shape):
    """The SSH address of a rental.

    Attributes:
        host: Host name or IP address.
        port: Port.
        extra: Other fields that the API sent.
    """

    host: str | None = None
    port: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> SshAccess:
        """Read the object under `ssh_direct` or `ssh_proxy`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("SshAccess", data)
        return cls(host=fields.text("host"), port=fields.read("port", _coerce.port), extra=fields.rest())


@dataclass(frozen=True, slots=True, repr=False)
class HttpProxy(Shape):
    """The configuration of a VPN session of the kind ``http_proxy`` (Q6).

    Attributes:
        ip: IP address.
        port: Port.
        extra: Other fields that the API sent.
    """

    ip: str
    port: int
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> HttpProxy:
        """Read ``{ip, port}``.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or one of them is missing or invalid.
        """
        fields = Fields("HttpProxy", data)
        return cls(
            ip=fields.require("ip", _coerce.text, "a string"),
            port=fields.require("port", _coerce.port, "a port number"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class SessionHardware(Shape):
    """The hardware a session runs on.

    Attributes:
        cpu: Name of the processor.
        cpu_cores: Number of cores.
        gpu: Graphics cards, also where the API lists them by vendor (Q22).
        total_memory: Memory, bytes.
        disk: Disk space, bytes.
        extra: Other fields that the API sent.
    """

    cpu: str | None = None
    cpu_cores: int | None = None
    gpu: tuple[Gpu, ...] = ()
    total_memory: int | None = None
    disk: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> SessionHardware:
        """Read the object under `node_hw`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("SessionHardware", data)
        return cls(
            cpu=fields.text("cpu"),
            cpu_cores=fields.integer("cpu_cores"),
            gpu=read_gpus(fields),
            total_memory=fields.integer("total_memory"),
            disk=fields.integer("disk"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class SessionPrices(Shape):
    """The prices of a session.

    Attributes:
        base: Price per hour; `base.raw` has the unchanged ``base_usd``, in 1/10000 USD (Q5).
        currency_usd: Whether its price in USD is charged.
        market_price: USD per OCTA.
        extra: Other fields that the API sent.
    """

    base: Price = field(default_factory=Price)
    currency_usd: bool | None = None
    market_price: Decimal | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> SessionPrices:
        """Read the object under `prices`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("SessionPrices", data)
        return cls(
            base=read_price(fields, usd="base_usd"),
            currency_usd=fields.flag("currency_usd"),
            market_price=fields.decimal("market_price"),
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Session(Shape):
    """An entry of ``GET /sessions``, recent or not, or the answer of ``GET /services/:uuid/info``.

    `config` and `user_envs` usually contain keys and passwords. They are omitted from the repr, and so is
    `extra`, which contains them when they cannot be read.

    Attributes:
        uuid: Id of the session.
        service: "mr", "render" or "vpn".
        app_name: Name of the application.
        node_id: The node it runs on.
        urls: URL of each HTTP port. Where the API sends a list of URLs without ports, each URL is its own
            key (Q31).
        prices: Its prices.
        node_hw: The hardware it runs on.
        kind: "wg", "openvpn", "ss", "v2ray" or "http_proxy" for a VPN; "base" for a machine.
        progress: State as text.
        is_ready: The API's field; `ready` also considers the other fields.
        status: Status as text.
        started_at: Start time (Q9).
        finished_at: End time; None while it runs (Q9).
        duration: Duration, seconds (Q9).
        charge_amount: Charges so far, in Wei (Q8).
        rx: Bytes received (Q9).
        tx: Bytes sent (Q9).
        termination_reason: Why it ended, an unchanged number or text; recent sessions only.
            `termination_text` and `ended_normally` interpret it (Q24).
        public_ip: IP address of the node.
        ip: IP address in the VPN.
        country: Country, by name.
        country_iso: Country, as ISO 3166-1 alpha-2.
        city: City.
        ports_matrix: Port on the host to port in the container, also from JSON text (Q31). Other text is in
            `extra`: which of its two ports is the host's is unknown.
        ssh_direct: SSH address of the node itself.
        ssh_proxy: SSH address of a proxy.
        ssh_web: URL of a terminal in the browser.
        config: VPN configuration as text, or the address of the HTTP proxy; only in the info (Q6).
            `vpn_config` is its older name (Q31).
        container_id: Ids of its containers (Q10).
        user_envs: Environment variables as text, like `App.envs` (Q27).
        app_logo: URL of a picture.
        organization_id: Id of the organization that rents it.
        project_id: Id of the project that it belongs to.
        extra: Other fields that the API sent.
    """

    uuid: str
    service: str | None = None
    app_name: str | None = None
    node_id: int | None = None
    urls: Mapping[str, str] = field(default_factory=dict, hash=False)
    prices: SessionPrices | None = None
    node_hw: SessionHardware | None = None
    kind: str | None = None
    progress: str | None = None
    is_ready: bool | None = None
    status: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    charge_amount: int | None = None
    rx: int | None = None
    tx: int | None = None
    termination_reason: str | int | None = None
    public_ip: str | None = None
    ip: str | None = None
    country: str | None = None
    country_iso: str | None = None
    city: str | None = None
    ports_matrix: Mapping[int, int] = field(default_factory=dict, hash=False)
    ssh_direct: SshAccess | None = None
    ssh_proxy: SshAccess | None = None
    ssh_web: str | None = None
    config: str | HttpProxy | None = field(default=None, repr=False)
    container_id: tuple[str, ...] = ()
    user_envs: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    app_logo: str | None = None
    organization_id: int | None = None
    project_id: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Session:
        """Read an entry of ``sessions.list()`` or the answer of ``services.session(uuid).info()``.

        Args:
            data: The JSON object.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object, or `uuid` is not a string.
        """
        fields = Fields("Session", data)
        return cls(
            uuid=fields.require("uuid", _coerce.text, "a string"),
            service=fields.text("service"),
            app_name=fields.text("app_name"),
            node_id=fields.integer("node_id"),
            urls=_urls(fields),
            prices=fields.shape("prices", SessionPrices.from_api),
            node_hw=fields.shape("node_hw", SessionHardware.from_api),
            kind=fields.text("kind"),
            progress=fields.text("progress"),
            is_ready=fields.flag("is_ready"),
            status=fields.text("status"),
            started_at=fields.moment("started_at"),
            finished_at=fields.moment("finished_at"),
            duration=fields.number("duration"),
            charge_amount=fields.wei("charge_amount"),
            rx=fields.integer("rx"),
            tx=fields.integer("tx"),
            termination_reason=fields.text_or_integer("termination_reason"),
            public_ip=fields.text("public_ip"),
            ip=fields.text("ip"),
            country=fields.text("country"),
            country_iso=fields.text("country_iso"),
            city=fields.text("city"),
            ports_matrix=fields.mapping("ports_matrix", _coerce.port, _coerce.port),
            ssh_direct=fields.shape("ssh_direct", SshAccess.from_api),
            ssh_proxy=fields.shape("ssh_proxy", SshAccess.from_api),
            ssh_web=fields.text("ssh_web"),
            config=_config(fields),
            container_id=_container_ids(fields),
            user_envs=fields.envs("user_envs"),
            app_logo=fields.text("app_logo"),
            organization_id=fields.integer("organization_id"),
            project_id=fields.integer("project_id"),
            extra=fields.rest(),
        )

    @property
    def ready(self) -> bool:
        """Whether it can be used now (Q14)."""
        return readiness(self._told()) == "ready"

    @property
    def ended(self) -> bool:
        """Whether it is over, or has failed (Q14)."""
        return readiness(self._told()) == "ended"

    @property
    def ended_normally(self) -> bool | None:
        """Whether it was ended by its owner or by its idle limit (Q24); None when the API gives no reason.

        Every reason except 0 and 1, as number or string, is an error.
        """
        if self.termination_reason is None or self.termination_reason == "":
            return None
        return self._code() in _NORMAL

    @property
    def termination_text(self) -> str | None:
        """Why it ended, as text (Q24): "ended normally", "idle limit reached", "error 3", or the API's text.

        None when the API gives no reason.
        """
        if self.ended_normally is None:
            return None
        code = self._code()
        return str(self.termination_reason) if code is None else _NORMAL.get(code, f"error {code}")

    def _code(self) -> int | None:
        told = self.termination_reason
        return _coerce.integer(told.strip() if isinstance(told, str) else told)

    def _told(self) -> dict[str, Any]:
        names = ("uuid", "finished_at", "termination_reason", "progress", "status", "is_ready")
        # An unreadable value is passed unchanged: a `finished_at` in an unknown format is also an end.
        return {name: self.extra.get(name, getattr(self, name)) for name in names}


def _urls(fields: Fields) -> dict[str, str]:
    """Read URLs (Q31): by port, a list of URLs, one URL, or any of these as JSON text."""
    value = fields.value("urls")
    if isinstance(value, str):
        value = [value] if "://" in value.partition('"')[0] else _coerce.json_text(value)
    if not isinstance(value, (list, tuple)):
        return fields.mapping("urls", _coerce.text, _coerce.text)
    addresses = [each for each in value if isinstance(each, str)]
    if len(addresses) == len(value):
        fields.drop("urls")
    return {each: each for each in addresses}


def _config(fields: Fields) -> str | HttpProxy | None:
    """Read the configuration (Q6): text or {ip, port}; `vpn_config` is its older name (Q31)."""
    config = _read_config(fields, "config")
    if not config:
        return _read_config(fields, "vpn_config") or config
    if fields.value("vpn_config") in (None, "", fields.value("config")):
        fields.drop("vpn_config")
    return config


def _read_config(fields: Fields, name: str) -> str | HttpProxy | None:
    text = fields.text(name)
    return fields.shape(name, HttpProxy.from_api) if text is None else text


def _container_ids(fields: Fields) -> tuple[str, ...]:
    """Read container ids (Q10): a list, or one string in older answers."""
    one = fields.text("container_id")
    if one is not None:
        return (one,) if one else ()
    return fields.items("container_id", _coerce.text)
