"""Settings of the process, from environment variables.

PLAYGROUND_NAME               name of the deployment, instead of the port, in the cookie and the state folder
PLAYGROUND_BIND               address of Gunicorn; one that others can reach needs the next two
PLAYGROUND_PASSWORD           required before any page is shown; at least 12 characters
PLAYGROUND_HOSTS              additional host names of the app, comma-separated
PLAYGROUND_ENDPOINTS          endpoints a browser may choose in addition to the operator's, comma-separated
PLAYGROUND_REDIS_URL          store the state of browsers in Redis instead of a file
PLAYGROUND_RENTAL_LEDGER      rental ledger; by default that Redis, or rentals.db in the state folder
PLAYGROUND_LOG_FORMAT         text (the default), or json: one JSON object a line
PLAYGROUND_REAPER_SECONDS     pause between two rounds of the reaper
PLAYGROUND_STORE_BYTES        maximum total size of the state of browsers, in bytes
PLAYGROUND_PROXY_HOPS         number of proxies in front that set X-Forwarded-… headers
PLAYGROUND_STATE_DIR          state folder; by default one per name or port in `instance` of the repository
PLAYGROUND_WORKERS, _THREADS  Gunicorn's processes, and the concurrent pages of each
PLAYGROUND_SANDBOX_URLS       endpoints of a shared sandbox, comma-separated; else the launcher starts one
PLAYGROUND_SANDBOX_CONTROL    address of its control API, if it cannot be found by its endpoints
PLAYGROUND_STORE_GENERATION   the store's file that has to be there, as Gunicorn passes it to its workers
SECRET_KEY                    signs cookies
OCTA_API_KEY, OCTA_BASE_URL, OCTA_BASE_URLS    the operator's key and the endpoints it belongs to
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from octaspace import Config, ConfigurationError
from octaspace.rentals.ledger_url import parse_ledger_url
from octaspace.secret_values import MaskedUrl
from octaspace.suggestion import closest

from .store.backend import StoreError
from .store.quotas import DEFAULT_BYTES, MAX_BYTES, MIN_BYTES

__all__ = ["ProcessSettings", "StartError", "is_loopback", "normalized_urls"]

#: Begins each of our variables, which follow without it.
_PREFIX: Final = "PLAYGROUND_"
_VARIABLES: Final = (
    "NAME", "BIND", "PASSWORD", "HOSTS", "ENDPOINTS", "REDIS_URL", "RENTAL_LEDGER", "LOG_FORMAT",
    "REAPER_SECONDS", "STORE_BYTES", "PROXY_HOPS", "STATE_DIR", "WORKERS", "THREADS", "SANDBOX_URLS",
    "SANDBOX_CONTROL", "STORE_GENERATION",
)  # fmt: skip

#: What Kubernetes sets in all containers for a service whose name begins with `playground`. The last one
#: needs its value as well: an operator may mean the port to listen at.
_OF_A_SERVICE: Final = re.compile(
    r"([A-Z0-9_]+_)?(SERVICE_HOST=.*|SERVICE_PORT(_[A-Z0-9_]+)?=.*|PORT_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?=.*"
    r"|PORT=(tcp|udp|sctp)://.*)"
)

#: Names that always refer to this machine.
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

_MAX_PORT = 65535

#: The host of an address: a name, an IPv4 address, an IPv6 address in brackets, or none for all addresses.
_BIND_HOST = re.compile(r"[A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.%a-z]+\]")

#: A name of a deployment is part of a cookie's name and of a folder's. It is never a number, as a port is.
_DEPLOYMENT = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII | re.IGNORECASE)

_REDIS_LEDGER = (
    "cannot be used: write redis://user:password@host:port/number (or rediss://), with @ : / ? # % of the "
    "password as %40 %3A %2F %3F %23 %25; its options are lease and reconcile_timeout, in seconds"
)

LIVE_ENDPOINT = "https://api.octa.space"

#: A shorter key could be guessed and used to sign cookies.
_MIN_SECRET_LENGTH = 16

#: A shorter password could be guessed despite the delays of the login.
_MIN_PASSWORD_LENGTH = 12


class StartError(RuntimeError):
    """The app cannot start; the message is one line for the operator."""


RequestKind = Literal["page", "download", "file"]


@dataclass(frozen=True)
class ThreadCounts:
    """How many threads of a process each kind of request may hold.

    Attributes:
        page: Pages and changes.
        download: Files streamed from the API to a browser.
        file: Static files, which are fast.
    """

    page: int
    download: int
    file: int = 3

    @classmethod
    def for_pages(cls, pages: int) -> ThreadCounts:
        """The counts for a number of pages: a third as many downloads, at least one."""
        return cls(pages, max(1, pages // 3))

    @property
    def total(self) -> int:
        """Threads of Gunicorn: one more, for health checks and for refusals."""
        return self.page + self.download + self.file + 1

    def per_browser(self, kind: RequestKind) -> int:
        """Number of threads one browser may hold: half of them, but at least two pages and one download."""
        total: int = getattr(self, kind)
        if kind == "file":
            return total  # served without identifying the browser
        return min(total, max(2 if kind == "page" else 1, total // 2))


@dataclass(frozen=True)
class ProcessSettings:
    """The operator's settings, the same for every browser and every worker.

    Attributes:
        bind: Address and port Gunicorn listens at.
        instance: Name of the cookie and of the state folder: from PLAYGROUND_NAME, otherwise from the port.
        hosts: Host names of the app, without port, in lower case.
        state_dir: State folder.
        password: Required before any page; None for no password.
        allowed_endpoints: Endpoints a browser may type, or None for any.
        redis_url: Redis that stores the state of browsers, or None for a file.
        store_bytes: Maximum total size of this state in bytes.
        store_generation: The generation of the store's file that has to be there; None for any.
        proxy_hops: Number of trusted proxies in front.
        workers: Number of processes.
        threads: Concurrent pages of each process; see `thread_counts`.
        sandbox_urls: Endpoints of the sandbox; empty when there is none.
        sandbox_control: Address of the sandbox's control API, which faults do not affect, or None.
        operator_key: The operator's API key, or None.
        operator_urls: The endpoints that key belongs to.
        secret_key: Signs cookies; None for one that is created and stored in `state_dir`.
        ledger_url: The rental ledger as given; None for `rentals.db` in `state_dir`.
        ledger_variable: The variable that gave it; empty for none.
        log_format: Format of the log's lines, ``text`` or ``json``.
        reaper_seconds: Seconds between two rounds of the reaper.
    """

    bind: str
    instance: str
    hosts: frozenset[str]
    state_dir: Path
    password: str | None = field(default=None, repr=False)
    allowed_endpoints: tuple[str, ...] | None = None
    redis_url: str | None = field(default=None, repr=False)
    store_bytes: int = DEFAULT_BYTES
    store_generation: str | None = None
    proxy_hops: int = 0
    workers: int = 2
    threads: int = 8
    sandbox_urls: tuple[str, ...] = ()
    sandbox_control: str | None = None
    operator_key: str | None = field(default=None, repr=False)
    operator_urls: tuple[str, ...] = (LIVE_ENDPOINT,)
    secret_key: str | None = field(default=None, repr=False)
    ledger_url: MaskedUrl | None = field(default=None, repr=False)
    ledger_variable: str = ""
    log_format: str = "text"
    reaper_seconds: int = 30

    @property
    def rental_ledger(self) -> MaskedUrl:
        """The URL of the rental ledger, with an absolute path."""
        if self.ledger_url is not None:
            return self.ledger_url
        return parse_ledger_url(f"sqlite:///{quote(str(self.state_dir.absolute() / 'rentals.db'))}").full_url

    @property
    def thread_counts(self) -> ThreadCounts:
        """The threads of a process by kind of request."""
        return ThreadCounts.for_pages(self.threads)

    @property
    def warning(self) -> str | None:
        """Warning for an address that others can reach, as one line; None on loopback."""
        if is_loopback(self.bind):
            return None
        return (
            f"Others can reach {self.bind}, and slow clients can hold every thread of it: "
            "listen on loopback behind a proxy, as in docs/nginx.conf.example"
        )

    @property
    def control_urls(self) -> tuple[str, ...]:
        """URLs of the sandbox's control API: its own port, else any endpoint."""
        return self.sandbox_urls if self.sandbox_control is None else (self.sandbox_control,)

    @classmethod
    def read(cls, environment: Mapping[str, str], state_dir: Path) -> ProcessSettings:
        """Read the environment.

        Args:
            environment: Usually `os.environ`.
            state_dir: Parent of the state folder when PLAYGROUND_STATE_DIR is not set.

        Raises:
            StartError: A variable is invalid or unknown, or one is missing for an address that others can
                reach.
        """
        _refuse_unknown(environment)

        def text(name: str) -> str | None:
            return environment.get(name, "").strip() or None

        def items(name: str) -> tuple[str, ...]:
            return tuple(part.strip() for part in (text(name) or "").split(",") if part.strip())

        def urls(name: str) -> tuple[str, ...]:
            return normalized_urls(name, items(name))

        bind = text("PLAYGROUND_BIND") or "127.0.0.1:3000"
        _check_bind(bind)
        instance = _instance(text("PLAYGROUND_NAME"), bind)
        hops = _number("PLAYGROUND_PROXY_HOPS", text("PLAYGROUND_PROXY_HOPS"), 0, 0, 10)
        hosts, password = items("PLAYGROUND_HOSTS"), _password(environment.get("PLAYGROUND_PASSWORD", ""))
        exposed = bool(hops) or not is_loopback(bind)
        if exposed:
            reason = f"{bind} can be reached by others" if not hops else "Others can reach it through a proxy"
            if password is None:
                raise StartError(f"{reason}: set PLAYGROUND_PASSWORD first (see docs/playground.md)")
            if not hosts:
                raise StartError(f"{reason}: set PLAYGROUND_HOSTS to its host names")
        allowed = urls("PLAYGROUND_ENDPOINTS")
        control = urls("PLAYGROUND_SANDBOX_CONTROL")
        secret = text("SECRET_KEY")
        if secret is not None and len(secret) < _MIN_SECRET_LENGTH:
            raise StartError(
                f"SECRET_KEY must have at least {_MIN_SECRET_LENGTH} characters; without it a key is created"
            )
        return cls(
            bind=bind,
            instance=instance,
            hosts=frozenset((*_LOOPBACK_NAMES, *_own_name(bind), *map(_host, hosts))),
            state_dir=Path(text("PLAYGROUND_STATE_DIR") or state_dir / instance),
            password=password,
            allowed_endpoints=allowed if allowed or exposed else None,
            redis_url=text("PLAYGROUND_REDIS_URL"),
            store_bytes=_number(
                "PLAYGROUND_STORE_BYTES",
                text("PLAYGROUND_STORE_BYTES"),
                DEFAULT_BYTES,
                MIN_BYTES,
                MAX_BYTES,
            ),
            store_generation=text("PLAYGROUND_STORE_GENERATION"),
            proxy_hops=hops,
            workers=_number("PLAYGROUND_WORKERS", text("PLAYGROUND_WORKERS"), 2, 1, 64),
            threads=_number("PLAYGROUND_THREADS", text("PLAYGROUND_THREADS"), 8, 1, 256),
            sandbox_urls=urls("PLAYGROUND_SANDBOX_URLS"),
            sandbox_control=control[0] if control else None,
            operator_key=_key(text("OCTA_API_KEY")),
            operator_urls=urls("OCTA_BASE_URLS") or urls("OCTA_BASE_URL") or (LIVE_ENDPOINT,),
            secret_key=secret,
            ledger_url=_ledger(text("PLAYGROUND_RENTAL_LEDGER"), text("PLAYGROUND_REDIS_URL")),
            ledger_variable=next(
                (name for name in ("PLAYGROUND_RENTAL_LEDGER", "PLAYGROUND_REDIS_URL") if text(name)), ""
            ),
            log_format=_log_format(text("PLAYGROUND_LOG_FORMAT") or "text"),
            reaper_seconds=_number(
                "PLAYGROUND_REAPER_SECONDS", text("PLAYGROUND_REAPER_SECONDS"), 30, 1, 3600
            ),
        )


