"""The table of docs/compatibility.md matches the tests of other software."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.software.environments import Software, every_software

ROOT = Path(__file__).resolve().parents[2]
#: Software, versions, result, meaning and test.
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^|`]+)` \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    return [match.groups() for match in ROW.finditer((ROOT / "docs" / "compatibility.md").read_text())]


def pins() -> dict[str, set[str]]:
    """Every version of each package in constraints.txt."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, rest = line.partition("==")
        found.setdefault(name, set()).add(rest.split(" ")[0])
    return found


def test_table_and_tests_match() -> None:
    named = [row[4] for row in rows()]
    assert sorted(named) == [str(software.file.relative_to(ROOT)) for software in every_software()]


def test_results_are_one_of_three() -> None:
    assert {row[2] for row in rows()} == {"works", "recipe", "refused"}


@pytest.mark.parametrize("software", every_software(), ids=lambda software: software.name)
def test_versions_match_the_pins(software: Software) -> None:
    [tried] = [row[1] for row in rows() if row[4] == str(software.file.relative_to(ROOT))]
    said = set(re.findall(r"[0-9][0-9a-z.]*[0-9a-z]", tried))
    name, _, version = software.dependencies[0].partition("==")
    assert ({version} if version else pins()[name]) <= said
    assert {word.partition("==")[2] for word in software.dependencies if "==" in word} <= said
