"""`--sample`: a part of the tests that still touches everything, for Pythons beside the main one.

`--sample functions` runs each test function with the first of its parameters only, `--sample files` the first
test of each file. The other parameters, or tests, are run elsewhere: on the Python of `.venv`.
"""

from __future__ import annotations

from collections.abc import Hashable

import pytest

__all__ = ["add_option", "select"]

_OPTION = "--sample"


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        _OPTION,
        choices=("functions", "files"),
        help="run each test function once, or one test of each file",
    )


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave in `items` the first test of each function, or of each file, if the option is given."""
    by = config.getoption(_OPTION)
    if by is None:
        return
    seen: set[Hashable] = set()
    left_out: list[pytest.Item] = []
    kept: list[pytest.Item] = []
    for item in items:
        of = item.path if by == "files" else item.nodeid.partition("[")[0]
        (left_out if of in seen else kept).append(item)
        seen.add(of)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
