"""IPython, which `bin/console` uses where it is installed."""

# /// script
# dependencies = ["ipython"]
# ///

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    # The simple prompt draws no menus.
    own = {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), "IPY_TEST_SIMPLE_PROMPT": "1"}
    terminal = Terminal(tmp_path, **own)
    yield terminal
    terminal.close()


def said(terminal: Terminal) -> str:
    """What the terminal shows, without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown).replace("\r", "")


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("client.nodes.find(-1)\n", "NotFoundError: GET /nodes/-1: 404: .*"),
        ("def ask(): client.nodes.find(-1)\n\nask()\n", "NotFoundError: GET /nodes/-1: 404: .*"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
    ids=["SDK", "function", "Python"],
)
def test_the_first_error_is_one_line_with_its_class(terminal: Terminal, lines: str, error: str) -> None:
    terminal.shows("In [1]")
    terminal.type(lines + "print('ready' + '!')\n")
    terminal.shows("ready!")
    assert re.search(rf"(^|: ){error}\n\n", said(terminal), re.MULTILINE), said(terminal)
    assert "Traceback" not in said(terminal)
    assert ".py" not in said(terminal), "no frame is shown"
    terminal.type("%xmode Context\nclient.nodes.find(-2)\n")
    terminal.shows("Traceback")
