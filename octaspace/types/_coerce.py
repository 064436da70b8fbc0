"""Convert one JSON value, in any of the API's formats, to a Python value.

Every function takes a value that is not None and returns None when it cannot read it. No function raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from ..json_values import parse_nested
from ..money import octa_to_wei
from ._scalars import WHOLE, flag, integer, number, text

__all__ = [
    "bandwidth",
    "day",
    "decimal",
    "env",
    "flag",
    "integer",
    "json_text",
    "mapping",
    "moment",
    "number",
    "octa_as_wei",
    "port",
    "ports",
    "ten_thousandths",
    "text",
    "wei",
]

#: A larger amount of OCTA cannot exist: there are about 42 million OCTA.
_WEI_FOR_CERTAIN: Final = 10**12

#: Q4: above it the unit is bytes per second; 1 Mbit/s is 125000 bytes per second.
_MAX_MBITS: Final = 100_000
_BYTES_PER_MBIT: Final = 125_000

#: Q9: below it the unit is seconds, above it milliseconds.
_MAX_SECONDS: Final = 10**10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: Date; time; fraction of a second of any length; zone.
_ISO: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,]([0-9]+))?)?"
    r" ?(?:[Zz]|([+-][0-9]{2}):?([0-9]{2})?)?"
)

#: Q21: year, month and day; month and day may have one digit.
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")

_MAX_PORT: Final = 65_535


def decimal(value: Any) -> Decimal | None:
    """Return a number exactly as in the JSON: 0.1 is Decimal("0.1")."""
    if isinstance(value, str):
        return Decimal(value) if number(value) is not None else None
    read = number(value)
    return None if read is None else Decimal(repr(read))


def ten_thousandths(value: Any) -> Decimal | None:
    """Return USD from an integer in 1/10000 USD (Q5). A fraction is not read: its unit is unknown."""
    read = integer(value)
    return None if read is None else Decimal(f"{read}e-4")


def wei(value: Any) -> int | None:
    """Return money in Wei (Q8): an integer or a string of digits is Wei, a number with decimals is OCTA.

    A whole number that the JSON has as a float (``100.0``, ``1.5e+21``) is also OCTA, unless there cannot be
    so many OCTA.
    """
    if _is_integer(value) or (isinstance(value, str) and WHOLE.fullmatch(value)):
        return integer(value)
    amount = decimal(value)
    if amount is None:
        return None
    certain = not -_WEI_FOR_CERTAIN < amount < _WEI_FOR_CERTAIN
    if certain and amount == amount.to_integral_value():
        return int(amount)
    return octa_as_wei(value)


def octa_as_wei(value: Any) -> int | None:
    """Return money in Wei from a number of OCTA, such as the ``*_ether`` fields (Q5)."""
    amount = decimal(value)
    if amount is None:
        return None
    try:
        return octa_to_wei(amount)
    except ValueError:
        return None


def bandwidth(value: Any) -> float | None:
    """Return Mbit/s (Q4, Q23): a value above 100000 is in bytes per second. It may be a numeric string."""
    read = number(value)
    if read is None or read < 0:
        return None
    return read / _BYTES_PER_MBIT if read > _MAX_MBITS else read


def moment(value: Any) -> datetime | None:
    """Return a time in UTC (Q9) from milliseconds or seconds since 1970, or ISO 8601, by default in UTC.

    A number below 0 is not read: the API has no times before 1970, so it has another meaning.
    """
    since_1970 = number(value)
    try:
        if since_1970 is None:
            return _iso(value) if isinstance(value, str) else None
        if since_1970 < 0:
            return None
        if since_1970 < _MAX_SECONDS:
            return _EPOCH + timedelta(seconds=since_1970)
        return _EPOCH + timedelta(milliseconds=since_1970)
    except (ValueError, OverflowError):
        return None


def day(value: Any) -> date | None:
    """Return a date from text with or without leading zeros (Q21): "2026-8-10"."""
    match = _DAY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def port(value: Any) -> int | None:
    """Return a port number, 0 to 65535."""
    read = integer(value)
    return read if read is not None and 0 <= read <= _MAX_PORT else None


def json_text(value: str) -> Any:
    """Return the value of JSON text; None when it is not JSON or exceeds the limit of values."""
    try:
        return parse_nested(value)
    except ValueError:
        return None


def ports(value: Any) -> tuple[int, ...] | None:
    """Return port numbers from a list or from its JSON text (Q3); an empty string is an empty list."""
    if isinstance(value, str):
        value = json_text(value) if value.strip() else ()
    if not isinstance(value, (list, tuple)):
        return None
    read = [port(each) for each in value]
    known = tuple(each for each in read if each is not None)
    return known if len(known) == len(read) else None


def mapping(value: Any) -> Mapping[Any, Any] | None:
    """Return an object, also from its JSON text (Q31); an empty string or list is an empty object."""
    if isinstance(value, str):
        value = json_text(value) if value.strip() else {}
    if isinstance(value, Mapping):
        return value
    return {} if isinstance(value, (list, tuple)) and not value else None


def env(value: Any) -> str | None:
    """Return an environment variable as text (Q27): ``true`` for True, ``3`` for 3, empty for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    read = number(value)
    # JSON does not distinguish 3 and 3.0; the other clients write 3.
    return None if read is None else repr(int(read) if read == int(read) else read)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _iso(value: str) -> datetime | None:
    """Parse what `datetime.fromisoformat` accepts since Python 3.11, and fractions of any length."""
    match = _ISO.fullmatch(value.strip())
    if match is None:
        return None
    date, time, fraction, hours, minutes = match.groups()
    micro = f".{fraction[:6]:0<6}" if fraction else ""
    zone = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    read = datetime.fromisoformat(f"{date}T{time or '00:00'}{micro}{zone}")
    return read.astimezone(timezone.utc)
