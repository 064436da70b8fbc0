"""The process-wide configuration and its client."""

from __future__ import annotations

import atexit
import threading

from ._client import Client
from ._typing import Unpack
from .config import ClientOptions, Config, Options, mask_options
from .fork import notice_fork, register_after_fork
from .secret_values import mask_key

__all__ = ["client", "configuration", "configure", "reset_configuration", "shutdown_shared_client"]


class _Shared:
    """The process-wide state. Its lock and its client are replaced in a forked child."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may ask for the client while its thread creates it.
        self._lock = threading.RLock()
        self.config: Config | None = None
        self.client: Client | None = None

    @property
    def lock(self) -> threading.RLock:
        """Protects `config` and `client`."""
        notice_fork()
        return self._lock

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self.client = None


_shared = _Shared()
register_after_fork(_shared)

#: Message of the error that a call on the shared client raises during interpreter exit.
_EXITING = (
    "the shared client was closed when the interpreter began to exit; a handler that needs it must be "
    "registered with atexit after octaspace is imported, because handlers run in reverse order"
)


def configure(**options: Unpack[Options]) -> Config:
    """Set the options of the shared client; they override the environment.

    An existing shared client is closed; the next `client()` has the new options.

    Args:
        options: See `Config`; the environment (`Config.from_env`) provides the others.

    Returns:
        The options now in use.

    Raises:
        ConfigurationError: An option cannot be used; the configuration does not change.
    """
    given = mask_options(options)
    config = Config.from_env(**given)
    _replace(config)
    return config


def configuration() -> Config:
    """The options of the shared client: from `configure`, otherwise from the environment.

    Raises:
        ConfigurationError: An environment variable cannot be used; the message names it.
    """
    with _shared.lock:
        return _configuration()


def reset_configuration() -> None:
    """Discard the options of `configure` and close the shared client; the environment is read again."""
    _replace(None)


def client(api_key: str | None = None, **options: Unpack[ClientOptions]) -> Client:
    """The shared client, or a new one.

    Without arguments it returns the same client each time, created from `configuration()` by the first
    call; do not close it, `shutdown_shared_client` does. With a key or any option it returns a new client
    for the caller to close; the shared configuration provides the other options.

    Args:
        api_key: Key of the new client; None for that of the shared configuration.
        options: See `Config`.

    Raises:
        ConfigurationError: An option or an environment variable cannot be used; the message names it.
    """
    given = mask_options(options)
    key, api_key = mask_key(api_key), None
    if key is not None:
        given["api_key"] = key
    if given:
        return Client.from_config(configuration().replace(**given))
    with _shared.lock:
        if _shared.client is None:
            made = Client.from_config(_configuration())
            if _shared.client is None:  # otherwise a signal handler has just created it
                _shared.client = made
        return _shared.client


def shutdown_shared_client() -> None:
    """Close the shared client; the next `client()` creates a new one.

    It runs automatically at interpreter exit: before the `atexit` handlers registered before octaspace was
    imported, after those registered later.
    """
    _shut_down()


def _shut_down(reason: str | None = None) -> None:
    with _shared.lock:
        current, _shared.client = _shared.client, None
    if current is not None:
        current._transport.close(*[reason] if reason else [])


def _shut_down_at_exit() -> None:
    _shut_down(_EXITING)


def _configuration() -> Config:
    """The current options. The caller holds the lock."""
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
