"""Implementation of `bin/package`: the steps of PUBLISHING.md before the upload."""

from __future__ import annotations

import email.parser
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path

from octaspace.sandbox import SandboxServer

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "build" / "dist"
#: A third-party project: a Flask app that rents, and its tests with the pytest plugin.
PROJECT = Path(__file__).resolve().with_name("package_project")

#: Top-level names in the wheel.
TOPS = {"octaspace", "flask_octaspace", "octaspace_pytest.py"}
#: Files of the wheel that are not Python: data of the sandbox, and the markers of typed packages.
DATA = {
    "octaspace/py.typed",
    "flask_octaspace/py.typed",
    "octaspace/sandbox/api/openapi.yaml",
    "octaspace/sandbox/world/openvpn_test_certificates.pem",
}

#: Files that the sdist must contain in addition to the packages, to build, test and run from it.
IN_SDIST = (
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "constraints.txt", "noxfile.py", "bin/test",
    "bin/playground", "docs/index.md", "playground/app.py", "octaspace/sandbox/api/openapi.yaml",
    "playground/templates/base.html", "tests/conftest.py", "benchmarks/__main__.py", "octaspace_pytest.py",
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
    test_a_project(wheel)
    print(f"{wheel.name} and {sdist.name} passed all checks; nothing was uploaded.")


def check_wheel(wheel: Path) -> None:
    """Check that the wheel contains only the two typed packages, and complete metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.parser.Parser().parsestr(archive.read(metadata_name).decode())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    need(tops == TOPS, f"the wheel contains {sorted(tops)}")
    data = {name for name in names if ".dist-info/" not in name and not name.endswith(".py")}
    need(data == DATA, f"unexpected or missing files: {sorted(data ^ DATA)}")
    extras = metadata.get_all("Provides-Extra")
    need(extras == ["fast", "otel", "redis", "testing"], f"the extras are {extras}")
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
        serve(python, folder)


def serve(python: str, folder: str) -> None:
    """Run the sandbox of the wheel in a process and ask it for its specification."""
    command = [python, "-I", "-m", "octaspace.sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        need(found is not None, "python -m octaspace.sandbox names no address")
        assert found is not None
        with urllib.request.urlopen(f"{found[0]}/openapi.yaml", timeout=10) as answer:
            need(b"openapi: 3" in answer.read(), "the sandbox serves no specification")
        process.send_signal(signal.SIGTERM)
    need(process.returncode == 0, f"python -m octaspace.sandbox ended with {process.returncode}")


def test_a_project(wheel: Path) -> None:
    """Install the wheel with its extra `testing`; run the tests of `package_project`, and check its types."""
    with tempfile.TemporaryDirectory() as folder:
        environment, project = Path(folder, "venv"), Path(folder, "project")
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
        (project / "pytest.ini").write_text(
            "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n"
        )
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        pins = ("--constraint", str(ROOT / "constraints.txt"))
        run(python, "-m", "pip", "--quiet", "install", *pins, f"{wheel}[testing]", "pytest-xdist")
        run(python, "-m", "pytest", "-q", "-n", "2", cwd=str(project))
        names = sorted(str(path) for path in project.glob("*.py"))
        mypy = (sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--python-executable", python)
        run(*mypy, "--config-file", os.devnull, *names, cwd=str(project))


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
