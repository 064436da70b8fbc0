"""Applications in the rent form: what is filled in, what is kept; and environment variables as text."""

from __future__ import annotations

import pytest

from octaspace.types import App
from playground.pages.rent.app_fill import AppValues, app_values, default_values, differences, fill, take
from playground.pages.rent.fields import defaults
from playground.pages.rent.variables import read_variables, variables_text

BASE = defaults("mr", "")
NONE = default_values(BASE)
PEM = "-----BEGIN-----\nabc==\n-----END-----"


def values(**fields: object) -> AppValues:
    return app_values(App.from_api({"uuid": "an-app", "image": "app:1", **fields}))


@pytest.mark.parametrize(
    ("ports", "http_ports", "texts"),
    [
        ("[5000,6000]", [8080], ("5000, 6000", "8080")),
        ([22], "[]", ("22", "")),
        ("", None, ("", "")),
        ("5000", "[80,", ("", "")),
    ],
)
def test_both_shapes_of_ports(ports: object, http_ports: object, texts: tuple[str, str]) -> None:
    """Q3."""
    found = values(ports=ports, http_ports=http_ports).texts
    assert (found["ports"], found["http_ports"]) == texts


def test_ports_are_compared_as_numbers() -> None:
    app = values(ports=[22, 5000])
    assert differences({**BASE, "image": "app:1", "ports": "22;5000"}, app) == {}
    assert set(differences({**BASE, "image": "app:1", "ports": "22"}, app)) == {"ports"}


def test_requirements_are_texts_for_the_page() -> None:
    app = values(min_vram_gb=8, extra={"min_disk_size": 60}, envs={"RATE": 0.5, "ON": True, "OFF": None})
    assert (app.min_vram, app.min_disk, app.texts["disk_size"]) == ("8 GB", "60 GB", "60")
    assert dict(app.envs) == {"RATE": "0.5", "ON": "true", "OFF": ""}  # Q27
    bare = values()
    assert (bare.min_vram, bare.min_disk, "disk_size" in bare.texts) == ("", "", False)


def test_each_variable_is_kept_or_replaced_on_its_own() -> None:
    old, new = values(envs={"A": "1", "B": "2"}), values(envs={"B": "3", "C": "4"})
    typed = {**BASE, "envs": "A=1\nB=mine\nOWN=5"}
    filled = fill(typed, old, new, NONE)
    assert read_variables(filled["envs"]) == {"B": "mine", "OWN": "5", "C": "4"}
    assert differences(filled, new)["envs"].variables == {"B": "3"}
    assert read_variables(take(filled, "envs", new)["envs"]) == {"B": "3", "OWN": "5", "C": "4"}


def test_lines_that_cannot_be_read_stay_above_those_of_the_application() -> None:
    filled = fill({**BASE, "envs": "unfinished\n"}, NONE, values(envs={"A": "1"}), NONE)
    assert filled["envs"] == "unfinished\nA=1"


def test_an_unknown_field_is_not_taken() -> None:
    assert take(BASE, "node_id", values()) == BASE


@pytest.mark.parametrize(
    "variables",
    [
        {"CERT": PEM, "AFTER": " x "},
        {"A": "END\nEND2", "EMPTY": ""},
        {"A": "\n", "B": "one\n"},
        {"SEPARATOR": "a\u2028b\x0bc"},
        {"SHIFT": "1 << 2", "QUOTED": '"x"'},
    ],
)
def test_variables_survive_the_text_field(variables: dict[str, str]) -> None:
    text = variables_text(variables)
    assert read_variables(text) == variables
    assert read_variables(text.replace("\n", "\r\n")) == variables  # as a browser sends it


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nB<<END\nsecret", "Line 2"),
        ("B<<\nsecret", "Line 1"),
        ("A=1\nsecret", "Line 2"),
        ("=secret", "Line 1"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_without_its_value(text: str, line: str) -> None:
    with pytest.raises(ValueError, match=line) as raised:
        read_variables(text)
    assert "NAME<<END" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_name_that_the_field_cannot_contain_is_left_out() -> None:
    assert read_variables(variables_text({"A=B": "1", "": "2", "C<<D": "3", "E": "4"})) == {"E": "4"}
