"""OctaSpace for Python: rent GPU machines, VPN relays and render nodes over the OctaSpace API.

    import octaspace

    with octaspace.Client("your key") as client:
        print(client.accounts.balance().data)

This package belongs to the distribution Flask-OctaSpace, which `__distribution__` names: an unrelated
distribution installs a package of the same name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._client import Client
from ._install_check import warn_on_conflict
from ._shared import client, configuration, configure, reset_configuration, shutdown_shared_client
from ._version import __version__
from .config import Config
from .errors import (
    ApiError,
    AuthenticationError,
    BadGatewayError,
    ConfigurationError,
    ConnectionError,
    Error,
    GatewayTimeoutError,
    InvalidResponseError,
    LeaseLostError,
    NetworkError,
    NotFoundError,
    PermissionError,
    ProvisionRejectedError,
    RateLimitError,
    RentalLedgerError,
    ServerError,
    ServiceUnavailableError,
    TimeoutError,
    UnexpectedShapeError,
    ValidationError,
)
from .observer import AttemptFinished, CallFinished, CallStarted, Observer
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from . import types
    from .money import octa_to_wei, wei_to_octa

__distribution__ = "Flask-OctaSpace"

warn_on_conflict(__path__[0])

__all__ = [
    "ApiError",
    "AttemptFinished",
    "AuthenticationError",
    "BadGatewayError",
    "CallFinished",
    "CallStarted",
    "Client",
    "Config",
    "ConfigurationError",
    "ConnectionError",
    "Error",
    "GatewayTimeoutError",
    "InvalidResponseError",
    "LeaseLostError",
    "NetworkError",
    "NotFoundError",
    "Observer",
    "PermissionError",
    "ProvisionRejectedError",
    "RateLimitError",
    "RentalLedgerError",
    "Request",
    "Response",
    "ServerError",
    "ServiceUnavailableError",
    "TimeoutError",
    "UnexpectedShapeError",
    "ValidationError",
    "__distribution__",
    "__version__",
    "client",
    "configuration",
    "configure",
    "octa_to_wei",
    "reset_configuration",
    "shutdown_shared_client",
    "types",
    "wei_to_octa",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: decimal and the types would be a third of the time of `import octaspace`.
    if name == "types":
        return import_module(".types", __name__)
    if name in ("octa_to_wei", "wei_to_octa"):
        return getattr(import_module(".money", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
