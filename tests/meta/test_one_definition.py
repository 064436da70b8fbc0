"""Definitions that must exist in one file only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("octaspace", "flask_octaspace", "playground")


@pytest.mark.parametrize(
    "pattern",
    [
        r"get_close_matches\(",
        r"self\.method in \w+ and bool\(self\.repeatable\)|\(\"GET\", \"HEAD\"\) and .*repeatable",
        r"\[\"Content-Disposition\"\] =",
        r"copy_context\(\)",
        r"\bcall\.row\(",
    ],
)
def test_pattern_is_in_one_file(pattern: str) -> None:
    """The sandbox is independent and not included."""
    files = [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")]
    own = [path for path in files if "sandbox" not in path.relative_to(ROOT).parts]
    assert len(own) > 100
    found = [path for path in own if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert len(found) == 1, found
