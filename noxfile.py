"""The tests on each supported Flask, on the Python that runs nox. `bin/test` is the everyday way."""

import nox

nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "venv"

#: The last release of each line, with the Werkzeug it was made for.
FLASKS = {
    "2.3": ["flask==2.3.3", "werkzeug<3.1"],
    "3.0": ["flask==3.0.3", "werkzeug<3.1"],
    "3.1": ["flask==3.1.3", "werkzeug>=3.1"],
}


@nox.session
@nox.parametrize("flask", list(FLASKS))
def tests(session: nox.Session, flask: str) -> None:
    """Run the tests with one Flask; arguments after `--` go to pytest."""
    pins = session.create_tmp() + "/constraints.txt"
    with open("constraints.txt") as source, open(pins, "w") as target:
        target.writelines(line for line in source if not line.startswith(("flask==", "werkzeug==")))
    session.install("--constraint", pins, "pip>=25.3")
    session.install(
        "--constraint", pins, "--editable", ".[playground,fast,redis]", "--group", "test", *FLASKS[flask]
    )
    session.run("python", "-m", "pytest", *session.posargs)
