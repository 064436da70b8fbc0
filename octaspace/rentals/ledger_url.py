"""The URL of a ledger: `sqlite:///path`, `redis://host/0`, `rediss://host/0`."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from ..secret_values import MaskedUrl
from ..suggestion import suggestion

__all__ = ["DEFAULT_LEASE", "DEFAULT_RECONCILE_TIMEOUT", "LedgerAddress", "parse_ledger_url"]

#: Seconds that a rental outlives the last sign of life of its owner.
DEFAULT_LEASE: Final = 90.0
#: Seconds after which a rental that is not found in the API's list was not made.
DEFAULT_RECONCILE_TIMEOUT: Final = 120.0

_SUPPORTED: Final = "sqlite:///path/to/rentals.db, redis://host:6379/0 and rediss://host:6379/0 are supported"
_OPTIONS: Final = {"lease": DEFAULT_LEASE, "reconcile_timeout": DEFAULT_RECONCILE_TIMEOUT}

#: A shorter lease would end by a short pause of the process.
_MIN_SECONDS: Final = 0.5
_MAX_SECONDS: Final = 86400.0

#: A password with an unencoded @, /, ?, # or % would become the host, the database or an option.
_REDIS: Final = (
    r"(?P<address>rediss?://(?:[^@/?#\[\]\s]*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?:/[0-9]{0,5})?)"
    r"(?:\?(?P<query>[^@#?\s]*))?"
)
_BARE_PERCENT: Final = r"%(?![0-9A-Fa-f]{2})"


@dataclass(frozen=True, slots=True, repr=False)
class LedgerAddress:
    """A parsed URL.

    Attributes:
        url: The URL, with an absolute path and without our options.
        path: The file of SQLite; None for Redis.
        lease: Seconds that a rental outlives the last sign of life of its owner.
        reconcile_timeout: Seconds after which a rental that is not found was not made.
    """

    url: MaskedUrl
    path: str | None
    lease: float
    reconcile_timeout: float

    @property
    def full_url(self) -> MaskedUrl:
        """The URL with the options that differ from their defaults."""
        given = {"lease": self.lease, "reconcile_timeout": self.reconcile_timeout}
        query = "&".join(
            f"{name}={_seconds(value)}" for name, value in given.items() if value != _OPTIONS[name]
        )
        separator = "&" if "?" in self.url else "?"
        return MaskedUrl(f"{self.url}{separator}{query}" if query else self.url)


def parse_ledger_url(url: str) -> LedgerAddress:
    """Parse the URL of a ledger. Opens nothing.

    Args:
        url: ``sqlite:///relative/path``, ``sqlite:////absolute/path``, ``redis://…`` or ``rediss://…``; with
            the options ``?lease=90&reconcile_timeout=120`` in seconds.

    Raises:
        ValueError: It is none of these; the message says what is supported and repeats no password.
    """
    url = MaskedUrl(url)  # frames keep their locals
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _sqlite(url)
    if scheme in ("redis", "rediss"):
        return _redis(url)
    raise ValueError(f"this is not the URL of a rental ledger: {_SUPPORTED}")


def _sqlite(url: str) -> LedgerAddress:
    rest, _, query = url.partition("?")
    if not rest.startswith("sqlite:///") or b"\0" in unquote_to_bytes(rest):
        raise ValueError(
            "the URL of a SQLite ledger has three slashes and a path: sqlite:///rentals.db, or four for an "
            "absolute path: sqlite:////var/lib/app/rentals.db"
        )
    path = os.fsdecode(unquote_to_bytes(rest[len("sqlite:///") :]))
    if not path or path.endswith("/") or path == ":memory:":
        raise ValueError("the URL of a SQLite ledger needs the path of a file: a ledger outlives its process")
    path = os.path.abspath(path)
    options, others = _options(query)
    if others:
        raise ValueError(f"a rental ledger has no option {others[0]!r}; {suggestion(others[0], _OPTIONS)}")
    return LedgerAddress(MaskedUrl(f"sqlite:///{quote(os.fsencode(path))}"), path, **options)


def _redis(url: MaskedUrl) -> LedgerAddress:
    parts = _parts(url)
    if parts is None or re.search(_BARE_PERCENT, url) or not url.isprintable():
        raise ValueError(
            "the URL of a Redis ledger cannot be used: write redis://host:6379/0 or "
            "rediss://user:password@host:6379/0, with @ : / ? # % of the password as %40 %3A %2F %3F %23 %25"
        )
    address, port, query = parts
    if not 0 < port < 65536:
        raise ValueError("the port of a Redis ledger's URL is a number from 1 to 65535")
    options, others = _options(query)
    if others:  # without its name, which may be a part of a password
        raise ValueError(f"a Redis ledger's URL has an unknown option; the options are {', '.join(_OPTIONS)}")
    return LedgerAddress(address, None, **options)


def _parts(url: MaskedUrl) -> tuple[MaskedUrl, int, str] | None:
    """The address, the port and the query; a match would show the password in a frame's locals."""
    found = re.fullmatch(_REDIS, url)
    if found is None:
        return None
    return MaskedUrl(found["address"]), int(found["port"] or "1"), found["query"] or ""


def _options(query: str) -> tuple[dict[str, float], list[str]]:
    """Our options, and the names of all others."""
    options, others = dict(_OPTIONS), []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            others.append(name)
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not _MIN_SECONDS <= value <= _MAX_SECONDS:
            raise ValueError(
                f"{name} of a rental ledger is a number of seconds from {_MIN_SECONDS:g} to "
                f"{_MAX_SECONDS:g}, not {text[:40]!r}"
            )
        options[name] = value
    return options, others


def _seconds(value: float) -> str:
    return repr(value).removesuffix(".0")
