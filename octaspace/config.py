"""The options of a client: types, defaults and sources.

`Config` is validated when it is created and frozen afterwards, so the rest of the SDK does not check
options again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, cast

from ._typing import TypedDict, Unpack
from .environment import read_environment
from .observer import Observer
from .rentals.ledger import RentalLedger
from .response import Response
from .secret_values import mask_key, mask_short, mask_url
from .validation import CHECKS, resolve_alias, unknown_option

__all__ = ["ClientOptions", "Config", "Options", "mask_option", "mask_options"]

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

#: Options whose value may be long, and is not a secret.
_LONG: Final = frozenset({"user_agent", "ssl_verify", "observers"})


def mask_options(options: Mapping[str, Any], *, known: Collection[str] = ()) -> dict[str, Any]:
    """A copy of the options in which `repr` shows no key and no password of a URL.

    The original is emptied: frames keep their locals.

    Args:
        options: Options as the user passed them.
        known: Names accepted in addition to those of `Options`.
    """
    given = {name: mask_option(name, value, known=known) for name, value in options.items()}
    cast("dict[str, Any]", options).clear()
    return given


def mask_option(name: str, value: Any, *, known: Collection[str] = ()) -> Any:
    """The value of one option for `mask_options`.

    That of an unknown name is masked as well: it may be a misspelt `api_key`.
    """
    if name in ("base_url", "base_urls"):
        return mask_url(value)
    if name == "rental_ledger":
        return value if isinstance(value, RentalLedger) else mask_url(value)
    if name in _LONG:
        return value
    return mask_short(value) if name in ClientOptions.__annotations__ or name in known else mask_key(value)


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
        self._set(mask_options(options), DEFAULTS)

    def _set(self, given: dict[str, Any], others: Mapping[str, Any]) -> None:
        """Check the given options and set all.

        Args:
            given: Options from `mask_options`.
            others: The values of the other options, which are not checked.
        """
        resolve_alias(given)
        for name in given:
            if name not in DEFAULTS:
                raise unknown_option(name)
        checked = {name: CHECKS[name](name, value) for name, value in given.items()}
        for name, value in others.items():
            object.__setattr__(self, name, checked.get(name, value))

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
        given = mask_options(overrides)
        found = {name: value for name, (value, _) in read_environment(given).items()}
        return cls(**{**found, **given})

    def replace(self, **options: Unpack[Options]) -> Config:
        """A copy with other values for the given options. A `base_url` replaces `base_urls` too.

        Args:
            options: The options that differ.

        Raises:
            ConfigurationError: An option is unknown or cannot be used; the message names it.
        """
        given = mask_options(options)
        resolve_alias(given)
        if "base_url" in given:
            given.setdefault("base_urls", None)
        # Its own values are checked already: to check them again is most of the work of `with_options`.
        copy = Config.__new__(Config)
        copy._set(given, {name: getattr(self, name) for name in DEFAULTS})
        return copy

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses in use: `base_urls`, or `base_url` alone."""
        return self.base_urls if self.base_urls is not None else (self.base_url,)

    def __repr__(self) -> str:
        # Error trackers show a config whose creation failed as well: it has no values yet.
        values = {name: getattr(self, name, default) for name, default in DEFAULTS.items()}
        changed = (f"{name}={value!r}" for name, value in values.items() if value != DEFAULTS[name])
        return f"Config({', '.join(changed)})"


DEFAULTS: Final[Mapping[str, Any]] = {option.name: option.default for option in fields(Config)}
