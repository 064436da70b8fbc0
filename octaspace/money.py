"""Convert Wei and OCTA: one OCTA is 10**18 Wei. Exact in both directions; floats are refused."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from .safe_repr import safe_repr

__all__ = ["octa_to_wei", "wei_to_octa"]

_DECIMALS: Final = 18
_WEI_PER_OCTA: Final = 10**_DECIMALS

#: Maximum number of digits on either side of the point. More is not an amount, but could exhaust memory.
_MAX_DIGITS: Final = 1000
_LIMIT: Final = 10**_MAX_DIGITS

_DIGITS: Final = re.compile(rf"[+-]?[0-9]{{1,{_MAX_DIGITS}}}(?:\.[0-9]{{1,{_MAX_DIGITS}}})?")


def wei_to_octa(wei: int | str | Decimal) -> Decimal:
    """Convert an amount in Wei to OCTA, exact at any size and regardless of the decimal context's precision.

        >>> wei_to_octa(1234567890123456789012)
        Decimal('1234.567890123456789012')

    Args:
        wei: A whole number of Wei; negative ones are converted as well.

    Returns:
        OCTA, without trailing zeros.

    Raises:
        ValueError: `wei` is not a whole number, or not an `int`, a `Decimal` or a string of digits.
    """
    amount = _exact("wei", wei)
    if amount.denominator != 1:
        raise ValueError(f"wei must be a whole number, not {safe_repr(wei)}")
    octa, part = divmod(abs(amount.numerator), _WEI_PER_OCTA)
    digits = f"{octa}.{part:0{_DECIMALS}d}".rstrip("0").rstrip(".")
    return Decimal(f"-{digits}" if amount.numerator < 0 else digits)


def octa_to_wei(octa: int | str | Decimal) -> int:
    """Convert an amount in OCTA to Wei, without rounding.

        >>> octa_to_wei("0.1")
        100000000000000000

    Args:
        octa: OCTA with up to 18 decimals, as an `int`, a `Decimal` or a string of digits such as ``"1.5"``.
            A float is refused, because 0.1, for example, is not exactly 0.1.

    Returns:
        Wei.

    Raises:
        ValueError: `octa` has more than 18 decimals, is NaN or infinite, or has another type.
    """
    amount = _exact("octa", octa)
    wei, rest = divmod(amount.numerator * _WEI_PER_OCTA, amount.denominator)
    if rest:
        raise ValueError(f"octa must have at most {_DECIMALS} decimals, not {safe_repr(str(octa))}")
    return wei


def _exact(name: str, value: int | str | Decimal) -> Fraction | int:
    """The exact number. The decimal context, which would round it to its precision, is not used."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError(
            f"{name} must be an int, a Decimal or a string of digits, "
            f"not {safe_repr(value)} ({type(value).__name__})"
        )
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise ValueError(f"{name} must be a string of digits such as '1.5', not {safe_repr(value)}")
        value = Decimal(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{name} must be a finite number, not {value}")
        if value and value.adjusted() >= _MAX_DIGITS:
            raise ValueError(f"{name} must be below 10**{_MAX_DIGITS}")
        if value and value.adjusted() < -_MAX_DIGITS:
            raise ValueError(f"{name} must not be as small as 10**-{_MAX_DIGITS}")
        return Fraction(value) if value else Fraction(0)
    if not -_LIMIT < value < _LIMIT:
        raise ValueError(f"{name} must be below 10**{_MAX_DIGITS}")
    return value
