"""Warnings of variables that may be misspelt."""

from __future__ import annotations

import logging

import pytest

from octaspace import Config


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, "octaspace"):
        Config.from_env()
    return [record.getMessage() for record in caplog.records]


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
def test_a_misspelt_variable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "sk-secret")
    (message,) = warnings(caplog)
    assert message.startswith(f"The environment variable {variable} is ignored; did you mean OCTA_")
    assert "sk-secret" not in message
    if variable != "OCTA_TIMEOUT":  # several options are equally similar
        assert message.endswith(f"{meant}?")


def test_an_option_that_cannot_be_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OCTA_LOGGER", "mine")
    assert warnings(caplog) == [
        "The environment variable OCTA_LOGGER is ignored: logger can be set in code only"
    ]


def test_variables_of_other_programs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for variable in ("OCTA_CLUSTER", "OCTANE_SERVER", "OCTA_HOME", "OCTA_POOL_SIZE"):
        monkeypatch.setenv(variable, "3")
    assert warnings(caplog) == []
