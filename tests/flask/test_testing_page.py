"""The files of docs/testing.md, run as users would."""

from __future__ import annotations

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
        "test_in_ten_lines.py",
        "test_markers.py",
        "test_time.py",
        "test_faults.py",
        "test_journal.py",
        "test_with_unittest.py",
    }
    for name, source in files.items():
        (tmp_path / name).write_text(source)
    # Away from the settings of this repository. Its pytest plugin is installed in this environment.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    # One of them has two cases.
    wanted = sum(len(re.findall(r"^ *def test_", source, re.MULTILINE)) for source in files.values()) + 1
    assert f"{wanted} passed" in result.stdout


def test_the_ten_lines_are_ten() -> None:
    text = (ROOT / "docs" / "testing.md").read_text()
    (source,) = (source for source, name in FILE.findall(text) if name == "test_in_ten_lines.py")
    assert len([line for line in source.splitlines() if line and not line.startswith("#")]) <= 10
