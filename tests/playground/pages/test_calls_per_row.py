"""The work of long tables, counted in calls of Python functions, which do not depend on the machine."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from octaspace.sandbox import SandboxServer

from ..browsing import Visitor


@pytest.mark.parametrize(
    ("page", "most"),
    [
        ("nodes", 140),
        ("sessions", 450),
        ("sessions?tab=recent", 170),
        ("services", 290),
        ("services?tab=vpn", 340),
        ("services?tab=render", 390),
    ],
)
def test_a_page_with_many_rows_makes_few_calls_for_each(
    visitor: Visitor, sandbox: SandboxServer, page: str, most: int
) -> None:
    sandbox.reset(dataset="large")
    visitor.get(f"/playground/{page}")  # compiles the templates
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        answer = visitor.get(f"/playground/{page}")
    finally:
        sys.setprofile(before)
    rows = answer.text.partition("<tbody>")[2].partition("</tbody>")[0].count("<tr")
    assert rows > 100
    assert calls / rows < most
