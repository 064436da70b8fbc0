"""Programs of the machine that tests start."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["find_program"]


def find_program(name: str, package: str | None = None) -> str:
    """Path of a program; without it the test is skipped, and fails in CI.

    Args:
        name: Its name.
        package: The Debian package that holds it, when that is called otherwise.
    """
    # Servers are in the sbin directories, which are not on every user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    program = shutil.which(name, path=path)
    if program is None:
        reason = f"no {name} found (Debian: apt install {package or name})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return program
