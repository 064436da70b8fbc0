"""The options of `octaspace.Config` that a browser may change, with their help texts and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from octaspace import Config, ConfigurationError
from octaspace.config import DEFAULTS
from octaspace.validation import convert_option

__all__ = [
    "CACHE_MAX_BYTES", "CACHE_TTL", "CODE_ONLY", "GROUPS", "MAX_JSON_VALUES", "MAX_RESPONSE_BYTES", "OPTIONS",
    "PANEL_BUDGET", "Option", "OptionError", "parse_option",
]  # fmt: skip

#: Seconds a panel may take unless `total_timeout` says otherwise.
PANEL_BUDGET = 8.0

#: Not in the form: the key and the endpoints belong to the API target; hooks, observers and loggers can be
#: given in code only; the log of this server and the rental ledger belong to the operator.
_NOT_IN_FORM = frozenset(
    {
        "api_key", "base_url", "base_urls", "on_request", "on_response", "logger", "log_level",
        "observers", "rental_ledger",
    }
)  # fmt: skip

#: Limits of an answer that replace the SDK's: a page makes copies of the answer that are several times as
#: large, and every thread may do so at once. The sandbox's large data set has at most 58,000 values.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
MAX_JSON_VALUES = 250_000

#: Catalogue pages show answers up to this age in seconds, so that filtering and sorting is one request.
CACHE_TTL = 10

#: Each of up to 32 clients of a worker has a cache. The largest list of the sandbox has 1.2 MB.
CACHE_MAX_BYTES = 4 * 1024 * 1024

#: Upper limits, so that one browser cannot use up the server's threads or memory.
_MAX = {
    "pool_size": 64,
    "max_retries": 10,
    "max_response_bytes": MAX_RESPONSE_BYTES,
    "max_json_values": MAX_JSON_VALUES,
    "backoff_factor": 10,
    "failure_cooldown": 3600,
    "idle_timeout": 3600,
    "cache_ttl": 600,
    "cache_stale": 3600,
    "cache_max_bytes": CACHE_MAX_BYTES,
    "max_connection_age": 86400,
}
_MAX_SECONDS = 100.0

#: Headings of the page, in its order.
GROUPS = ("Connections", "Time limits", "Retry and failover", "Cache", "Other")

#: Heading and help text of each option, as the settings page and the diagnostics page show them.
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "api_key": ("Other", "Key sent in Authorization; None for a client that makes public calls only."),
    "base_url": ("Other", "The API's address, used when base_urls is None."),
    "base_urls": ("Other", "Several addresses of the same API, for rotation and failover."),
    "keep_alive": (
        "Connections", "Keep connections open between requests. persistent is an alias.",
    ),
    "pool_size": ("Connections", "Maximum number of connections per endpoint with keep_alive."),
    "pool_timeout": ("Connections", "Maximum wait for a free connection."),
    "idle_timeout": (
        "Connections", "A connection unused for longer than this is closed instead of reused.",
    ),
    "max_connection_age": (
        "Connections",
        "A connection older than this is closed instead of reused, so that a host name that has moved to "
        "another machine is resolved again.",
    ),
    "open_timeout": ("Time limits", "Limit for connecting, TLS handshake included."),
    "read_timeout": ("Time limits", "Limit for each wait for data."),
    "write_timeout": ("Time limits", "Limit for sending the request."),
    "total_timeout": (
        "Time limits", "Limit for a whole call: attempts, bodies, decoding and waits together.",
    ),
    "max_retries": ("Retry and failover", "How often a call may wait and try again."),
    "retry_interval": ("Retry and failover", "Wait before the first retry."),
    "backoff_factor": ("Retry and failover", "Each further wait is this many times longer."),
    "max_retry_interval": (
        "Retry and failover",
        "Maximum wait before a retry, before its random factor of 0.5 to 1.5. For a Retry-After it is "
        "max_retry_after.",
    ),
    "max_retry_after": ("Retry and failover", "A longer Retry-After is not waited for."),
    "failure_cooldown": ("Retry and failover", "How long a failed endpoint is skipped (cooldown)."),
    "cache_ttl": (
        "Cache",
        "Age up to which catalogue pages (Services, Apps, Network, Dashboard) show a kept answer; 0 for no "
        "cache. Everything else always asks the API.",
    ),
    "cache_stale": ("Cache", "How much longer a kept answer is shown when the API fails."),
    "cache_max_bytes": ("Cache", "Maximum size of the kept answers together."),
    "max_response_bytes": ("Other", "Largest body that is read into memory, after decompression."),
    "max_json_values": (
        "Other",
        "Maximum number of values in the JSON of a body: lists, objects and their contents. They are counted "
        "before the JSON is parsed.",
    ),
    "ssl_verify": ("Other", "Verify certificates; or the path of a CA bundle, file or directory."),
    "on_request": (
        "Other", "Called with dict(method=, path=, params=) once per call, before it is sent.",
    ),
    "on_response": ("Other", "Called with the final Response once per call, error statuses included."),
    "observers": ("Other", "Objects that are told about each call and each attempt."),
    "logger": ("Other", "Where to log; the logger octaspace by default."),
    "log_level": ("Other", "Level of the line written for each attempt."),
    "rental_ledger": (
        "Other", "URL of the ledger in which rentals are recorded, so that a reaper can stop them.",
    ),
    "user_agent": ("Other", "The User-Agent header; names this package by default."),
}  # fmt: skip


class OptionError(ValueError):
    """The typed value cannot be used; the message is shown at the field."""


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: Its name, as `Config` takes it.
        default: Its default in the SDK.
        meaning: Its help text.
        group: Heading of its section.
        switch: Whether it is a boolean.
    """

    name: str
    default: Any
    meaning: str
    group: str
    switch: bool

    @property
    def unit(self) -> str:
        """``"s"``, ``"bytes"`` or an empty text."""
        if self.name.endswith("_bytes"):
            return "bytes"
        seconds = self.name.endswith(
            ("_timeout", "_interval", "_after", "_cooldown", "_ttl", "_stale", "_age")
        )
        return "s" if seconds else ""


def _option(name: str, default: Any) -> Option:
    group, meaning = _TEXTS[name]
    return Option(name, default, meaning, group, isinstance(default, bool))


_ALL = tuple(_option(name, default) for name, default in DEFAULTS.items())

OPTIONS = tuple(option for option in _ALL if option.name not in _NOT_IN_FORM)

#: Options that can be set in code only; the key and the endpoints have their own form.
CODE_ONLY = tuple(
    option for option in _ALL if option.name in _NOT_IN_FORM - {"api_key", "base_url", "base_urls"}
)


def parse_option(name: str, text: str) -> Any:
    """Parse a typed value of an option.

    Args:
        name: Name of an option of `OPTIONS`.
        text: As typed; ``none`` for no limit.

    Raises:
        OptionError: It cannot be used.
    """
    try:
        value: Any = convert_option(name, text)
        if name == "ssl_verify" and not isinstance(value, bool):
            raise OptionError("ssl_verify takes true or false here: a browser cannot name server files")
        chosen: dict[str, Any] = {name: value}
        Config(**chosen)
    except ConfigurationError as error:
        raise OptionError(str(error)) from None
    limit = _MAX.get(name, _MAX_SECONDS)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > limit:
        text = str(limit) if isinstance(limit, int) else f"{limit:g}"
        raise OptionError(f"{name} can be at most {text} in the playground")
    if value is None and name in ("open_timeout", "read_timeout", "write_timeout", "total_timeout"):
        raise OptionError(f"{name} needs a limit in the playground: a page must not wait without a limit")
    return value
