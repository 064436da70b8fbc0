"""The process-wide configuration and the client made from it."""

from __future__ import annotations

import atexit
import threading

from ._client import Client
from ._typing import Unpack
from .config import ApiKey, ClientOptions, Config, Options
from .transport.fork import notice_fork, register_after_fork

__all__ = ["client", "configuration", "configure", "reset_configuration", "shutdown_shared_client"]


class _Shared:
    """One per process. Its lock and its client are replaced in a forked child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.config: Config | None = None
        self.client: Client | None = None

    @property
    def lock(self) -> threading.Lock:
        """Held while the two are looked at or changed."""
        notice_fork()
        return self._lock

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self.client = None


_shared = _Shared()
register_after_fork(_shared)

#: What a call on the shared client is told once the interpreter has begun to exit.
_EXITING = (
    "the shared client was closed when the interpreter began to exit; a handler that still needs it must be "
    "registered with atexit after octaspace was imported, for handlers run in reverse order"
)


def configure(**options: Unpack[Options]) -> Config:
    """Set the options of the shared client, on top of what the environment says.

    A shared client made before is closed; the next `client()` has the new options.

    Args:
        options: See `Config`; the environment (`Config.from_env`) fills in the others.

    Returns:
        The options now in force.

    Raises:
        ConfigurationError: An option cannot be used; the configuration before stays.
    """
    given = ApiKey.mask_options(options)
    config = Config.from_env(**given)
    _replace(config)
    return config


def configuration() -> Config:
    """The options of the shared client: those of `configure`, or else the environment's.

    Raises:
        ConfigurationError: A variable of the environment cannot be used; the message names it.
    """
    with _shared.lock:
        return _configuration()


def reset_configuration() -> None:
    """Forget `configure` and close the shared client; the environment is read again at the next use."""
    _replace(None)


def client(api_key: str | None = None, **options: Unpack[ClientOptions]) -> Client:
    """The shared client, or a new one.

    Without arguments it returns the same client each time, made at the first call from
    `configuration()`; do not close it, `shutdown_shared_client` does. With a key or any option it
    returns a new client of the caller's own, with the shared configuration below those options.

    Args:
        api_key: Key of the new client; the shared configuration's when None.
        options: See `Config`.

    Raises:
        ConfigurationError: An option or a variable of the environment cannot be used; the message names it.
    """
    given = ApiKey.mask_options(options)
    key, api_key = ApiKey.mask(api_key), None
    if key is not None:
        given["api_key"] = key
    if given:
        return Client.from_config(configuration().replace(**given))
    with _shared.lock:
        if _shared.client is None:
            _shared.client = Client.from_config(_configuration())
        return _shared.client


def shutdown_shared_client() -> None:
    """Close the shared client; the next `client()` makes a new one.

    At interpreter exit this runs by itself: before the handlers that were registered with `atexit` before
    octaspace was imported, after those that were registered later.
    """
    _shut_down()


def _shut_down(why: str | None = None) -> None:
    with _shared.lock:
        current, _shared.client = _shared.client, None
    if current is not None:
        current._transport.close(*[why] if why else [])


def _shut_down_at_exit() -> None:
    _shut_down(_EXITING)


def _configuration() -> Config:
    """To be called with the lock held."""
    if _shared.config is None:
        _shared.config = Config.from_env()
    return _shared.config


def _replace(config: Config | None) -> None:
    with _shared.lock:
        _shared.config = config
        current, _shared.client = _shared.client, None
    if current is not None:
        current.close()


atexit.register(_shut_down_at_exit)
