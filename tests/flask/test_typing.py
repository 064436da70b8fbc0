"""What checkers say of the extension. `tests/typing/extension.py` is what they should say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

mypy: Any = pytest.importorskip("mypy.api", reason="mypy is in the dependency group lint")

MISTAKES = """
from flask_octaspace import OctaSpace, current_octaspace
current_octaspace.nodes.lst()
OctaSpace(pool_sise=10)
OctaSpace(client_scope="request")
"""


def check(path: Path, cache: Path) -> tuple[str, int]:
    config = str(ROOT / "pyproject.toml")
    said, trouble, status = mypy.run(["--config-file", config, "--cache-dir", str(cache), str(path)])
    assert not trouble
    return said, status


def test_users_see_types_and_their_mistakes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    cache = tmp_path_factory.mktemp("mypy")
    said, status = check(ROOT / "tests" / "typing" / "extension.py", cache)
    assert status == 0, said
    mistaken = tmp_path / "mistaken.py"
    mistaken.write_text(MISTAKES)
    said, status = check(mistaken, cache)
    assert status == 1
    assert '"Nodes" has no attribute "lst"' in said
    assert 'Extra argument "pool_sise"' in said or 'Unexpected keyword argument "pool_sise"' in said
    assert 'Argument "client_scope"' in said
