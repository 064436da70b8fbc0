"""The options of `octaspace.Config` that a browser may choose, with their meaning and limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from octaspace import Config, ConfigurationError
from octaspace.config import DEFAULTS, convert_option

__all__ = [
    "CODE_ONLY", "GROUPS", "MAX_JSON_VALUES", "MAX_RESPONSE_BYTES", "OPTIONS", "PANEL_BUDGET", "Option",
    "OptionError", "read_option",
]  # fmt: skip

#: Seconds a panel may take unless `total_timeout` says otherwise.
PANEL_BUDGET = 8.0

#: Key and endpoints are chosen as a source; hooks and loggers only code can give, and the level is
#: ours: the attempts shown in pages are read from the log.
_ELSEWHERE = frozenset(
    {"api_key", "base_url", "base_urls", "on_request", "on_response", "logger", "log_level"}
)  # fmt: skip

#: What an answer may cost, in place of the SDK's own limits: a page works on copies of what came, several
#: times as large, and every thread may be doing so. The sandbox's large data set has 58,000 values at most.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
MAX_JSON_VALUES = 250_000

#: Upper limits, so that one browser cannot keep the server's threads or memory to itself.
_MAX = {
    "pool_size": 64,
    "max_retries": 10,
    "max_response_bytes": MAX_RESPONSE_BYTES,
    "max_json_values": MAX_JSON_VALUES,
    "backoff_factor": 10,
    "failure_cooldown": 3600,
    "idle_timeout": 3600,
    "max_connection_age": 86400,
}
_MAX_SECONDS = 100.0

#: Headings of the page, in its order.
GROUPS = ("Connections", "Time limits", "Retry and failover", "Other")

_GROUP_OF = {
    "keep_alive": "Connections",
    "pool_size": "Connections",
    "pool_timeout": "Connections",
    "idle_timeout": "Connections",
    "max_connection_age": "Connections",
    "open_timeout": "Time limits",
    "read_timeout": "Time limits",
    "write_timeout": "Time limits",
    "total_timeout": "Time limits",
    "max_retries": "Retry and failover",
    "retry_interval": "Retry and failover",
    "backoff_factor": "Retry and failover",
    "max_retry_interval": "Retry and failover",
    "max_retry_after": "Retry and failover",
    "failure_cooldown": "Retry and failover",
}


class OptionError(ValueError):
    """What was typed cannot be used; the message is for the field."""


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: Its name, as `Config` takes it.
        default: Its default in the SDK.
        meaning: What it does, from the SDK's own documentation.
        group: Heading it stands under.
        switch: Whether it is on or off, nothing else.
    """

    name: str
    default: Any
    meaning: str
    group: str
    switch: bool

    @property
    def unit(self) -> str:
        """Seconds, bytes, or nothing."""
        if self.name.endswith("_bytes"):
            return "bytes"
        seconds = self.name.endswith(("_timeout", "_interval", "_after", "_cooldown"))
        return "s" if seconds else ""


def _meanings() -> dict[str, str]:
    """Read the attribute lines of `Config`'s docstring, so that the page never tells another story."""
    text = (Config.__doc__ or "").partition("Attributes:")[2]
    found = re.findall(r"^\s{8}(\w+): (.+?)(?=^\s{8}\w+: |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: " ".join(meaning.replace("`", "").split()) for name, meaning in found}


def _options() -> tuple[Option, ...]:
    meanings = _meanings()
    return tuple(
        Option(name, default, meanings.get(name, ""), _GROUP_OF.get(name, "Other"), isinstance(default, bool))
        for name, default in DEFAULTS.items()
    )


_ALL = _options()

OPTIONS = tuple(option for option in _ALL if option.name not in _ELSEWHERE)

#: Those that no form can give; the key and the endpoints are chosen above the others.
CODE_ONLY = tuple(
    option for option in _ALL if option.name in _ELSEWHERE - {"api_key", "base_url", "base_urls"}
)


def read_option(name: str, text: str) -> Any:
    """What was typed, as the option takes it.

    Args:
        name: Name of an option of `OPTIONS`.
        text: As typed; ``none`` for no limit.

    Raises:
        OptionError: It cannot be used.
    """
    try:
        value: Any = convert_option(name, text)
        if name == "ssl_verify" and not isinstance(value, bool):
            raise OptionError("ssl_verify takes true or false here: files of the server are not a browser's")
        chosen: dict[str, Any] = {name: value}
        Config(**chosen)
    except ConfigurationError as error:
        raise OptionError(str(error)) from None
    most = _MAX.get(name, _MAX_SECONDS)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > most:
        words = str(most) if isinstance(most, int) else f"{most:g}"
        raise OptionError(f"{name} can be {words} at most in the playground")
    if value is None and name in ("open_timeout", "read_timeout", "write_timeout", "total_timeout"):
        raise OptionError(f"{name} needs a limit in the playground: a page must not wait without end")
    return value