def _check_bind(bind: str) -> None:
    """Refuse an address that Gunicorn cannot listen at, or would read as another one."""
    host, colon, port = bind.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= _MAX_PORT
    if bind.startswith(("unix:", "fd://")) or (colon and is_port and _BIND_HOST.fullmatch(host)):
        return
    raise StartError(
        f"PLAYGROUND_BIND is {bind[:60]!r}; it must be an address with a port, such as 127.0.0.1:3000 or "
        "[::1]:3000, or unix:/path"
    )


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """Refuse an unknown variable with our prefix: it is probably misspelt, and would have no effect."""
    for variable in sorted(environment):
        name = variable.removeprefix(_PREFIX)
        if name == variable or name in _VARIABLES:
            continue
        if _OF_A_SERVICE.fullmatch(f"{name}={environment[variable]}"):
            continue
        near = closest(name.upper(), _VARIABLES)
        advice = "see the settings of the process in docs/playground.md"
        if near is not None:
            advice = f"did you mean {_PREFIX}{near}?"
        raise StartError(f"{variable[:60]!r} is not a setting; {advice}")


def _log_format(text: str) -> str:
    if text not in ("text", "json"):
        raise StartError(f"PLAYGROUND_LOG_FORMAT must be text or json; it is {text[:60]!r}")
    return text


