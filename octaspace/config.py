"""The options of a client: types, defaults and sources.

`Config` is validated when it is created and frozen afterwards, so the rest of the SDK does not check
options again.
"""

from __future__ import annotations

import inspect
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import IPv6Address
from typing import Any, Final, cast
from urllib.parse import SplitResult, unquote, urlsplit

from ._typing import TypedDict, Unpack
from .errors import ConfigurationError
from .observer import Observer
from .rentals.ledger import RentalLedger
from .rentals.ledger_url import LedgerUrl, parse_ledger_url
from .request import MAX_SECONDS
from .response import Response
from .safe_repr import safe_repr
from .suggestion import suggestion

__all__ = ["ClientOptions", "Config", "Options", "convert_option"]

RequestHook = Callable[[dict[str, Any]], object]
ResponseHook = Callable[[Response[Any]], object]


class ClientOptions(TypedDict, total=False):
    """Every option except the key, for editors and type checkers."""

    base_url: str
    base_urls: list[str] | tuple[str, ...] | None
    keep_alive: bool
    persistent: bool
    pool_size: int
    pool_timeout: float | None
    idle_timeout: float | None
    open_timeout: float | None
    read_timeout: float | None
    write_timeout: float | None
    max_retries: int
    retry_interval: float
    backoff_factor: float
    max_retry_interval: float
    total_timeout: float | None
    max_retry_after: float
    failure_cooldown: float
    max_response_bytes: int
    max_json_values: int
    ssl_verify: bool | str | os.PathLike[str]
    on_request: RequestHook | None
    on_response: ResponseHook | None
    logger: logging.Logger | None
    log_level: str | int
    user_agent: str | None
    max_connection_age: float | None
    observers: Sequence[Observer]
    cache_ttl: float
    cache_stale: float
    cache_max_bytes: int
    rental_ledger: str | RentalLedger | None


class Options(ClientOptions, total=False):
    """Every option of `Config`, `configure` and `with_options`, for editors and type checkers."""

    api_key: str | None


#: Without it pydantic refuses a logger.
PYDANTIC_CONFIG: Final = {"arbitrary_types_allowed": True}
for _kind in (ClientOptions, Options):
    _kind.__pydantic_config__ = PYDANTIC_CONFIG  # type: ignore[attr-defined]


