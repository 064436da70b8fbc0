"""The URL of Redis, which may contain a password: no message quotes any part of it.

A password with an unencoded ``@``, ``/``, ``?``, ``#`` or ``%`` gives the URL another meaning: a part of the
password becomes the host, the port, the database or an option, and redis-py's messages repeat each of these.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from redis.connection import URL_QUERY_ARGUMENT_PARSERS

from ..backend import StoreError

__all__ = ["INVALID_URL", "check_url"]

INVALID_URL: Final = (
    "PLAYGROUND_REDIS_URL cannot be used: write redis://user:password@host:port/number (or rediss://, or "
    "unix:///path), with @ : / ? # % of the password as %40 %3A %2F %3F %23 %25"
)

_NETWORK: Final = re.compile(
    r"rediss?://"
    r"(?:[^@/?#\[\]\s]*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::[0-9]{1,5})?"
    r"(?:/[0-9]*)?"
    r"(?:\?(?P<query>[^@#?\s]*))?"
)
_SOCKET: Final = re.compile(r"unix://(?:[^@/?#\s]*@)?/[^@?#\s]+(?:\?(?P<query>[^@#?\s]*))?")
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

#: Options of a connection that a URL may contain, in addition to those redis-py reads as numbers and flags.
_OPTIONS: Final = frozenset(
    {
        *URL_QUERY_ARGUMENT_PARSERS, "username", "password", "client_name",
        "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password",
    }
)  # fmt: skip


def check_url(url: str) -> None:
    """Refuse a URL that may have another meaning than intended.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.

    Raises:
        StoreError: It cannot be used; the message contains no part of it.
    """
    found = _NETWORK.fullmatch(url) or _SOCKET.fullmatch(url)
    if found is None or _BARE_PERCENT.search(url):
        raise StoreError(INVALID_URL)
    names = {name for name, _ in parse_qsl(found["query"] or "", keep_blank_values=True)}
    if not names <= _OPTIONS:
        raise StoreError(INVALID_URL)
