"""What the operator of the process decides, through environment variables.

PLAYGROUND_BIND            where Gunicorn listens; anything but loopback needs the next two
PLAYGROUND_PASSWORD        asked for before any page is shown
PLAYGROUND_HOSTS           further names under which the app may be called, comma-separated
PLAYGROUND_ENDPOINTS       addresses a browser may choose besides the operator's, comma-separated
PLAYGROUND_REDIS_URL       keep the browsers' state in Redis instead of files
PLAYGROUND_PROXY_HOPS      how many proxies in front of us set X-Forwarded-… headers
PLAYGROUND_STATE_DIR       folder of the state; `instance` beside the package by default
PLAYGROUND_SANDBOX_URLS    the sandbox's endpoints, as the launcher passes them
OCTA_API_KEY, OCTA_BASE_URL, OCTA_BASE_URLS    the operator's key and the endpoints it belongs to
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ProcessSettings", "StartError", "is_loopback"]

#: Names that always mean this machine.
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

LIVE_ENDPOINT = "https://api.octa.space"


class StartError(RuntimeError):
    """The app must not start like this; the message is one line for the operator."""


@dataclass(frozen=True)
class ProcessSettings:
    """The operator's decisions, the same for every browser and every worker.

    Attributes:
        bind: Address and port Gunicorn listens at.
        password: Asked for before any page; None asks for nothing.
        hosts: Names the app answers to, without port, in lower case.
        allowed_endpoints: Addresses a browser may type, or None for any.
        redis_url: Where the state of browsers is kept, or None for files.
        proxy_hops: Trusted proxies in front.
        state_dir: Folder of the state.
        sandbox_urls: Endpoints of the sandbox; empty when there is none.
        operator_key: The operator's API key, or None.
        operator_urls: The endpoints that key belongs to.
        secret_key: Signs cookies; None has one made and kept in `state_dir`.
    """

    bind: str
    hosts: frozenset[str]
    state_dir: Path
    password: str | None = field(default=None, repr=False)
    allowed_endpoints: tuple[str, ...] | None = None
    redis_url: str | None = field(default=None, repr=False)
    proxy_hops: int = 0
    sandbox_urls: tuple[str, ...] = ()
    operator_key: str | None = field(default=None, repr=False)
    operator_urls: tuple[str, ...] = (LIVE_ENDPOINT,)
    secret_key: str | None = field(default=None, repr=False)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach us."""
        return is_loopback(self.bind)

    @classmethod
    def read(cls, environment: Mapping[str, str], state_dir: Path) -> ProcessSettings:
        """Read the environment.

        Args:
            environment: Usually `os.environ`.
            state_dir: Where state is kept when PLAYGROUND_STATE_DIR does not say.

        Raises:
            StartError: A variable cannot be used, or one is missing.
        """

        def text(name: str) -> str | None:
            return environment.get(name, "").strip() or None

        def several(name: str) -> tuple[str, ...]:
            return tuple(part.strip().rstrip("/") for part in (text(name) or "").split(",") if part.strip())

        bind = text("PLAYGROUND_BIND") or "127.0.0.1:3000"
        urls = several("OCTA_BASE_URLS") or several("OCTA_BASE_URL") or (LIVE_ENDPOINT,)
        endpoints = several("PLAYGROUND_ENDPOINTS")
        settings = cls(
            bind=bind,
            hosts=frozenset((*_LOOPBACK_NAMES, *(name.lower() for name in several("PLAYGROUND_HOSTS")))),
            state_dir=Path(text("PLAYGROUND_STATE_DIR") or state_dir),
            password=text("PLAYGROUND_PASSWORD"),
            allowed_endpoints=endpoints if endpoints or not is_loopback(bind) else None,
            redis_url=text("PLAYGROUND_REDIS_URL"),
            proxy_hops=_hops(text("PLAYGROUND_PROXY_HOPS")),
            sandbox_urls=several("PLAYGROUND_SANDBOX_URLS"),
            operator_key=text("OCTA_API_KEY"),
            operator_urls=urls,
            secret_key=text("SECRET_KEY"),
        )
        settings.require_guard(bind)
        if not settings.on_loopback and not several("PLAYGROUND_HOSTS"):
            raise StartError(f"{bind} can be reached by others: set PLAYGROUND_HOSTS to the names it goes by")
        return settings

    def require_guard(self, bind: str) -> None:
        """Refuse an address that others can reach when there is no password.

        Raises:
            StartError: There is none.
        """
        if self.password is None and not is_loopback(bind):
            raise StartError(f"{bind} can be reached by others: set PLAYGROUND_PASSWORD first")


def is_loopback(bind: str) -> bool:
    """Whether only this machine reaches an address such as ``127.0.0.1:3000`` or ``unix:/run/x``."""
    if bind.startswith("unix:"):
        return True
    host = bind.rpartition(":")[0] or bind
    host = host.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hops(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdigit() or int(text) > 10:
        raise StartError("PLAYGROUND_PROXY_HOPS must be the number of proxies in front, 0 to 10")
    return int(text)