class ApiKey(str):
    """A key whose repr is masked: in a config, in a headers dict, in a frame's locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    @classmethod
    def mask(cls, key: Any) -> Any:
        """The key with a masked repr. Anything but a string is returned as it is; `Config` refuses it."""
        # str.__str__ returns the text itself also for a subclass with another __str__, such as an Enum.
        return cls(str.__str__(key)) if isinstance(key, str) else key

    @classmethod
    def mask_options(cls, options: Mapping[str, Any], *, known: Collection[str] = ()) -> dict[str, Any]:
        """A copy of the options with a masked key and a masked password in the URL of the ledger.

        The original is emptied: frames keep their locals.

        Args:
            options: Options as the user passed them.
            known: Names accepted in addition to those of `Options`. The value of any other name is masked as
                well: it may be a misspelt `api_key`.
        """
        plain = {*ClientOptions.__annotations__, *known}
        given = {name: value if name in plain else cls.mask(value) for name, value in options.items()}
        cast("dict[str, Any]", options).clear()
        if isinstance(given.get("rental_ledger"), str):
            given["rental_ledger"] = LedgerUrl(given["rental_ledger"])
        return given


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Config:
    """The options of a client. Times are in seconds; None means no limit where it is allowed.

    Attributes:
        api_key: Key sent in `Authorization`; None for public calls only.
        base_url: The API's address, used when `base_urls` is None.
        base_urls: Several addresses of the same API, for rotation and failover.
        keep_alive: Keep connections open between requests. `persistent` is an alias.
        pool_size: Maximum number of connections per endpoint with `keep_alive`.
        pool_timeout: Maximum wait for a free connection.
        idle_timeout: A connection that is idle for longer is closed instead of reused.
        open_timeout: Limit for connecting, including TLS.
        read_timeout: Limit for each wait for data.
        write_timeout: Limit for sending the request.
        max_retries: Maximum number of retries after a wait, per call.
        retry_interval: Wait before the first retry.
        backoff_factor: Factor by which each further wait is longer.
        max_retry_interval: Maximum wait before a retry, before the random factor of 0.5 to 1.5. The limit
            for a `Retry-After` is `max_retry_after`.
        total_timeout: Limit for a whole call: attempts, bodies, decoding and waits together. With several
            endpoints, an attempt of a repeatable call gets at most its share of what remains, but at least
            1 s, so that an endpoint that stalls leaves time for the next one.
        max_retry_after: A call does not wait for a longer `Retry-After`.
        failure_cooldown: How long a failed endpoint is skipped.
        max_response_bytes: Maximum size of a body that is read into memory, after decompression.
        max_json_values: Maximum number of values in the JSON of a body: its lists, its objects, and what they
            contain. They are counted before parsing.
        ssl_verify: Verify certificates; or the path of a CA bundle, file or directory.
        on_request: Called with ``dict(method=, path=, params=)`` once per call, before it is sent.
        on_response: Called with the final `Response` once per call, also for an error status.
        logger: The logger to use; ``octaspace`` by default.
        log_level: Level of the line logged for each attempt.
        user_agent: The `User-Agent` header; names this package by default.
        max_connection_age: A connection older than this is closed instead of reused, so that a host name is
            resolved again after it has moved to another machine.
        observers: Objects that watch each call and each attempt; see `octaspace.observer`.
        cache_ttl: How long answers of `apps.list`, `network.info` and the lists of `services.mr`, `vpn` and
            `render` (and so of `search`) are kept in memory and used for further calls; 0 for no cache. Only
            data of the market is kept, never anything that shows money or sessions.
        cache_stale: How much longer a kept answer is used when the API fails.
        cache_max_bytes: Maximum size of the kept bodies together.
        rental_ledger: Where rentals are recorded, so that none outlives its owner: a URL
            (``"sqlite:///rentals.db"``, ``"redis://host/0"``) or a `octaspace.rentals.RentalLedger`.
    """

    api_key: str | None = None
    base_url: str = "https://api.octa.space"
    base_urls: tuple[str, ...] | None = None
    keep_alive: bool = False
    pool_size: int = 5
    pool_timeout: float | None = 5
    idle_timeout: float | None = 60
    open_timeout: float | None = 10
    read_timeout: float | None = 30
    write_timeout: float | None = 30
    max_retries: int = 2
    retry_interval: float = 0.5
    backoff_factor: float = 2.0
    max_retry_interval: float = 30
    total_timeout: float | None = None
    max_retry_after: float = 60
    failure_cooldown: float = 30
    max_response_bytes: int = 16 * 1024 * 1024
    max_json_values: int = 2_000_000
    ssl_verify: bool | str = True
    on_request: RequestHook | None = None
    on_response: ResponseHook | None = None
    logger: logging.Logger | None = None
    log_level: str | int = "info"
    user_agent: str | None = None
    max_connection_age: float | None = None
    observers: tuple[Observer, ...] = ()
    cache_ttl: float = 0
    cache_stale: float = 0
    cache_max_bytes: int = 32 * 1024 * 1024
    rental_ledger: str | RentalLedger | None = None

    def __init__(self, **options: Unpack[Options]) -> None:
        given = ApiKey.mask_options(options)
        _resolve_alias(given)
        for name in given:
            if name not in DEFAULTS:
                raise _unknown_option(name)
        checked = {name: CHECKS[name](name, value) for name, value in given.items()}
        for name, default in DEFAULTS.items():
            object.__setattr__(self, name, checked.get(name, default))

    @classmethod
    def from_env(cls, **overrides: Unpack[Options]) -> Config:
        """Read the environment: `OCTA_API_KEY`, `OCTA_BASE_URL`, `OCTA_BASE_URLS` (comma-separated) and
        `OCTA_<OPTION>` for every other option that can be written as a string.

        Args:
            overrides: Options that take precedence over the environment. A `base_url` takes precedence over
                `OCTA_BASE_URLS` as well.

        Raises:
            ConfigurationError: A variable cannot be used; the message names it.
        """
        given = ApiKey.mask_options(overrides)
        found: dict[str, Any] = {}
        for name in (*DEFAULTS, "persistent"):
            if name in CODE_ONLY or not given.keys().isdisjoint(_EQUIVALENT.get(name, (name,))):
                continue
            text = os.environ.get(f"OCTA_{name.upper()}", "").strip("\r\n\t ")
            text = {"api_key": ApiKey, "rental_ledger": LedgerUrl}.get(name, str)(text)
            if not text:
                continue
            try:
                found[name] = CHECKS[_canonical_name(name)](name, convert_option(name, text))
            except ConfigurationError as error:
                raise ConfigurationError(f"OCTA_{name.upper()}: {error}", option=name) from None
        return cls(**{**found, **given})

    def replace(self, **options: Unpack[Options]) -> Config:
        """A copy with other values for the given options. A `base_url` replaces `base_urls` too.

        Args:
            options: The options that differ.

        Raises:
            ConfigurationError: An option is unknown or cannot be used; the message names it.
        """
        given = ApiKey.mask_options(options)
        _resolve_alias(given)
        if "base_url" in given:
            given.setdefault("base_urls", None)
        return Config(**{**{name: getattr(self, name) for name in DEFAULTS}, **given})

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses in use: `base_urls`, or `base_url` alone."""
        return self.base_urls if self.base_urls is not None else (self.base_url,)

    def __repr__(self) -> str:
        # Error trackers show a config whose creation failed as well: it has no values yet.
        values = {name: getattr(self, name, default) for name, default in DEFAULTS.items()}
        changed = (f"{name}={value!r}" for name, value in values.items() if value != DEFAULTS[name])
        return f"Config({', '.join(changed)})"


