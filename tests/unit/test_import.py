"""What `import octaspace` loads. Each module costs time in every process that imports the SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Modules of the standard library that take long to load, and that the SDK needs in few programs or never.
RARELY_NEEDED = (
    "fractions",
    "sqlite3",
    "redis",
    "msgspec",
    "octaspace.money",
    "octaspace.types.node",
)

PROGRAM = (
    "import requests, sys; before = set(sys.modules); import octaspace; print(*set(sys.modules) - before)"
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", RARELY_NEEDED)
def test_modules_that_few_programs_need_are_not_loaded(loaded: set[str], name: str) -> None:
    assert name not in loaded
