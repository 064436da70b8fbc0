"""The threat model names existing tests for each guarantee."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", _PAGE)))


@pytest.mark.parametrize("name", _TESTS)
def test_it_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    tree = ast.parse((_ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert function in found if function else any(one.startswith("test_") for one in found)


def test_each_guarantee_names_a_test() -> None:
    rows = [line for line in _PAGE.splitlines() if line.startswith("|")]
    guarantees = [row for row in rows if "tests/" in row]
    tables = _PAGE.count("| Guarantee | Tests |")
    headings = sum(row.startswith("| Guarantee |") for row in rows)
    assert tables == headings == 2
    first = rows.index("| Guarantee | Tests |")
    listed = [row for row in rows[first:] if "| Guarantee" not in row and "|---" not in row]
    assert len(guarantees) == len(listed)
    assert len(guarantees) > 20