def is_loopback(bind: str) -> bool:
    """Whether only this machine can reach an address such as ``127.0.0.1:3000`` or ``unix:/run/x``."""
    if bind.startswith("unix:"):
        return True
    host = _host_of(bind)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(bind: str) -> str:
    return (bind.rpartition(":")[0] or bind).strip("[]").lower()


def _instance(name: str | None, bind: str) -> str:
    if name is not None:
        if not _DEPLOYMENT.fullmatch(name):
            raise StartError(
                "PLAYGROUND_NAME must begin with a letter, and have up to 40 letters, digits, - and _; "
                f"it is {name[:60]!r}"
            )
        return f"playground_{name}"
    # By port, because cookies are not separated by port, and two playgrounds must not share one.
    port = bind.rpartition(":")[2]
    return f"playground_{port}" if port.isdigit() else "playground"


def _own_name(bind: str) -> tuple[str, ...]:
    """The host of the address when it is a loopback address, such as 127.0.0.2."""
    if bind.startswith("unix:") or not is_loopback(bind):
        return ()
    host = _host_of(bind)
    return (f"[{host}]" if ":" in host else host,)


def _host(text: str) -> str:
    """A host name as in the Host header, without port."""
    name = text.lower().partition("://")[2] or text.lower()
    name = name.rstrip("/")
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        return f"[{address}]" if address.version == 6 else str(address)
    if name.startswith("[") and "]:" in name:
        return _host(name.rpartition(":")[0])
    name = re.sub(r":\d+\Z", "", name).removesuffix(".")
    if not _NAME.fullmatch(name):
        raise StartError(f"PLAYGROUND_HOSTS takes host names such as qa.example, not patterns: {text!r}")
    return name


