"""OctaSpace for Python: rent GPU machines, VPN relays and render nodes over the OctaSpace API.

    import octaspace

    with octaspace.Client("your key") as client:
        print(client.accounts.balance().data)

This package belongs to the distribution Flask-OctaSpace; `__distribution__` says so, for there is an
unrelated distribution that brings a package of the same name.
"""

from . import types
from ._clash import warn_of_mixture
from ._client import Client
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
    NetworkError,
    NotFoundError,
    PermissionError,
    ProvisionRejectedError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    TimeoutError,
    ValidationError,
)
from .money import octa_to_wei, wei_to_octa
from .request import Request
from .response import Response

__distribution__ = "Flask-OctaSpace"

warn_of_mixture(__path__[0])

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadGatewayError",
    "Client",
    "Config",
    "ConfigurationError",
    "ConnectionError",
    "Error",
    "GatewayTimeoutError",
    "InvalidResponseError",
    "NetworkError",
    "NotFoundError",
    "PermissionError",
    "ProvisionRejectedError",
    "RateLimitError",
    "Request",
    "Response",
    "ServerError",
    "ServiceUnavailableError",
    "TimeoutError",
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
