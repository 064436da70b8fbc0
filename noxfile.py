"""Test sessions for versions other than the pinned ones, and for each installed Python.

`bin/test` runs the tests on the pinned versions. `bin/nox` installs nox and starts it: `bin/nox --list` lists
the sessions, and arguments after `--` go to pytest. Environments are kept in `.nox`, and rebuilt when the
pins change.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import nox

nox.options.sessions = ["tests", "pythons", "lowest", "newest", "lint", "types", "docs", "build"]

#: The last release of each minor version, with the Werkzeug it was made for.
FLASKS = {
    "2.3": ["flask==2.3.3", "werkzeug<3.1"],
    "3.0": ["flask==3.0.3", "werkzeug<3.1"],
    "3.1": ["flask==3.1.3", "werkzeug>=3.1"],
}

#: The test suites that depend on the versions of Python and of packages, and how much of each `lowest` and
#: `newest` run: all tests, or a sample (`tests/support/sample.py`). All tests run on the Python of `.venv`.
SUITES = {
    "tests/unit": "all",
    "tests/wire": "all",
    "tests/flask": "all",
    "tests/sandbox": "all",
    # Tests in the process of pytest.
    **{
        f"tests/playground/{name}": "functions"
        for name in ("browser", "domain", "jobs", "pages", "sdk", "store", "web")
    },
    # Most of these tests start several processes.
    "tests/playground": "files",
    "tests/rentals": "files",
    "tests/safety": "files",
}

PROJECT = nox.project.load_toml("pyproject.toml")

#: Runtime dependencies of the SDK and the extension, also indirect ones: not pinned in `lowest` and `newest`.
RUNTIME = frozenset((
    "requests", "urllib3", "certifi", "charset-normalizer", "idna", "cachetools", "msgspec", "redis",
    "flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker",
    "typing-extensions", "opentelemetry-api",
    # Of the tests. Each release needs one release of the API, and the old ones an old wrapt.
    "opentelemetry-sdk", "opentelemetry-semantic-conventions", "opentelemetry-util-http",
    "opentelemetry-instrumentation", "opentelemetry-instrumentation-requests", "wrapt",
))  # fmt: skip

#: Third-party software, each with a test file whose header lists its requirements.
SOFTWARE = {
    path.stem.removeprefix("with_"): path for path in sorted(Path("tests/software").glob("with_*.py"))
}


def pythons_of_this_machine() -> list[str]:
    """The version that runs nox, and each supported version that is installed, on PATH or in pyenv.

    Folders of pyenv are added to PATH, so that nox finds each Python by its version number.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    supported = nox.project.python_versions(PROJECT)
    found = [own] if own not in supported else []
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for version in supported:
        if version == own or _runs(f"python{version}"):
            found.append(version)
            continue
        for folder in pyenv.glob(f"{version}.*"):
            if _runs(str(folder / "bin" / f"python{version}")):
                os.environ["PATH"] += f"{os.pathsep}{folder / 'bin'}"
                found.append(version)
                break
    return sorted(found, key=lambda version: int(version.removeprefix("3.")))


def _runs(python: str) -> bool:
    """Whether this Python can create environments. A pyenv shim on PATH may not have a Python installed."""
    try:
        return not subprocess.run([python, "-c", "import venv"], capture_output=True).returncode
    except OSError:
        return False


PYTHONS = pythons_of_this_machine()

# pip is installed with the other packages; `venv` would install it a second time.
session = functools.partial(nox.session, venv_backend="venv", venv_params=["--without-pip"], reuse_venv=True)


@session
@nox.parametrize("flask", list(FLASKS))
def tests(session: nox.Session, flask: str) -> None:
    """Run all tests with one Flask."""
    _install(session, "test", versions=FLASKS[flask], free=frozenset({"flask", "werkzeug"}))
    session.run("python", "-m", "pytest", *session.posargs)


@session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run one test of each file on each installed Python, with the pinned packages."""
    _install(session, "test")
    # tests/safety attacks what the others use.
    _test(session, {folder: "files" for folder in SUITES if folder != "tests/safety"})


@session(python=PYTHONS[:1])
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest packages that pyproject.toml allows, on the oldest installed Python."""
    extras = PROJECT["project"]["optional-dependencies"]
    allowed = [*PROJECT["project"]["dependencies"], *extras["fast"], *extras["redis"], *extras["otel"]]
    allowed += [line for line in PROJECT["dependency-groups"]["test"] if line.startswith("opentelemetry-")]
    oldest = [re.sub(r"^([\w-]+)>=([\w.]+)[^;]*", r"\1==\2", requirement) for requirement in allowed]
    # Flask 2.3.0 uses functions that Werkzeug 3 deprecates.
    _install(session, "test", versions=[*oldest, "werkzeug<3"], free=RUNTIME)
    _test(session, SUITES)