def convert_option(name: str, text: str) -> object:
    """Convert a string, as in an environment variable, to a value of the option.

    Args:
        name: Name of an option.
        text: ``"true"``/``"false"`` (also yes, no, on, off, 1, 0) for switches, digits for numbers,
            commas between several URLs, ``"none"`` for no limit.

    Raises:
        ConfigurationError: The option is unknown, cannot be given as a string, or the string is not of its
            type.
    """
    name = _canonical_name(name)
    if name not in DEFAULTS:
        raise _unknown_option(name)
    if name in CODE_ONLY:
        raise ConfigurationError(f"{name} cannot be given as text: pass it in code", option=name)
    if name == "base_urls":
        return [url for url in (part.strip() for part in text.split(",")) if url]
    lowered = text.strip().lower()
    check = CHECKS[name]
    if check is _switch or name == "ssl_verify":
        if lowered in {"1", "true", "yes", "on"}:
            return True
        if lowered in {"0", "false", "no", "off"}:
            return False
        if name == "ssl_verify":
            return text.strip()
        raise ConfigurationError(f"{name} must be true or false, not {safe_repr(text)}", option=name)
    if isinstance(check, _Number):
        if lowered == "none" and check.optional:
            return None
        try:
            return int(lowered) if check.whole else float(lowered)
        except ValueError:
            kind = "a whole number" if check.whole else "a number"
            raise ConfigurationError(f"{name} must be {kind}, not {safe_repr(text)}", option=name) from None
    return text


def _canonical_name(name: str) -> str:
    """The name of the option: `persistent` is an alias of `keep_alive`."""
    return "keep_alive" if name == "persistent" else name


def _resolve_alias(options: dict[str, Any]) -> None:
    """Replace `persistent` with `keep_alive`. Both may be given if they are equal."""
    if "persistent" in options:
        persistent = _switch("persistent", options.pop("persistent"))
        if options.setdefault("keep_alive", persistent) is not persistent:
            raise ConfigurationError(
                "keep_alive and persistent are the same option and have different values",
                option="keep_alive",
            )


def _unknown_option(name: str) -> ConfigurationError:
    hint = suggestion(name, DEFAULTS, also=("persistent",))
    return ConfigurationError(f"unknown option {safe_repr(name)}; {hint}", option=name)


def _invalid(name: str, wanted: str, value: object) -> ConfigurationError:
    return ConfigurationError(
        f"{name} must be {wanted}, not {safe_repr(value)} ({type(value).__name__})", option=name
    )


class _Number:
    """Check a number: whole or not, its limits, and whether None means no limit."""

    def __init__(
        self,
        kind: str = "a number of seconds",
        *,
        minimum: float = 0,
        maximum: float = MAX_SECONDS,
        exclusive: bool = False,
        optional: bool = False,
    ) -> None:
        self.kind, self.minimum, self.maximum, self.exclusive, self.optional = (
            kind,
            minimum,
            maximum,
            exclusive,
            optional,
        )
        self.whole = kind == "a whole number"

    def __call__(self, name: str, value: object) -> float | None:
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise _invalid(name, self.kind + (" or None" if self.optional else ""), value)
        advice = " (None means no limit)" if self.optional else ""
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{name} must be finite, not {value}{advice}", option=name)
        if value < self.minimum or (self.exclusive and value == self.minimum):
            relation = "greater than" if self.exclusive else "at least"
            raise ConfigurationError(
                f"{name} must be {relation} {self.minimum:g}, not {safe_repr(value)}", option=name
            )
        if value > self.maximum:
            raise ConfigurationError(
                f"{name} must be at most {self.maximum}, not {safe_repr(value)}{advice}", option=name
            )
        return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name, "True or False", value)
    return value


