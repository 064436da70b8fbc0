"""Commands started inside the namespaces, with only the environment of a user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.namespaces import ROOT
from tests.support.running_playground import bare_environment

__all__ = ["KEY", "environment", "python"]

#: A key that is looked for in what is printed and shown, and must not be found.
KEY = "a-live-key-that-stays-secret-7Hq2"


def environment(**more: str) -> dict[str, str]:
    """The variables of a user who trusts the CA of the namespaces, and `more`."""
    return {
        **bare_environment(),
        "PYTHONPATH": str(ROOT),
        "REQUESTS_CA_BUNDLE": os.environ["REQUESTS_CA_BUNDLE"],
        **more,
    }


def python(folder: Path, *words: str, script: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments until it exits.

    Args:
        folder: Where it runs.
        words: Its arguments.
        script: What comes through its standard input.
        more: Further variables.
    """
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder, env=environment(**more), input=script, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
