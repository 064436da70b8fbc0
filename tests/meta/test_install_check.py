"""An unrelated distribution `octaspace` has the same import name; a warning reports if both are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octaspace._install_check import warn_on_conflict

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the two packages, as pip installs them."""
    for package in ("octaspace", "flask_octaspace"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_no_warning_without_a_conflict(site: Path) -> None:
    done = run("import octaspace, flask_octaspace; print(octaspace.__file__)", site)
    assert done.stdout.strip() == str(site / "octaspace" / "__init__.py")
    assert done.stderr == ""


def test_given_folder_is_checked(tmp_path: Path) -> None:
    warn_on_conflict(str(tmp_path))
    (tmp_path / "__about__.py").touch()
    with pytest.warns(RuntimeWarning, match=re.escape(f"are both installed in {tmp_path}, and each has")):
        warn_on_conflict(str(tmp_path))


def test_mixed_files_are_reported(site: Path) -> None:
    (site / "octaspace" / "__about__.py").write_text('__version__ = "0.1.0"\n')
    done = run("import octaspace", site)
    assert done.returncode == 0
    assert "RuntimeWarning: The distributions Flask-OctaSpace and octaspace are both installed" in done.stderr
    assert "pip uninstall octaspace Flask-OctaSpace" in done.stderr


def test_replaced_package_is_reported(site: Path) -> None:
    shutil.rmtree(site / "octaspace")
    (site / "octaspace").mkdir()
    (site / "octaspace" / "__init__.py").write_text("class OctaSpaceClient: ...\n")
    done = run("import flask_octaspace", site)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: flask_octaspace needs the octaspace package of"
    )
    assert str(site / "octaspace") in done.stderr
