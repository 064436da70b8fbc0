"""The time after which a rental is stopped, as hours that a person types."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

__all__ = ["DEFAULT_HOURS", "parse_hours"]

#: Where a rental may cost money, unless the browser chose another value.
DEFAULT_HOURS: Final = "4"

#: Ten years: the limit of the SDK.
_MAX_HOURS: Final = 87_600

_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?|\.[0-9]{1,20}")


def parse_hours(text: str) -> int | float | None:
    """Read hours.

    Args:
        text: As typed; decimals have a point.

    Returns:
        Seconds, as a whole number where possible; None for an empty text.

    Raises:
        ValueError: It is not a number of hours, or out of range.
    """
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise ValueError(f"Enter a number of hours, such as 4 or 0.5, not {text[:40]!r}.")
    hours = Decimal(text)
    if not 0 < hours <= _MAX_HOURS:
        raise ValueError(f"Enter more than 0 and at most {_MAX_HOURS} hours, not {text[:40]}.")
    seconds = hours * 3600
    return int(seconds) if seconds == int(seconds) else float(seconds)
