"""Implementation of `bin/package`: the steps of PUBLISHING.md before the upload."""

from __future__ import annotations

import email.parser
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from octaspace.sandbox import SandboxServer

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "build" / "dist"

#: Files that the sdist must contain in addition to the packages, to build, test and run from it.
IN_SDIST = (
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "constraints.txt", "noxfile.py", "bin/test",
    "bin/playground", "docs/index.md", "playground/app.py", "octaspace/sandbox/api/openapi.yaml",
    "playground/templates/base.html", "tests/conftest.py", "benchmarks/__main__.py",
)  # fmt: skip

#: Runs the first block of the README with the sandbox as the default base URL.
RUN_BLOCK = """
import sys
import octaspace, octaspace.config
assert "site-packages" in octaspace.__file__, octaspace.__file__
octaspace.config.DEFAULTS["base_url"] = sys.argv[1]
exec(compile(sys.stdin.read(), "README.md", "exec"), {"__name__": "readme"})
"""


def main() -> None:
    """Build, check, install and use the distributions."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    use(wheel)
    print(f"{wheel.name} and {sdist.name} passed all checks; nothing was uploaded.")


def check_wheel(wheel: Path) -> None:
    """Check that the wheel contains only the two typed packages, and complete metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.parser.Parser().parsestr(archive.read(metadata_name).decode())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    need(tops == {"octaspace", "flask_octaspace"}, f"the wheel contains {sorted(tops)}")
    for typed in ("octaspace/py.typed", "flask_octaspace/py.typed"):
        need(typed in names, f"the wheel does not contain {typed}")
    odd = [name for name in names if ".dist-info/" not in name and not name.endswith((".py", "py.typed"))]
    need(not odd, f"the wheel contains {odd}")
    for field in ("Summary", "License-Expression", "Requires-Python", "Description-Content-Type", "Keywords"):
        need(bool(metadata[field]), f"the metadata have no {field}")
    version = re.search(
        r'^__version__ = "(.+)"', (ROOT / "octaspace" / "_version.py").read_text(), re.MULTILINE
    )
    need(version is not None and metadata["Version"] == version[1], "the version is not that of _version.py")
    need(
        (ROOT / "CHANGELOG.md").read_text().count(f"## [{metadata['Version']}]") <= 1,
        "CHANGELOG.md has several sections for this version",
    )


def check_sdist(sdist: Path) -> None:
    """Check that the sdist contains everything to build, test and run from it."""
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    missing = [name for name in IN_SDIST if name not in names]
    need(not missing, f"the sdist does not contain {missing}")


def use(wheel: Path) -> None:
    """Install the wheel in a clean environment and run the first block of the README."""
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    need(block is not None, "the README has no Python block")
    assert block is not None
    with tempfile.TemporaryDirectory() as folder, SandboxServer(ports=(0,), ready_after=0.0) as sandbox:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        run(
            python,
            "-m",
            "pip",
            "--quiet",
            "install",
            "--constraint",
            str(ROOT / "constraints.txt"),
            str(wheel),
        )
        command = [python, "-I", "-c", RUN_BLOCK, sandbox.url]
        print(
            subprocess.run(
                command, input=block[1], text=True, check=True, capture_output=True, cwd=folder
            ).stdout
        )
        run(python, "-I", "-c", "import flask_octaspace; flask_octaspace.OctaSpace()", cwd=folder)


def run(*command: str, cwd: str | None = None) -> None:
    """Run a command, and exit if it fails."""
    done = subprocess.run(command, cwd=cwd)
    need(done.returncode == 0, f"{' '.join(command[:4])} … failed with exit code {done.returncode}")


def need(condition: bool, message: str) -> None:
    """Exit with a message unless the condition is true."""
    if not condition:
        sys.exit(f"package: {message}")


if __name__ == "__main__":
    main()
