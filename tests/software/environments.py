"""An environment for each third-party package: that of the tests, and the package.

Each `with_NAME.py` in this folder is a file of tests that says in its head what it needs, as PEP 723 has it::

    # /// script
    # dependencies = ["vcrpy"]
    # ///

`nox -s world` installs everything for each of them. That takes minutes, so here the packages of the running
Python are shared, and only what a file needs in addition is installed, into `build/software`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent


#: What pip says when it gets no answer.
_UNREACHABLE = ("no matching distributions available", "(from versions: none)", "NewConnectionError")


class CannotBeMadeError(Exception):
    """An environment cannot be made here; the message says why."""


@dataclass(frozen=True)
class Software:
    """What a file of tests needs.

    Attributes:
        name: As in the name of the file.
        file: The tests.
        dependencies: What to install, as pip has it; a version that is pinned here wins over constraints.txt.
        options: More words for pip.
        variables: Environment variables for pip.
        pytest: More words for pytest.
    """

    name: str
    file: Path
    dependencies: tuple[str, ...]
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    pytest: tuple[str, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Software:
        head = re.search(r"^# /// script$\n((?:^#.*$\n)+?)^# ///$", file.read_text(), re.MULTILINE)
        assert head is not None, f"{file.name} does not say what it needs"
        said: dict[str, Any] = tomllib.loads(re.sub(r"^# ?", "", head[1], flags=re.MULTILINE))
        extra = said.get("tool", {}).get("world", {})
        return cls(
            name=file.stem.removeprefix("with_"),
            file=file,
            dependencies=tuple(said["dependencies"]),
            options=tuple(extra.get("options", ())),
            variables=extra.get("variables", {}),
            pytest=tuple(extra.get("pytest", ())),
        )

    @property
    def home(self) -> Path:
        return ROOT / "build" / "software" / f"{self.name}-{sys.version_info[0]}.{sys.version_info[1]}"

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"


def every_software() -> list[Software]:
    return [Software.read(file) for file in sorted(FOLDER.glob("with_*.py"))]


def ensure(software: Software) -> Path:
    """Make the environment, unless it is there and nothing has changed, and return its Python.

    Raises:
        CannotBeMadeError: pip has no success, most often for want of a network.
    """
    stamp = software.home / "stamp"
    wanted = _digest(software)
    with _turn(software.home):
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(software.home, ignore_errors=True)
            _run([sys.executable, "-m", "venv", "--without-pip", str(software.home)])
            _share_packages(software)
            _install(software)
            stamp.write_text(wanted)
    return software.python


def _digest(software: Software) -> str:
    said = repr((software, sys.prefix, sys.version)).encode()
    return hashlib.sha256(said + (ROOT / "constraints.txt").read_bytes()).hexdigest()


@contextmanager
def _turn(home: Path) -> Iterator[None]:
    """Two processes that want the same environment take turns."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _share_packages(software: Software) -> None:
    """Let the environment see the packages of this Python, below its own; their .pth files count too."""
    own = sysconfig.get_path("purelib", vars={"base": str(software.home), "platbase": str(software.home)})
    ours = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    lines = [f"import site; site.addsitedir({path!r})" for path in ours]
    Path(own, "shared.pth").write_text("\n".join(lines) + "\n")


def _install(software: Software) -> None:
    pins = software.home / "constraints.txt"
    free = [dependency.split("==")[0] for dependency in software.dependencies if "==" in dependency]
    with pins.open("w") as target:
        for line in (ROOT / "constraints.txt").read_text().splitlines(keepends=True):
            if line.split("==")[0] not in free:
                target.write(line)
    pip = [sys.executable, "-m", "pip", "--python", str(software.python), "--disable-pip-version-check"]
    limits = ["--constraint", str(pins), "--build-constraint", str(pins)]
    words = ["install", "--progress-bar", "off", *limits, *software.options, *software.dependencies]
    _run([*pip, *words], **software.variables)


def _run(command: list[str], **variables: str) -> None:
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    if result.returncode:
        said = result.stdout.strip()
        unreachable = any(words in said for words in _UNREACHABLE)
        raise CannotBeMadeError("no package index with the packages can be reached" if unreachable else said)
