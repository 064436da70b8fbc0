"""The client: resources, derived copies, closing."""

from __future__ import annotations

import logging
from collections import defaultdict
from types import TracebackType
from typing import Any, NoReturn

from ._typing import Self, Unpack
from .config import ClientOptions, Config, Options, mask_options
from .errors import ConfigurationError
from .key_mask import KeyMask
from .rentals.account import account_fingerprint
from .rentals.ledger import RentalLedger, open_ledger
from .request import BodySink, Request, RequestSender
from .resources import Accounts, Apps, IdleJobs, Network, Nodes, Services, Sessions
from .resources.resource import Part
from .response import Response
from .secret_values import mask_key
from .transport import SYSTEM_CLOCK, Clock, Transport

__all__ = ["Client"]

#: Options of what derived clients share: the sockets, the endpoint health and the cache.
_SHARED_OPTIONS = (
    "base_url",
    "base_urls",
    "keep_alive",
    "persistent",
    "pool_size",
    "idle_timeout",
    "failure_cooldown",
    "ssl_verify",
    "max_connection_age",
    "cache_max_bytes",
)


class Client:
    """A client of the OctaSpace API. Create one, share it between threads, close it at the end::

        with octaspace.Client("your key", keep_alive=True) as client:
            for node in client.nodes.list().data:
                print(node["id"], node["state"])

    Every method of a resource is one HTTP call and returns a `Response`, whose `data` is the API's own
    JSON. Errors are listed in `octaspace.errors`. `help(client.nodes)` describes a resource, and
    `help(client.nodes.find)` a call: its arguments, the shape of its data, its errors.

    ==================================  ==================================================================
    `accounts`                          `profile` `balance` `generate_wallet`
    `nodes`                             `list` `find` `download_ident` `download_logs` `update_prices`
                                        `reboot`
    `sessions`                          `list`
    `services.mr` `.vpn` `.render`      `list` `search` `create` `rent`
    `services.session(uuid)`            `info` `logs` `stop` `wait_until_ready` `follow_logs`
    `apps` `network`                    `list` · `info`
    `idle_jobs`                         `find` `logs`
    ==================================  ==================================================================

    A call that only reads goes to the next endpoint when one fails and is retried up to `max_retries`
    times on 408, 429, 500, 502, 503 and 504, after growing waits or the `Retry-After` of the API.
    A call that changes something (POST, PATCH, `nodes.reboot`) goes to another endpoint only if nothing
    of it can have reached the first; it is carried out at most once. When its outcome is unknown, the
    error has `outcome_unknown`.

    Args:
        api_key: The key; None for public calls only.
        options: See `octaspace.Config`.

    Raises:
        ConfigurationError: An option is unknown or cannot be used; the message names it.
    """

    #: Attributes set on resources, by resource class; see `octaspace.resources.resource.Part`.
    _overrides: defaultdict[type, dict[str, Any]]

    def __init__(self, api_key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        key, api_key = mask_key(api_key), None  # no frame keeps the key unmasked
        given: dict[str, Any] = mask_options(options)
        self._set_up(Transport(Config(api_key=key, **given)))

    def _set_up(self, transport: Transport) -> None:
        self._transport = transport
        # Copies share the overrides of the original: a test that replaces a rental method rents nothing.
        self.__dict__.setdefault("_overrides", defaultdict(dict))

    @classmethod
    def from_config(cls, config: Config, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Create a client from options that are already validated.

        Args:
            config: The options.
            clock: Clock and random source; tests pass their own.
        """
        client = cls.__new__(cls)
        client._set_up(Transport(config, clock=clock))
        return client

    def with_options(self, **options: Unpack[Options]) -> Self:
        """A light copy with other options that shares the sockets, the endpoint health and the cache.

        `copy.copy(client)` is `client.with_options()`.

        Closing the copy does not affect this client. Closing the original client, which owns the sockets,
        closes every copy and every copy of a copy.

        Args:
            options: The options that differ: the key, timeouts, retries, hooks, logging. Options of the
                sockets themselves (`base_url`, `pool_size`, `ssl_verify`, …) need a separate client.

        Raises:
            ConfigurationError: An option is unknown, invalid, or belongs to the shared sockets.
        """
        given = mask_options(options)
        for name in _SHARED_OPTIONS:
            if name in given:
                raise ConfigurationError(
                    f"{name} cannot be changed by with_options: it belongs to what the copy shares with its "
                    "original; create a new Client for it",
                    option=name,
                )
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        transport = self._transport
        copy._set_up(Transport(transport.config.replace(**given), clock=transport.clock, parent=transport))
        return copy

    @property
    def config(self) -> Config:
        """The options in use; its repr shows the key as ``'***'``."""
        return self._transport.config

    #: The account: profile, balance, wallet.
    accounts = Part(Accounts)

    #: Your own machines: list, details, downloads, prices, reboot.
    nodes = Part(Nodes)

    #: Current and past rentals.
    sessions = Part(Sessions)

    #: The market: machines, VPN relays and render nodes to rent, and a rented session by its uuid.
    services = Part(Services)

    #: The catalogue of application images.
    apps = Part(Apps)

    #: Statistics of the whole network; public.
    network = Part(Network)

    #: Jobs that your own machines run while they are not rented.
    idle_jobs = Part(IdleJobs)

    @property
    def rental_ledger(self) -> RentalLedger | None:
        """The ledger that this client records rentals in; None if none is configured. Connects to nothing.

        Raises:
            octaspace.RentalLedgerError: The package redis is needed and is not installed.
        """
        ledger = self._transport.config.rental_ledger
        return open_ledger(ledger) if isinstance(ledger, str) else ledger

    @property
    def _sender(self) -> RequestSender:
        return _ClientSender(self)

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """Send any request; every resource method calls this.

        Args:
            request: The request.
            timeout: Seconds for this whole call, in addition to `Config.total_timeout`; the smaller applies.
            sink: Where to stream a 2xx body.

        Returns:
            The 2xx response.

        Raises:
            octaspace.Error: Any of `octaspace.errors`.
            ValueError: The body cannot be encoded as JSON.
        """
        return self._transport.send(request, timeout=timeout, sink=sink)

    def transport_stats(self) -> dict[str, Any]:
        """Statistics of the sockets and of the endpoints' health.

        Returns:
            With `keep_alive`::

                {"mode": "persistent",
                 "pools": {"https://api.octa.space": {"size": 5, "available": 4, "in_use": 1,
                                                      "created": 3, "reused": 97}},
                 "requests": 100, "retries": 2, "failovers": 1}

            without it ``{"mode": "standard", "url": "https://api.octa.space", ...}``; with two or more
            `base_urls` also ``"rotator": {"total", "available", "failed", "cooldown_left"}``, the last
            in seconds per URL. `requests` counts attempts. With `cache_ttl` also ``"cache": {"hits",
            "misses", "stale", "bytes", "entries"}``: calls by how the cache answered them, and what is kept.
        """
        return self._transport.stats()

    def clear_cache(self) -> None:
        """Drop every answer that `Config.cache_ttl` keeps, also those of the clients that share the cache.

        The next calls ask the API. An answer that is under way is not kept. Any call that changes something
        does the same when it has ended.
        """
        self._transport.clear_cache()

    def close(self) -> None:
        """Close every socket; a request in progress finishes first. Idempotent.

        Waits between two requests (for a retry, in `wait_until_ready`, in `follow_logs`) end. A later call of
        any resource raises `ConfigurationError`.
        """
        self._transport.close()

    shutdown = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds sockets and cannot be deep-copied: use client.with_options() to "
            "share them, or octaspace.Client.from_config(client.config) for a client with its own"
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds sockets and cannot be pickled: pass its config, and call "
            "octaspace.Client.from_config() with it in the other process"
        )

    def __repr__(self) -> str:
        transport = self.__dict__.get("_transport")  # missing when an option was refused
        if transport is None:
            return f"<{type(self).__name__} not set up>"
        closed = " closed" if transport.closed else ""
        return f"<{type(self).__name__} {' '.join(transport.config.endpoints)}{closed}>"


class _ClientSender:
    """The `RequestSender` that a client gives to resources.

    The client keeps no reference to it, so an unused client is freed at once.
    """

    __slots__ = ("_client", "overrides")

    def __init__(self, client: Client) -> None:
        self._client = client
        self.overrides = client._overrides

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        return self._client.send(request, timeout=timeout, sink=sink)

    def monotonic(self) -> float:
        return self._client._transport.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._client._transport.pause(seconds)

    @property
    def closed(self) -> bool:
        return self._client._transport.closed

    @property
    def mask(self) -> KeyMask:
        return self._client._transport.mask

    @property
    def rental_ledger(self) -> RentalLedger | None:
        return self._client.rental_ledger

    @property
    def account(self) -> str:
        return account_fingerprint(self._client.config.api_key)

    @property
    def log(self) -> logging.Logger:
        return self._client._transport.log
