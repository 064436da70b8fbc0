"""CI runs each test suite on the oldest and the newest Python, or the reason why not is here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Folders of tests that run on the Python of `.venv` only.
LEFT_OUT = {
    "browser": "what scripts and styles do in Chromium; the server behind them is in tests/playground",
    "docs": "the text of the documentation; its examples use what the other suites test",
    "meta": "the files of the repository",
    "scripts": "bin/ and .ci/, which use the Python of .venv",
    "software": "each file has an environment with the packages of .venv",
    "typing": "checked by mypy and pyright, not run",
    "world": "programs in namespaces: names, ports and proxies, which no Python changes",
    "support": "no tests",
}


def suites() -> dict[str, str]:
    """SUITES of noxfile.py, which cannot be imported where nox is not installed."""
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SUITES":
            found = eval(compile(ast.Expression(node.value), "noxfile.py", "eval"))
            assert isinstance(found, dict)
            return found
    raise AssertionError("noxfile.py has no SUITES")


def test_each_suite_runs_on_the_oldest_and_the_newest_python_or_a_reason_is_given() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    run = {name.split("/")[1] for name in suites()}
    assert run & set(LEFT_OUT) == set()
    assert run | set(LEFT_OUT) == folders


def test_each_folder_of_a_suite_exists_and_has_a_known_sample() -> None:
    for name, sample in suites().items():
        assert any((ROOT / name).rglob("test_*.py")), name
        assert sample in ("all", "functions", "files"), name
        assert name.count("/") == 1 or name.rpartition("/")[0] in suites(), "its parent is what pytest gets"


def test_ci_runs_these_suites() -> None:
    functions = {
        node.name: ast.unparse(node)
        for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    for name in ("lowest", "newest"):
        assert "_test(session, SUITES)" in functions[name]
    assert "for folder in SUITES if folder != 'tests/safety'" in functions["pythons"]
    script = (ROOT / ".ci" / "run").read_text()
    assert "--session lowest newest pythons" in script
    assert re.search(r'bin/nox --session "\$session"$', script, re.MULTILINE), "without a choice of tests"


TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_numbers(number): pass

class TestClass:
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_numbers(self, number): pass

def test_other(): pass
"""


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ([], 14),
        (["--sample=.=functions"], 6),
        (["--sample=.=files"], 2),
        (["--sample=.=files", "--sample=inner=functions"], 4),
        (["--sample=inner=functions"], 10),
    ],
)
def test_samples(options: list[str], selected: int, tmp_path: Path) -> None:
    names = "add_option as pytest_addoption, select as pytest_collection_modifyitems"
    (tmp_path / "conftest.py").write_text(f"from tests.support.sample import {names}\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "test_outer.py").write_text(TESTS)
    (tmp_path / "inner" / "test_inner.py").write_text(TESTS)
    words = ["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *options]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert f"{selected} passed" in done.stdout, done.stdout + done.stderr


def test_a_wrong_sample_is_named() -> None:
    words = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "--sample=tests/none=files",
        str(Path(__file__)),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "--sample tests/none=files: write a folder" in done.stderr
    assert done.returncode == 4
