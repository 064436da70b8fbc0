"""Where a browser speaks to, and with which key: the two are one pair and never change partners.

A key is kept under the endpoints it was typed for. The operator's key goes to the operator's endpoints
only, and the sandbox has one of its own that means nothing anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from ..sdk.redaction import masked
from ..settings import ProcessSettings

__all__ = [
    "SANDBOX_KEY",
    "ApiTarget",
    "ApiTargetError",
    "Kind",
    "available",
    "check_custom",
    "default_target",
    "is_allowed",
]

Kind = Literal["sandbox", "live", "custom"]

#: Accepted by the sandbox, known to nobody else.
SANDBOX_KEY = "playground-sandbox"

_LIVE_HOSTS = frozenset({"api.octa.space", "api.octa.computer"})


class ApiTargetError(ValueError):
    """An endpoint that may not be used; the message says why."""


@dataclass(frozen=True)
class ApiTarget:
    """Endpoints and the key that belongs to them.

    Attributes:
        kind: ``"sandbox"``; ``"live"`` for the operator's endpoints; ``"custom"`` for typed ones.
        endpoints: Base URLs.
        key: The key, or None for a source without one.
        origin: Where the key came from, in words for the page.
    """

    kind: Kind
    endpoints: tuple[str, ...]
    key: str | None = field(default=None, repr=False)
    origin: str = ""

    @property
    def pair(self) -> tuple[str, tuple[str, ...]]:
        """What a typed key is kept under."""
        return self.kind, self.endpoints

    @property
    def label(self) -> str:
        """One word or address that says where calls go."""
        if self.kind == "sandbox":
            return "Sandbox"
        others = [url for url in self.endpoints if not _is_live(url)]
        if not others:
            return "Live"
        first = "Live" if self.is_live else urlsplit(others.pop(0)).netloc
        more = len(others)
        return first + (f" +{more}" if more else "")

    @property
    def badge(self) -> str:
        """`sandbox`, `live` or `custom`: how the badge is coloured."""
        return "live" if self.is_live else ("sandbox" if self.is_sandbox else "custom")

    @property
    def is_live(self) -> bool:
        """Whether a call can reach the live API: one endpoint of several is enough."""
        return self.kind != "sandbox" and any(map(_is_live, self.endpoints))

    @property
    def is_sandbox(self) -> bool:
        return self.kind == "sandbox"

    @property
    def masked_key(self) -> str | None:
        """The key's last four characters, or None without a key."""
        return None if self.key is None else masked(self.key)


def _is_live(url: str) -> bool:
    return (urlsplit(url).hostname or "").rstrip(".") in _LIVE_HOSTS


def available(process: ProcessSettings) -> dict[Kind, ApiTarget]:
    """The sources there are without typing an address."""
    sources: dict[Kind, ApiTarget] = {}
    if process.sandbox_urls:
        sources["sandbox"] = ApiTarget("sandbox", process.sandbox_urls, SANDBOX_KEY, "the sandbox's own")
    origin = "from OCTA_API_KEY" if process.operator_key else ""
    sources["live"] = ApiTarget("live", process.operator_urls, process.operator_key, origin)
    return sources


def default_target(process: ProcessSettings) -> ApiTarget:
    """Where a new browser starts: the operator's API when there is a key for it, else the sandbox."""
    sources = available(process)
    if process.operator_key is None and "sandbox" in sources:
        return sources["sandbox"]
    return sources["live"]


def is_allowed(process: ProcessSettings, endpoints: tuple[str, ...]) -> bool:
    """Whether the operator allows every one of these endpoints to be typed in a browser."""
    return process.allowed_endpoints is None or set(endpoints) <= set(process.allowed_endpoints)


def check_custom(process: ProcessSettings, endpoints: tuple[str, ...]) -> None:
    """Refuse typed endpoints that the operator does not allow.

    Raises:
        ApiTargetError: One of them is not allowed; on an address that others can reach, this app would be a
            way into the inner network.
    """
    for url in endpoints:
        if not is_allowed(process, (url,)):
            allowed = ", ".join(process.allowed_endpoints or ())
            hint = f"; allowed are {allowed}" if allowed else ""
            raise ApiTargetError(f"{url} is not among the addresses the operator allows{hint}")