@session(python=PYTHONS[-1:])
def newest(session: nox.Session) -> None:
    """Run the tests with the newest packages, on the newest installed Python."""
    _install(session, "test", versions=sorted(RUNTIME), free=RUNTIME, upgrade=True)
    _test(session, SUITES)


@session
@nox.parametrize("software", list(SOFTWARE))
def world(session: nox.Session, software: str) -> None:
    """Run the tests with one piece of third-party software in the same process, in a separate environment.

    `bin/test tests/software` does the same for all of them in less time, in environments that share
    most packages.
    """
    header = nox.project.load_toml(SOFTWARE[software])
    extra = header.get("tool", {}).get("world", {})
    _install(
        session,
        "test",
        versions=[*extra.get("options", ()), *header["dependencies"]],
        free=frozenset(word.split("==")[0] for word in header["dependencies"] if "==" in word),
        variables=extra.get("variables", {}),
    )
    words = extra.get("pytest", ())
    session.run("python", "-m", "pytest", *words, str(SOFTWARE[software]), *session.posargs)


@session
def lint(session: nox.Session) -> None:
    """Run ruff and ruff format."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@session
def types(session: nox.Session) -> None:
    """Run mypy --strict on everything and pyright on the public API."""
    _install(session, "test", "lint")
    session.run("mypy")
    session.run("pyright")


@session
def docs(session: nox.Session) -> None:
    """Build the documentation; warnings are errors."""
    _install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "build/docs")


@session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, check their contents, install the wheel and use it."""
    _install(session, "build", "lint")
    session.run("python", "bin/package_check.py")


def _test(session: nox.Session, suites: Mapping[str, str]) -> None:
    """Run the tests named after `--`, or the suites, with up to two tests in parallel.

    `PYTEST_XDIST_AUTO_NUM_WORKERS=1` disables parallel tests, as in CI. Only `bin/test` uses the full number
    of hypothesis examples.

    Args:
        session: The session.
        suites: Folders, and for each "all", "functions" or "files".
    """
    words = "-n auto --maxprocesses 2 --hypothesis-profile quick"
    samples = [f"--sample={folder}={sample}" for folder, sample in suites.items() if sample != "all"]
    folders = [folder for folder in suites if folder.count("/") == 1]
    chosen = session.posargs or [*words.split(), *samples, *folders]
    # Sessions may run in parallel, and would overwrite each other's cache of failures.
    session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)


def _install(
    session: nox.Session,
    *groups: str,
    versions: list[str] | None = None,
    free: frozenset[str] = frozenset(),
    upgrade: bool = False,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Install the project and dependency groups with the pinned packages, unless they are installed already.

    Args:
        session: The session whose environment is used.
        groups: Dependency groups of pyproject.toml.
        versions: Requirements that replace pins, and options of pip.
        free: Names of packages that are not pinned.
        upgrade: Look for newer releases once a day and install them.
        variables: Environment variables for pip.
    """
    lines = Path("constraints.txt").read_text().splitlines(keepends=True)
    pins = "".join(line for line in lines if line.split("==")[0] not in free)
    wanted = ["pip", "--editable", ".[fast,redis,otel]", *(versions or [])]
    wanted += [word for group in ("playground", *groups) for word in ("--group", group)]
    folder = Path(session.virtualenv.location)
    stamp = folder / ".installed"
    state = repr((wanted, pins, Path("pyproject.toml").read_bytes(), date.today() if upgrade else None))
    digest = hashlib.sha256(state.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        session.log("the packages are already installed")
        return
    constraints = folder / "constraints.txt"
    constraints.write_text(pins)
    session.run_install(
        sys.executable, "-m", "pip", "--python", str(folder), "--disable-pip-version-check",
        "install", "--quiet", "--no-compile", *(["--upgrade"] if upgrade else []),
        "--constraint", str(constraints), "--build-constraint", "constraints.txt", *wanted,
        external=True, silent=True, env=variables,
    )  # fmt: skip
    stamp.write_text(digest)
