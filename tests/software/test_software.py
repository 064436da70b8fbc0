"""Runs each file of tests of this folder in the environment that it asks for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .environments import ROOT, CannotBeMadeError, Software, ensure, every_software


def python_for(software: Software) -> Path:
    try:
        return ensure(software)
    except CannotBeMadeError as error:
        reason = f"the environment for {software.name} cannot be made: {error}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


#: Plugins of our other tests: these are run one by one, and none uses hypothesis or a browser.
_WITHOUT = ("-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:playwright")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("software", every_software(), ids=lambda software: software.name)
def test_beside(software: Software) -> None:
    python = python_for(software)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV"))}
    command = [python, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *_WITHOUT]
    result = subprocess.run(
        [*command, *software.pytest, software.file],
        cwd=ROOT,
        env=ours,
        capture_output=True,
        text=True,
        timeout=500,
    )
    if result.returncode:
        pytest.fail(result.stdout + result.stderr, pytrace=False)
