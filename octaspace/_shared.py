"""The process-wide configuration and the client made from it."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from ._client import Client
from .config import ApiKey, Config

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .config import Options, OptionsBesideKey

__all__ = ["client", "configuration", "configure", "reset_configuration", "shutdown_shared_client"]


class _Shared:
    """One per process. Its lock and its client are replaced in a forked child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.config: Config | None = None
        self.client: Client | None = None

    def after_fork_in_child(self) -> None:
        self.lock = threading.Lock()
        self.client = None


_shared = _Shared()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.after_fork_in_child)


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
    given = ApiKey.veil_in(options)
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
    """Forget `configure` and close the shared client; the environment is read anew at the next use."""
    _replace(None)


def client(api_key: str | None = None, **options: Unpack[OptionsBesideKey]) -> Client:
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
    given = ApiKey.veil_in(options)
    key, api_key = ApiKey.veil(api_key), None
    if key is not None:
        given["api_key"] = key
    if given:
        return Client.from_config(configuration().replace(**given))
    with _shared.lock:
        if _shared.client is None:
            _shared.client = Client.from_config(_configuration())
        return _shared.client


def shutdown_shared_client() -> None:
    """Close the shared client; the next `client()` makes a new one. Also runs at interpreter exit."""
    with _shared.lock:
        current, _shared.client = _shared.client, None
    if current is not None:
        current.close()


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


atexit.register(shutdown_shared_client)
