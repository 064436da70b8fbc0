"""Formats values for pages: amounts, sizes, durations and times.

Unknown values are "—"; zero is 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask
from markupsafe import Markup

from octaspace import wei_to_octa

__all__ = [
    "INVISIBLE", "UNKNOWN", "amount", "bytes_text", "duration", "init_app", "iso", "octa",
    "query_text", "seconds", "severity_icon", "sort_key", "truncated", "usd", "utc", "visible",
    "without_surrogates",
]  # fmt: skip

UNKNOWN: Final = "—"

#: Icons of states by severity.
_ICONS: Final = {"good": "check-circle", "warn": "hourglass-split", "bad": "x-circle", "idle": "dash-circle"}

_SIZES: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def amount(value: Any, digits: int | None = None) -> str:
    """A number with narrow spaces between groups: 1 234 567.8; at most `digits` decimal places."""
    if value is None or isinstance(value, bool):
        return UNKNOWN
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if not isinstance(value, (float, Decimal)) or value != value:
        return UNKNOWN
    text = f"{value:,.{2 if digits is None else digits}f}"
    if "." in text and digits is None:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", "\u202f")


def octa(wei: Any, digits: int = 4) -> str:
    """Wei as OCTA, computed without floats."""
    if not isinstance(wei, int) or isinstance(wei, bool):
        return UNKNOWN
    return f"{amount(wei_to_octa(wei), digits)} OCTA"


def usd(value: Any, digits: int = 2) -> str:
    """US dollars."""
    if value is None or isinstance(value, (bool, str)):
        return UNKNOWN
    return f"${amount(value if isinstance(value, Decimal) else Decimal(str(value)), digits)}"


def to_usd(wei: Any, market_price: Any) -> Decimal | None:
    """Wei in US dollars at a price per OCTA, or None when one of them is unknown."""
    if not isinstance(wei, int) or not isinstance(market_price, (int, float)):
        return None
    price: Decimal = wei_to_octa(wei) * Decimal(str(market_price))
    return price


def bytes_text(value: Any) -> str:
    """A size in decimal units."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return UNKNOWN
    size, unit = float(value), 0
    while size >= 1000 and unit < len(_SIZES) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} B" if unit == 0 else f"{size:.{0 if size >= 100 else 1}f} {_SIZES[unit]}"


def duration(value: Any) -> str:
    """A duration in seconds as text: 2 d 3 h, 4 h 05 min, 3 min 20 s, 12 s."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return UNKNOWN
    whole = max(0, int(value))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min {left:02d} s"
    return f"{left} s"


def seconds(value: Any) -> str:
    """Duration of a call in seconds as text: 8 ms, 1.24 s."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms" if value >= 0.001 else "<1 ms"
    return f"{value:.2f} s"


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, timezone.utc)
    return None


def iso(value: Any) -> str:
    """A time for `<time datetime>`."""
    moment = _moment(value)
    return moment.isoformat(timespec="milliseconds") if moment else ""


def utc(value: Any) -> str:
    """A time as text in UTC; a script converts it to local time."""
    moment = _moment(value)
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else UNKNOWN


def known(value: Any) -> Any:
    """The value itself, or "—" when it is unknown."""
    return UNKNOWN if value is None or value == "" else value


def severity_icon(severity: str) -> str:
    """The icon of a state that is ``good``, ``warn``, ``bad`` or ``idle``."""
    return _ICONS[severity]


def sort_key(value: Any) -> Any:
    """A number as the sort key of a cell; empty when it is unknown."""
    return "" if value is None else value


def truncated(text: str, length: int, end: str = "...") -> str:
    """A text of `length` characters or up to five more: the same as the filter `truncate(length, true)`."""
    return text if len(text) <= length + 5 else text[: length - len(end)] + end


def option_text(value: Any) -> str:
    """An option's value as it is typed in Settings."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def query_text(params: Mapping[str, Any]) -> str:
    """Parameters as a URL query. Jinja's own `urlencode` fails on lone surrogates."""
    return urlencode(params, errors="replace")


def pretty_json(value: Any) -> str:
    """Indented JSON with exact integers and without escapes of non-ASCII characters."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=repr)


#: Invisible characters, and those that change the text direction.
INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ud800-\udfff\ufeff]"
)

#: Lone surrogates: JSON can contain them, UTF-8 cannot.
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def visible(value: Any) -> Any:
    """A value with invisible and direction-changing characters replaced by U+FFFD, for templates."""
    if isinstance(value, str) and not value.isprintable() and not isinstance(value, Markup):
        return INVISIBLE.sub("\ufffd", value)
    return value


def without_surrogates(text: str) -> str:
    """The text with U+FFFD in place of each lone surrogate, so that it can be encoded as UTF-8."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def init_app(app: Flask) -> None:
    """Register the filters of templates."""
    app.jinja_env.finalize = visible
    filters: dict[str, Callable[..., Any]] = {
        "amount": amount, "octa": octa, "usd": usd, "to_usd": to_usd, "bytes": bytes_text,
        "duration": duration, "seconds": seconds, "iso": iso, "utc": utc, "known": known,
        "severity_icon": severity_icon,
        "pretty_json": pretty_json, "option_text": option_text, "urlencode": query_text,
    }  # fmt: skip
    app.jinja_env.filters.update(filters)
