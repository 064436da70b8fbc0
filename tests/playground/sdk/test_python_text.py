"""Values as Python code: it evaluates to the value again, with the modules of the console."""

from __future__ import annotations

import datetime
import decimal
import enum
import importlib
import math
import pathlib
import uuid
from collections import OrderedDict
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from octaspace import Client
from playground.sdk.call import SdkCall
from playground.sdk.python_text import MODULES, python_text, variable_name

NAMES = {name: importlib.import_module(name) for name in MODULES}


class Kind(str, enum.Enum):
    FAST = "fast"


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    """Text with another repr."""

    def __repr__(self) -> str:
        return "<text>"


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, -(2**70), 1.5, 1e300, math.inf, "it's \"quoted\" \\ $HOME `id` \n\x1b[31m\u202e\ud800",
        b"\x00\xff'", bytearray(b"a"), decimal.Decimal("0.10"), decimal.Decimal("NaN"),
        datetime.date(2026, 11, 26), datetime.timedelta(hours=1, microseconds=5), datetime.time(1, 2),
        datetime.datetime(2026, 11, 26, 18, 0, 0, 5), uuid.UUID(int=5), pathlib.Path("a b/c"),
        [1, [None]], (), (1,), (1, "a"), {1}, set(), {"a": {"b": decimal.Decimal(1)}},
        OrderedDict(a=1), MappingProxyType({"a": b"b"}), Kind.FAST, Level.HIGH, [Kind.FAST], Text("plain"),
    ],
)  # fmt: skip
def test_the_code_is_the_value(value: Any) -> None:
    again = eval(python_text(value), dict(NAMES))
    if isinstance(value, decimal.Decimal) and value.is_nan():
        assert again.is_nan()
    else:
        assert again == value


@pytest.mark.parametrize(
    "zone", [datetime.timezone.utc, ZoneInfo("Europe/Kyiv"), datetime.timezone(datetime.timedelta(hours=-3))]
)
def test_the_moment_of_a_time_with_a_zone(zone: datetime.tzinfo) -> None:
    moment = datetime.datetime(2026, 11, 26, 18, tzinfo=zone)
    again = eval(python_text(moment), dict(NAMES))
    assert again == moment
    assert again.utcoffset() == moment.utcoffset()


def test_a_value_without_code_is_a_variable() -> None:
    line = SdkCall("nodes.download_logs", 9, on_progress=print, to=object())
    assert str(line) == "client.nodes.download_logs(9, on_progress=ON_PROGRESS, to=TO)"
    with Client() as client, pytest.raises(NameError, match="ON_PROGRESS"):
        eval(str(line), {"client": client})


def test_a_value_that_is_nested_too_deeply_is_a_variable() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert python_text(deep, "ports") == "PORTS"
    assert str(SdkCall("x.y", ports=[[[[1]]]])) == "client.x.y(ports=[[[[1]]]])"
    while deep:  # Python frees a deep list by recursion
        deep = deep.pop()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("name", "variable"), [("envs", "ENVS"), ("api-key", "API_KEY"), ("7", "VALUE_7"), ("ключ", "VALUE")]
)
def test_names_of_variables(name: str, variable: str) -> None:
    assert variable_name(name) == variable


def test_a_line_names_its_modules() -> None:
    line = SdkCall("x.y", decimal.Decimal("1.5"), at=datetime.date(2026, 1, 2))
    assert str(line) == "client.x.y(decimal.Decimal('1.5'), at=datetime.date(2026, 1, 2))"