def _key(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string or None, not {type(value).__name__}", option=name)
    if not value:
        raise ConfigurationError(f"{name} is empty; pass None for a client without a key", option=name)
    if value != value.strip():
        raise ConfigurationError(
            f"{name} begins or ends with white space or a line break; remove it", option=name
        )
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        raise ConfigurationError(
            f"{name} begins or ends with a quotation mark; give the key without quotes", option=name
        )
    _check_header_value(name, value)
    return value


#: Quotation marks copied with a key from a shell script, a .env file or a document.
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


def _header(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value or value != value.strip():
        raise _invalid(name, "a string without surrounding white space, or None", value)
    _check_header_value(name, value)
    return value


def _check_header_value(name: str, value: str) -> None:
    """Allow latin-1 without control characters only. The message names the position, never the value."""
    for position, character in enumerate(value, start=1):
        if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0:
            raise ConfigurationError(f"{name} has a control character at position {position}", option=name)
        if ord(character) > 0xFF:
            raise ConfigurationError(
                f"{name} has a character at position {position} that HTTP headers cannot carry", option=name
            )


def _url(name: str, value: object) -> str:
    # The messages do not repeat the value: it may contain a password.
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a URL, not {type(value).__name__}", option=name)
    url = value.strip()
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        raise ConfigurationError(
            f"{name} contains white space, a backslash or a control character", option=name
        )
    if not url.isascii():
        raise ConfigurationError(
            f"{name} must be ASCII: write the host name in its xn-- form and percent-encode the path",
            option=name,
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # The message of the ValueError quotes the port or the host, which may be part of a password.
        reason = "the host cannot be parsed"
        if "out of range" in str(error):
            reason = "Port out of range 0-65535"
        elif "cast to integer" in str(error):
            reason = "the port is not a number"
        hint = "" if "[" in url else "; an IPv6 address goes in brackets: http://[::1]:8080"
        raise ConfigurationError(
            f"{name} is not a URL: {reason}{hint if url.count(':') > 2 else ''}", option=name
        ) from None
    if parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{name} must start with http:// or https://", option=name)
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"{name} must not contain a user name or password; the key belongs in api_key", option=name
        )
    if not parts.hostname:
        raise ConfigurationError(f"{name} has no host name", option=name)
    if not _AUTHORITY.fullmatch(parts.netloc) or not _is_host(parts):
        raise ConfigurationError(f"{name} has an invalid host name or address", option=name)
    if port == 0:
        raise ConfigurationError(f"{name} has port 0", option=name)
    if "%" in parts.netloc:
        raise ConfigurationError(
            f"{name} has an IPv6 zone (%), which an API address does not have; remove it", option=name
        )
    if any(unquote(segment) in (".", "..") for segment in parts.path.split("/")):
        raise ConfigurationError(
            f"{name} has a path with a . or .. segment, which some proxies resolve; remove it",
            option=name,
        )
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigurationError(f"{name} must not have a query or a fragment", option=name)
    return url.rstrip("/")


def _is_host(parts: SplitResult) -> bool:
    """Whether the host is a name that can be resolved, or a valid IPv6 address in brackets."""
    name = parts.hostname or ""
    if not parts.netloc.startswith("["):
        labels = name.removesuffix(".").split(".")
        return len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
    try:
        IPv6Address(name.replace("%25", "%"))
    except ValueError:
        return False
    return True


def _urls(name: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(f"{name} must be a list of URLs, not {type(value).__name__}", option=name)
    if not value:
        raise ConfigurationError(f"{name} is empty; omit it to use base_url", option=name)
    urls = tuple(_url(name, url) for url in value)
    if len(set(urls)) != len(urls):
        raise ConfigurationError(f"{name} contains the same URL twice", option=name)
    return urls


def _verify(name: str, value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise _invalid(name, "True, False or the path of a CA bundle", value)
    path = os.fspath(value)
    if not isinstance(path, str):
        raise _invalid(name, "True, False or the path of a CA bundle", value)
    if not os.path.exists(path):
        raise ConfigurationError(f"{name}: there is no CA bundle at {safe_repr(path)}", option=name)
    return path


def _hook(name: str, value: object) -> Any:
    if value is not None and not callable(value):
        raise _invalid(name, "callable or None", value)
    return value


def _logger(name: str, value: object) -> logging.Logger | None:
    if value is not None and not isinstance(value, (logging.Logger, logging.LoggerAdapter)):
        raise _invalid(name, "a logging.Logger or None", value)
    return value  # type: ignore[return-value]  # an adapter works as well


def _ledger(name: str, value: object) -> LedgerUrl | RentalLedger | None:
    if value is None or isinstance(value, RentalLedger):
        return value
    if not isinstance(value, str):
        raise _invalid(
            name, "a URL such as 'sqlite:///rentals.db', or an octaspace.rentals.RentalLedger", value
        )
    value = LedgerUrl(value.strip())
    try:
        return parse_ledger_url(value).full_url  # with an absolute path: the directory may change
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}", option=name) from None


def _observers(name: str, value: object) -> tuple[Observer, ...]:
    if not isinstance(value, (list, tuple)):
        raise _invalid(name, "a list of observers", value)
    for observer in value:
        problem = _problem_of(observer)
        if problem is not None:
            raise ConfigurationError(
                f"{name} must contain octaspace.Observer objects: {safe_repr(observer)} {problem}",
                option=name,
            )
    return tuple(value)


def _problem_of(observer: object) -> str | None:
    """Why it is not an observer, or None."""
    if isinstance(observer, type):
        return "is a class: pass an object of it"
    for method in _OBSERVER_METHODS:
        found = getattr(observer, method, None)
        if not callable(found):
            return f"has no {method}()"
        if inspect.iscoroutinefunction(found):
            return f"has a {method}() that is async: observers run in the thread of the call"
    return None


_OBSERVER_METHODS: Final = ("call_started", "attempt_finished", "call_finished")


def _level(name: str, value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= sys.maxsize:
        return value
    if not isinstance(value, str) or not isinstance(logging.getLevelName(value.upper()), int):
        raise _invalid(name, "a level such as 'debug', 'info' or 'warning'", value)
    return value


#: Options that can be set in code only.
CODE_ONLY: Final = frozenset({"on_request", "on_response", "logger", "observers"})

#: A host name or an IPv6 address in brackets, and optionally a port.
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._-]+)(:[0-9]+)?")

#: By option: the options that, when passed, make its environment variable irrelevant.
_EQUIVALENT: Final = {
    "keep_alive": ("keep_alive", "persistent"),
    "persistent": ("keep_alive", "persistent"),
    "base_urls": ("base_urls", "base_url"),
}

_SECONDS: Final = _Number()
_LIMIT: Final = _Number(exclusive=True, optional=True)


def _whole(minimum: int) -> _Number:
    return _Number("a whole number", minimum=minimum, maximum=sys.maxsize)


CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "api_key": _key,
    "base_url": _url,
    "base_urls": _urls,
    "keep_alive": _switch,
    "pool_size": _whole(1),
    "pool_timeout": _Number(optional=True),
    "idle_timeout": _Number(optional=True),
    "open_timeout": _LIMIT,
    "read_timeout": _LIMIT,
    "write_timeout": _LIMIT,
    "max_retries": _whole(0),
    "retry_interval": _SECONDS,
    "backoff_factor": _Number("a number", maximum=sys.maxsize),
    "max_retry_interval": _SECONDS,
    "total_timeout": _LIMIT,
    "max_retry_after": _SECONDS,
    "failure_cooldown": _SECONDS,
    "max_response_bytes": _whole(1),
    "max_json_values": _whole(1),
    "ssl_verify": _verify,
    "on_request": _hook,
    "on_response": _hook,
    "logger": _logger,
    "log_level": _level,
    "user_agent": _header,
    "max_connection_age": _LIMIT,
    "observers": _observers,
    "cache_ttl": _SECONDS,
    "cache_stale": _SECONDS,
    "cache_max_bytes": _whole(1),
    "rental_ledger": _ledger,
}

DEFAULTS: Final[Mapping[str, Any]] = {option.name: option.default for option in fields(Config)}
