"""PyInstaller: a folder with a program, which finds everything that octaspace needs."""

# /// script
# dependencies = ["pyinstaller"]
# ///

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from octaspace.sandbox import SandboxServer

from .environments import ROOT

PROGRAM = """
import sys
import octaspace
with octaspace.Client("sk", base_url=sys.argv[1]) as client:
    print(octaspace.__distribution__, len(client.nodes.list().data), client.network.info().status)
"""


def test_a_frozen_program_calls(tmp_path: Path, sandbox: SandboxServer) -> None:
    source = tmp_path / "looks.py"
    source.write_text(PROGRAM)
    words = ["--onedir", "--noconfirm", "--log-level", "WARN", "--paths", str(ROOT)]
    built = subprocess.run(
        [sys.executable, "-m", "PyInstaller", *words, str(source)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    program = tmp_path / "dist" / "looks" / "looks"
    said = subprocess.run([program, sandbox.url], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == ["Flask-OctaSpace", "14", "200"]
