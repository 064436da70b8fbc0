"""The files of docs/testing.md, run as users would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"^```py\n(# (\w+\.py)\n.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_recipes(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "testing.md").read_text()
    files = {name: source for source, name in FILE.findall(text)}
    assert files.keys() == {
        "shop.py",
        "conftest.py",
        "test_with_requests_mock.py",
        "test_with_responses.py",
        "test_with_the_sandbox.py",
    }
    for name, source in files.items():
        (tmp_path / name).write_text(source)
    # Away from the settings and the plugins of this repository, but with it on the path.
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    wanted = sum(source.count("\ndef test_") for source in files.values())
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{wanted} passed" in result.stdout
