"""The API a browser calls, and the key for it. A key is used with its own endpoints only.

A key is saved under the endpoints it was typed for. The operator's key is sent to the operator's endpoints
only, and the sandbox has a separate key that no other API accepts.
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
    "TargetKind",
    "available_targets",
    "check_custom",
    "default_target",
    "is_allowed",
]

TargetKind = Literal["sandbox", "live", "custom"]

#: Accepted by the sandbox only.
SANDBOX_KEY = "playground-sandbox"

_LIVE_HOSTS = frozenset({"api.octa.space", "api.octa.computer"})


class ApiTargetError(ValueError):
    """An endpoint that is not allowed; the message gives the reason."""


@dataclass(frozen=True)
class ApiTarget:
    """Endpoints and the key that belongs to them.

    Attributes:
        kind: ``"sandbox"``; ``"live"`` for the operator's endpoints; ``"custom"`` for typed ones.
        endpoints: Base URLs.
        key: The key, or None for a target without one.
        origin: Where the key comes from, as the page shows it.
    """

    kind: TargetKind
    endpoints: tuple[str, ...]
    key: str | None = field(default=None, repr=False)
    origin: str = ""

    @property
    def pair(self) -> tuple[str, tuple[str, ...]]:
        """The pair under which a typed key is saved."""
        return self.kind, self.endpoints

    @property
    def label(self) -> str:
        """A short name of the target: ``Sandbox``, ``Live`` or the address of the first endpoint."""
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
        """Style of the badge: `sandbox`, `live` or `custom`."""
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


def available_targets(process: ProcessSettings) -> dict[TargetKind, ApiTarget]:
    """The targets that can be chosen without typing an address."""
    targets: dict[TargetKind, ApiTarget] = {}
    if process.sandbox_urls:
        targets["sandbox"] = ApiTarget("sandbox", process.sandbox_urls, SANDBOX_KEY, "the sandbox's own")
    origin = "from OCTA_API_KEY" if process.operator_key else ""
    targets["live"] = ApiTarget("live", process.operator_urls, process.operator_key, origin)
    return targets


def default_target(process: ProcessSettings) -> ApiTarget:
    """The target of a new browser: the operator's API when there is a key for it, else the sandbox."""
    targets = available_targets(process)
    if process.operator_key is None and "sandbox" in targets:
        return targets["sandbox"]
    return targets["live"]


def is_allowed(process: ProcessSettings, endpoints: tuple[str, ...]) -> bool:
    """Whether the operator allows every one of these endpoints to be typed in a browser."""
    return process.allowed_endpoints is None or set(endpoints) <= set(process.allowed_endpoints)


def check_custom(process: ProcessSettings, endpoints: tuple[str, ...]) -> None:
    """Check that the operator allows typed endpoints.

    Raises:
        ApiTargetError: One of them is not allowed. Without this check, an app that others can reach would
            give access to the internal network.
    """
    for url in endpoints:
        if not is_allowed(process, (url,)):
            allowed = ", ".join(process.allowed_endpoints or ())
            hint = f"; allowed are {allowed}" if allowed else ""
            raise ApiTargetError(f"{url} is not among the addresses the operator allows{hint}")
