"""Warnings of variables that may be misspelt."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from octaspace import Config


def messages() -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Config.from_env()
    assert all(one.category is RuntimeWarning and one.filename == __file__ for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("OCTA_BASEURL", "OCTA_BASE_URL"),
        ("OCTA_APIKEY", "OCTA_API_KEY"),
        ("OCTA_KEY", "OCTA_API_KEY"),
        ("OCTA_READ_TIMOUT", "OCTA_READ_TIMEOUT"),
        ("OCTA_TIMEOUT", "OCTA_POOL_TIMEOUT"),
    ],
)
def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch, variable: str, meant: str) -> None:
    monkeypatch.setenv(variable, "sk-secret")
    (message,) = messages()
    assert message.startswith(f"The environment variable {variable} is ignored; did you mean OCTA_")
    assert "sk-secret" not in message
    if variable != "OCTA_TIMEOUT":  # several options are equally similar
        assert message.endswith(f"{meant}?")


def test_an_option_that_cannot_be_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_LOGGER", "mine")
    assert messages() == ["The environment variable OCTA_LOGGER is ignored: logger can be set in code only"]


def test_variables_of_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OCTA_CLUSTER", "OCTANE_SERVER", "OCTA_HOME", "OCTA_POOL_SIZE"):
        monkeypatch.setenv(variable, "3")
    assert messages() == []


@pytest.mark.parametrize("code", ["octaspace.client()", "flask_octaspace.OctaSpace(flask.Flask('app'))"])
def test_a_program_that_configures_nothing_shows_it(code: str) -> None:
    """Without a handler for its log, and without an option of Python."""
    done = subprocess.run(
        [sys.executable, "-c", f"import flask, flask_octaspace, octaspace; {code}"],
        env={"OCTA_API_KEY": "sk-secret", "OCTA_BASEURL": "http://127.0.0.1:3001"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OCTA_BASEURL is ignored; did you mean OCTA_BASE_URL?" in done.stderr
    assert "127.0.0.1" not in done.stderr
    assert "sk-secret" not in done.stderr
