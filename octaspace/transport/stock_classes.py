"""The original classes of requests and urllib3, even if another library has replaced them.

Recorders and caches (vcrpy, requests-cache) replace classes in those modules with subclasses while they are
active. Our classes must not inherit from those for the rest of the process.
"""

from __future__ import annotations

from typing import Any, Final

import requests
import urllib3.connection

__all__ = ["StockHTTPConnection", "StockHTTPSConnection", "StockSession"]

_REPLACED: Final = (
    "octaspace cannot be used here: urllib3.future, which comes with niquests, has replaced urllib3 in this "
    "environment and has other internals. To use both: pip uninstall -y urllib3-future "
    "urllib3; pip install urllib3; URLLIB3_NO_OVERRIDE=1 pip install niquests --no-binary urllib3-future"
)


def _stock(kind: Any, module: str) -> Any:
    """The class in that module that `kind` is, or inherits from."""
    return next((base for base in kind.__mro__ if base.__module__ == module), kind)


# By module name: a recorder that is active during this import has replaced http.client's class as well.
if not any(base.__module__ == "http.client" for base in urllib3.connection.HTTPConnection.__mro__):
    raise ImportError(_REPLACED, name="urllib3")

StockSession: Final = _stock(requests.Session, "requests.sessions")
StockHTTPConnection: Final = _stock(urllib3.connection.HTTPConnection, "urllib3.connection")
StockHTTPSConnection: Final = _stock(urllib3.connection.HTTPSConnection, "urllib3.connection")
