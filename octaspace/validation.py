"""Checks and conversions of the options of a client, by name."""

from __future__ import annotations

import inspect
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import ConfigurationError
from .observer import Observer
from .rentals.ledger import RentalLedger
from .rentals.ledger_url import parse_ledger_url
from .request import MAX_SECONDS
from .safe_repr import safe_repr
from .secret_values import MaskedUrl, ShortText, type_name
from .suggestion import suggestion

__all__ = ["CHECKS", "CODE_ONLY", "canonical_name", "convert_option", "resolve_alias", "unknown_option"]


def convert_option(name: str, text: str) -> object:
    """Convert a string, as in an environment variable, to a value of the option.

    Args:
        name: Name of an option.
        text: ``"true"``/``"false"`` (also yes, no, on, off, 1, 0) for switches, digits for numbers,
            commas between several URLs, ``"none"`` for no limit.

    Raises:
        ConfigurationError: The option is unknown, cannot be given as a string, or the string is not of its
            type.
    """
    name = canonical_name(name)
    if name not in CHECKS:
        raise unknown_option(name)
    if name in CODE_ONLY:
        raise ConfigurationError(f"{name} cannot be given as text: pass it in code", option=name)
    if name == "base_urls":
        return [MaskedUrl(url) for url in (part.strip() for part in text.split(",")) if url]
    if name in ("api_key", "base_url", "rental_ledger"):
        return text
    lowered = ShortText(text.strip().lower())
    check = CHECKS[name]
    if check is _switch or name == "ssl_verify":
        if lowered in {"1", "true", "yes", "on"}:
            return True
        if lowered in {"0", "false", "no", "off"}:
            return False
        if name == "ssl_verify":
            return text.strip()
        raise ConfigurationError(f"{name} must be true or false, not {safe_repr(text)}", option=name)
    if isinstance(check, _Number):
        if lowered == "none" and check.optional:
            return None
        try:
            return int(lowered) if check.whole else float(lowered)
        except ValueError:
            kind = "a whole number" if check.whole else "a number"
            raise ConfigurationError(f"{name} must be {kind}, not {safe_repr(text)}", option=name) from None
    return text


def canonical_name(name: str) -> str:
    """The name of the option: `persistent` is an alias of `keep_alive`."""
    return "keep_alive" if name == "persistent" else name


def resolve_alias(options: dict[str, Any]) -> None:
    """Replace `persistent` with `keep_alive`. Both may be given if they are equal."""
    if "persistent" in options:
        persistent = _switch("persistent", options.pop("persistent"))
        if options.setdefault("keep_alive", persistent) is not persistent:
            raise ConfigurationError(
                "keep_alive and persistent are the same option and have different values",
                option="keep_alive",
            )


def unknown_option(name: str) -> ConfigurationError:
    """The error for a name that is not an option, with a suggestion."""
    hint = suggestion(name, CHECKS, also=("persistent",))
    return ConfigurationError(f"unknown option {safe_repr(name)}; {hint}", option=name)


def _invalid(name: str, wanted: str, value: object) -> ConfigurationError:
    return ConfigurationError(
        f"{name} must be {wanted}, not {safe_repr(value)} ({type_name(value)})", option=name
    )


class _Number:
    """Check a number: whole or not, its limits, and whether None means no limit."""

    def __init__(
        self,
        kind: str = "a number of seconds",
        *,
        minimum: float = 0,
        maximum: float = MAX_SECONDS,
        exclusive: bool = False,
        optional: bool = False,
    ) -> None:
        self.kind, self.minimum, self.maximum, self.exclusive, self.optional = (
            kind,
            minimum,
            maximum,
            exclusive,
            optional,
        )
        self.whole = kind == "a whole number"

    def __call__(self, name: str, value: object) -> float | None:
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise _invalid(name, self.kind + (" or None" if self.optional else ""), value)
        advice = " (None means no limit)" if self.optional else ""
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{name} must be finite, not {value}{advice}", option=name)
        if value < self.minimum or (self.exclusive and value == self.minimum):
            relation = "greater than" if self.exclusive else "at least"
            raise ConfigurationError(
                f"{name} must be {relation} {self.minimum:g}, not {safe_repr(value)}", option=name
            )
        if value > self.maximum:
            raise ConfigurationError(
                f"{name} must be at most {self.maximum}, not {safe_repr(value)}{advice}", option=name
            )
        return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name, "True or False", value)
    return value


