"""The tests on other versions than the pinned ones, and what CI runs, on the Python that runs nox.

`bin/test` is the everyday way. `nox --list` lists the sessions; arguments after `--` go to pytest.
"""

from pathlib import Path

import nox

nox.options.sessions = ["tests", "pins", "lint", "types", "docs", "build"]
nox.options.default_venv_backend = "venv"

#: The last release of each line, with the Werkzeug it was made for.
FLASKS = {
    "2.3": ["flask==2.3.3", "werkzeug<3.1"],
    "3.0": ["flask==3.0.3", "werkzeug<3.1"],
    "3.1": ["flask==3.1.3", "werkzeug>=3.1"],
}

#: What the SDK stands on: the oldest that pyproject.toml allows, and the newest there is.
PINS = {
    "lowest": ["requests==2.32.3", "urllib3==1.26.20", "cachetools==5.3.0"],
    "highest": ["requests", "urllib3>=2", "cachetools"],
}

#: Other people's software, each with a file of tests that says in its head what it needs.
SOFTWARE = {
    path.stem.removeprefix("with_"): path for path in sorted(Path("tests/software").glob("with_*.py"))
}


@nox.session
@nox.parametrize("flask", list(FLASKS))
def tests(session: nox.Session, flask: str) -> None:
    """Run the tests with one Flask."""
    _install(session, FLASKS[flask], "flask", "werkzeug")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
@nox.parametrize("pins", list(PINS))
def pins(session: nox.Session, pins: str) -> None:
    """Run the tests of SDK and extension with the oldest and the newest requests, urllib3 and cachetools."""
    _install(session, PINS[pins], "requests", "urllib3", "cachetools")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/unit", "tests/wire", "tests/flask"]))


@nox.session
@nox.parametrize("software", list(SOFTWARE))
def world(session: nox.Session, software: str) -> None:
    """Run the tests of one piece of other people's software in the same process, in its own environment.

    `bin/test tests/software` does the same for all of them in less time, in environments that share
    most packages.
    """
    said = nox.project.load_toml(SOFTWARE[software])
    extra = said.get("tool", {}).get("world", {})
    pinned = [word.split("==")[0] for word in said["dependencies"] if "==" in word]
    _install(
        session, [*extra.get("options", ()), *said["dependencies"]], *pinned, **extra.get("variables", {})
    )
    words = extra.get("pytest", ())
    session.run("python", "-m", "pytest", *words, str(SOFTWARE[software]), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff and ruff format."""
    _groups(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict over everything, pyright over the public API."""
    _groups(session, "test", "lint")
    session.run("mypy")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    _groups(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "build/docs")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, look into them, install the wheel alone and use it."""
    _groups(session, "build")
    session.run("python", "bin/package_check.py")


def _groups(session: nox.Session, *groups: str) -> None:
    wanted = [word for group in groups for word in ("--group", group)]
    session.install("--constraint", "constraints.txt", "pip>=25.3")
    session.install("--constraint", "constraints.txt", "--editable", ".[playground,fast,redis]", *wanted)


def _install(session: nox.Session, versions: list[str], *free: str, **variables: str) -> None:
    """Install the tests with these versions in place of the pinned ones."""
    pins = session.create_tmp() + "/constraints.txt"
    with open("constraints.txt") as source, open(pins, "w") as target:
        target.writelines(line for line in source if line.split("==")[0] not in free)
    session.install("--constraint", pins, "pip>=25.3")
    session.install(
        "--constraint", pins, "--editable", ".[playground,fast,redis]", "--group", "test", *versions,
        env=variables,
    )  # fmt: skip