def normalized_urls(name: str, urls: Sequence[str]) -> tuple[str, ...]:
    """Base URLs normalized by the SDK, so that they can be compared.

    Args:
        name: The variable or option that they are from, for the message.
        urls: The addresses as given.

    Raises:
        StartError: One of them is not an address.
    """
    if not urls:
        return ()
    try:
        return tuple(Config(base_urls=list(urls)).endpoints)
    except ConfigurationError as error:
        raise StartError(f"{name}: {str(error).replace('base_urls', 'each address', 1)}") from None


def _password(text: str) -> str | None:
    """The password without surrounding white space, or None when the variable is empty."""
    password = text.strip()
    if text and len(password) < _MIN_PASSWORD_LENGTH:
        raise StartError(f"PLAYGROUND_PASSWORD must have at least {_MIN_PASSWORD_LENGTH} characters")
    return password or None


def _key(key: str | None) -> str | None:
    try:
        Config(api_key=key)
    except ConfigurationError as error:
        raise StartError(f"OCTA_API_KEY: {error}") from None
    return key


def _ledger(text: str | None, redis_url: str | None) -> MaskedUrl | None:
    """The rental ledger: its own URL, else Redis; None for the default file.

    Messages about Redis repeat no part of the URL: a part of a mistyped password may look like an option.
    """
    if text is None and redis_url is None:
        return None
    url = text or redis_url or ""
    is_redis = text is None or url.startswith(("redis://", "rediss://"))
    try:
        if is_redis:
            _check_redis(url.partition("?")[0])
        return parse_ledger_url(url).full_url
    except StoreError:
        if text is None:
            return None  # the store refuses it, and says how to write it
        raise StartError(f"PLAYGROUND_RENTAL_LEDGER {_REDIS_LEDGER}") from None
    except ValueError as error:
        if text is None:
            raise StartError(
                "PLAYGROUND_REDIS_URL cannot be the rental ledger as well, which needs redis:// or rediss:// "
                "without options: set PLAYGROUND_RENTAL_LEDGER"
            ) from None
        problem = _REDIS_LEDGER if is_redis else f"cannot be used: {error}"
        raise StartError(f"PLAYGROUND_RENTAL_LEDGER {problem}") from None


def _check_redis(url: str) -> None:
    try:
        from .store.redis.url import check_url  # the package redis may be missing
    except ImportError:
        return  # this is said when the store or the ledger is opened
    check_url(url)


def _number(name: str, text: str | None, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise StartError(f"{name} must be a number from {least} to {most}; it is {text!r}")
    return int(text)