def _key(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string or None, not {type_name(value)}", option=name)
    if not value:
        raise ConfigurationError(f"{name} is empty; pass None for a client without a key", option=name)
    if value != value.strip():
        raise ConfigurationError(
            f"{name} begins or ends with white space or a line break; remove it", option=name
        )
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        raise ConfigurationError(
            f"{name} begins or ends with a quotation mark; give the key without quotes", option=name
        )
    _check_header_value(name, value)
    return value


#: Quotation marks copied with a key from a shell script, a .env file or a document.
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


def _header(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value or value != value.strip():
        raise _invalid(name, "a string without surrounding white space, or None", value)
    _check_header_value(name, value)
    return value


#: A character that no header field can carry: a control character, or one outside latin-1.
_NOT_IN_HEADERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]|[^\x00-\xff]")


def _check_header_value(name: str, value: str) -> None:
    """Allow latin-1 without control characters only. The message names the position, never the value."""
    found = _NOT_IN_HEADERS.search(value)
    if found is None:
        return
    position = found.start() + 1
    if found[0] <= "\xff":
        raise ConfigurationError(f"{name} has a control character at position {position}", option=name)
    raise ConfigurationError(
        f"{name} has a character at position {position} that HTTP headers cannot carry", option=name
    )


def _url(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a URL, not {type_name(value)}", option=name)
    problem = _problem_of_url(value.strip())
    if problem is not None:
        raise ConfigurationError(f"{name} {problem}", option=name)
    return value.strip().rstrip("/")


def _problem_of_url(url: str) -> str | None:
    """Why it cannot be the address of the API, or None.

    The sentence does not repeat the URL, which may contain a password. This function does not raise, so that
    no traceback has its locals.
    """
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        return "contains white space, a backslash or a control character"
    if not url.isascii():
        return "must be ASCII: write the host name in its xn-- form and percent-encode the path"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # The message of the ValueError quotes the port or the host, which may be part of a password.
        reason = "the host cannot be parsed"
        if "out of range" in str(error):
            reason = "Port out of range 0-65535"
        elif "cast to integer" in str(error):
            reason = "the port is not a number"
        hint = "" if "[" in url else "; an IPv6 address goes in brackets: http://[::1]:8080"
        return f"is not a URL: {reason}{hint if url.count(':') > 2 else ''}"
    if parts.scheme not in ("http", "https"):
        return "must start with http:// or https://"
    if "@" in parts.netloc:
        return "must not contain a user name or password; the key belongs in api_key"
    if not parts.hostname:
        return "has no host name"
    if not _AUTHORITY.fullmatch(parts.netloc) or not _is_host(parts):
        return "has an invalid host name or address"
    if port == 0:
        return "has port 0"
    if "%" in parts.netloc:
        return "has an IPv6 zone (%), which an API address does not have; remove it"
    if any(unquote(segment) in (".", "..") for segment in parts.path.split("/")):
        return "has a path with a . or .. segment, which some proxies resolve; remove it"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "must not have a query or a fragment"
    return None


def _is_host(parts: SplitResult) -> bool:
    """Whether the host is a name that can be resolved, or a valid IPv6 address in brackets."""
    name = parts.hostname or ""
    if not parts.netloc.startswith("["):
        labels = name.removesuffix(".").split(".")
        return len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
    try:
        IPv6Address(name.replace("%25", "%"))
    except ValueError:
        return False
    return True


def _urls(name: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise ConfigurationError(f"{name} must be a list of URLs, not {type_name(value)}", option=name)
    if not value:
        raise ConfigurationError(f"{name} is empty; omit it to use base_url", option=name)
    urls = tuple(_url(name, url) for url in value)
    if len(set(urls)) != len(urls):
        raise ConfigurationError(f"{name} contains the same URL twice", option=name)
    return urls


def _verify(name: str, value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise _invalid(name, "True, False or the path of a CA bundle", value)
    path = os.fspath(value)
    if not isinstance(path, str):
        raise _invalid(name, "True, False or the path of a CA bundle", value)
    if not os.path.exists(path):
        raise ConfigurationError(f"{name}: there is no CA bundle at {safe_repr(path)}", option=name)
    return path


def _hook(name: str, value: object) -> Any:
    if value is not None and not callable(value):
        raise _invalid(name, "callable or None", value)
    return value


def _logger(name: str, value: object) -> logging.Logger | None:
    if value is not None and not isinstance(value, (logging.Logger, logging.LoggerAdapter)):
        raise _invalid(name, "a logging.Logger or None", value)
    return value  # type: ignore[return-value]  # an adapter works as well


def _ledger(name: str, value: object) -> MaskedUrl | RentalLedger | None:
    if value is None or isinstance(value, RentalLedger):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{name} must be a URL such as 'sqlite:///rentals.db', or an octaspace.rentals.RentalLedger, not "
            f"{type_name(value)}",
            option=name,
        )
    value = MaskedUrl(value.strip())
    try:
        return parse_ledger_url(value).full_url  # with an absolute path: the directory may change
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}", option=name) from None


def _observers(name: str, value: object) -> tuple[Observer, ...]:
    if not isinstance(value, (list, tuple)):
        raise _invalid(name, "a list of observers", value)
    for observer in value:
        problem = _problem_of(observer)
        if problem is not None:
            raise ConfigurationError(
                f"{name} must contain octaspace.Observer objects: {safe_repr(observer)} {problem}",
                option=name,
            )
    return tuple(value)


def _problem_of(observer: object) -> str | None:
    """Why it is not an observer, or None."""
    if isinstance(observer, type):
        return "is a class: pass an object of it"
    for method in _OBSERVER_METHODS:
        found = getattr(observer, method, None)
        if not callable(found):
            return f"has no {method}()"
        if inspect.iscoroutinefunction(found):
            return f"has a {method}() that is async: observers run in the thread of the call"
    return None


_OBSERVER_METHODS: Final = ("call_started", "attempt_finished", "call_finished")


def _level(name: str, value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= sys.maxsize:
        return value
    if not isinstance(value, str) or not isinstance(logging.getLevelName(value.upper()), int):
        raise _invalid(name, "a level such as 'debug', 'info' or 'warning'", value)
    return value


#: Options that can be set in code only.
CODE_ONLY: Final = frozenset({"on_request", "on_response", "logger", "observers"})

#: A host name or an IPv6 address in brackets, and optionally a port.
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._-]+)(:[0-9]+)?")

_SECONDS: Final = _Number()
_LIMIT: Final = _Number(exclusive=True, optional=True)


def _whole(minimum: int) -> _Number:
    return _Number("a whole number", minimum=minimum, maximum=sys.maxsize)


CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "api_key": _key,
    "base_url": _url,
    "base_urls": _urls,
    "keep_alive": _switch,
    "pool_size": _whole(1),
    "pool_timeout": _Number(optional=True),
    "idle_timeout": _Number(optional=True),
    "open_timeout": _LIMIT,
    "read_timeout": _LIMIT,
    "write_timeout": _LIMIT,
    "max_retries": _whole(0),
    "retry_interval": _SECONDS,
    "backoff_factor": _Number("a number", maximum=sys.maxsize),
    "max_retry_interval": _SECONDS,
    "total_timeout": _LIMIT,
    "max_retry_after": _SECONDS,
    "failure_cooldown": _SECONDS,
    "max_response_bytes": _whole(1),
    "max_json_values": _whole(1),
    "ssl_verify": _verify,
    "on_request": _hook,
    "on_response": _hook,
    "logger": _logger,
    "log_level": _level,
    "user_agent": _header,
    "max_connection_age": _LIMIT,
    "observers": _observers,
    "cache_ttl": _SECONDS,
    "cache_stale": _SECONDS,
    "cache_max_bytes": _whole(1),
    "rental_ledger": _ledger,
}
