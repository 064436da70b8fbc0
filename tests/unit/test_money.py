"""Wei and OCTA, exact in both directions."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import octaspace
from octaspace.money import octa_to_wei, wei_to_octa


@pytest.mark.parametrize(
    ("wei", "octa"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (10**18, "1"),
        (100 * 10**18, "100"),
        (1_234_567_890_123_456_789_012, "1234.567890123456789012"),
        (-15 * 10**17, "-1.5"),
        (-1, "-0.000000000000000001"),
    ],
)
def test_known_amounts(wei: int, octa: str) -> None:
    assert wei_to_octa(wei) == Decimal(octa)
    assert octa_to_wei(Decimal(octa)) == wei
    assert octa_to_wei(octa) == wei


def test_octa_is_readable() -> None:
    assert str(wei_to_octa(1_500_000_000_000_000_000)) == "1.5"
    assert str(wei_to_octa(100 * 10**18)) == "100"


def test_both_are_public() -> None:
    assert octaspace.wei_to_octa is wei_to_octa
    assert octaspace.octa_to_wei is octa_to_wei


@pytest.mark.parametrize("precision", [1, 6, 28])
def test_the_decimal_context_changes_nothing(precision: int) -> None:
    with decimal.localcontext() as context:
        context.prec = precision
        context.traps[decimal.Inexact] = True
        octa = wei_to_octa(2**256)
        assert octa_to_wei(octa) == 2**256
    assert str(octa) == "115792089237316195423570985008687907853269984665640564039457.584007913129639936"


@given(st.integers(min_value=-(2**300), max_value=2**300))
def test_round_trip(wei: int) -> None:
    octa = wei_to_octa(wei)
    assert isinstance(octa, Decimal)
    assert octa_to_wei(octa) == octa_to_wei(f"{octa:f}") == wei


@pytest.mark.parametrize("given_wei", ["42", "+42", Decimal(42), Decimal("42.000"), Decimal("4.2E+1")])
def test_wei_may_come_as_digits_or_decimal(given_wei: Any) -> None:
    assert wei_to_octa(given_wei) == Decimal("42E-18")


@pytest.mark.parametrize(
    ("octa", "wei"),
    [
        (3, 3 * 10**18),
        ("007", 7 * 10**18),
        (Decimal("1E+3"), 10**21),
        (Decimal("0E+999999999"), 0),
        (Decimal("1.50000000000000000000000"), 15 * 10**17),
    ],
)
def test_octa_may_come_in_several_ways(octa: Any, wei: int) -> None:
    assert octa_to_wei(octa) == wei


@pytest.mark.parametrize("convert", [wei_to_octa, octa_to_wei])
@pytest.mark.parametrize(
    "value",
    [
        1.5, 0.1, 1e18, float("nan"), float("inf"), True, False, None, b"1", [1], object(),
        "", " 1", "1 ", "1_000", "1e3", "0x10", "one", "1,5", "1.", ".5", "NaN", "Infinity", "--1", "٣",
        Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity"),
        Decimal("1E+999999"), Decimal("1E-999999"), 10**1001, -(10**1001), "9" * 1001,
    ],
)  # fmt: skip
def test_inexact_amounts_are_refused(convert: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^(wei|octa) must "):
        convert(value)


def test_the_message_names_the_value_and_its_type() -> None:
    with pytest.raises(ValueError, match=r"octa must be an int, a Decimal .* not 0\.1 \(float\)"):
        octa_to_wei(0.1)  # type: ignore[arg-type]


def test_a_fraction_of_a_wei_is_refused() -> None:
    for octa in ("0.0000000000000000001", Decimal("1.1234567890123456789"), Decimal("1E-19")):
        with pytest.raises(ValueError, match="at most 18 decimals"):
            octa_to_wei(octa)
    for wei in ("0.5", Decimal("1.000000000000000001")):
        with pytest.raises(ValueError, match="wei must be a whole number"):
            wei_to_octa(wei)
