"""`--sample FOLDER=functions` or `FOLDER=files`: a part of a folder's tests that still touches everything.

With `functions` each test function runs once, with the first of its parameters; with `files` only the first
test of each file. This is for Pythons on which the whole suite would take too long. If one option names a
folder and another one a folder in it, the inner option decides about the tests of the inner folder.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pytest

__all__ = ["add_option", "select"]

_OPTION = "--sample"
_KINDS = ("functions", "files")


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        _OPTION,
        action="append",
        default=[],
        metavar="FOLDER=functions|files",
        help="of this folder run each test function once, or one test of each file",
    )


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests that the options leave out.

    Raises:
        pytest.UsageError: An option is not of that form, or no such folder exists.
    """
    samples = dict(_parsed(config, text) for text in config.getoption(_OPTION))
    seen: set[Hashable] = set()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        folder = next((folder for folder in item.path.parents if folder in samples), None)
        if folder is None:
            kept.append(item)
            continue
        of = item.path if samples[folder] == "files" else item.nodeid.partition("[")[0]
        (left_out if of in seen else kept).append(item)
        seen.add(of)
    if left_out:
        items[:] = kept
        config.hook.pytest_deselected(items=left_out)


def _parsed(config: pytest.Config, text: str) -> tuple[Path, str]:
    name, _, kind = text.rpartition("=")
    folder = config.rootpath / name
    if kind not in _KINDS or not name or not folder.is_dir():
        raise pytest.UsageError(f"{_OPTION} {text}: write a folder, '=' and one of {', '.join(_KINDS)}")
    return folder, kind
