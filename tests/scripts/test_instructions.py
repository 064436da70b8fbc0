"""The count of instructions in `benchmarks/`: what `--check` reports, and a small count with Valgrind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks import instructions, kept_figures
from benchmarks.callgrind import between_marks
from tests.support.programs import find_program

CASE = "small call, octaspace"
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def fake_count(ours: float = 250.0) -> instructions.Count:
    """Every figure of requests is 1000, and each of ours as given."""

    def count(contender: str, tables: Sequence[str]) -> Mapping[str, float]:
        names = [name for name in tables if (name, contender) != ("import", "octaspace without fast")]
        return dict.fromkeys(names, 1000.0 if contender == "requests" else ours)

    return count


def kept(ratio: float = 0.25) -> dict[str, float]:
    return dict.fromkeys(instructions.ratios_of_ours(fake_count()), ratio)


@pytest.mark.parametrize("ours", [250.0 * 1.029, 250.0, 250.0 * 0.971])
def test_a_figure_near_the_kept_one_passes(ours: float) -> None:
    lines: list[str] = []
    assert instructions.check(fake_count(ours), kept(), lines.append) == 0
    assert len(lines) == 1


def test_a_figure_above_the_kept_one_fails() -> None:
    lines: list[str] = []
    assert instructions.check(fake_count(250.0 * 1.031), kept(), lines.append) == 1
    (line,) = [line for line in lines if line.startswith(f"{CASE}:")]
    for part in ("0.2577", "0.2500", "3.1% above", "--keep"):
        assert part in line


def test_a_figure_below_the_kept_one_is_reported_and_passes() -> None:
    lines: list[str] = []
    assert instructions.check(fake_count(250.0 * 0.96), kept(), lines.append) == 0
    assert [line for line in lines if line.startswith(f"{CASE}:") and "4.0% below" in line]


def test_a_case_without_a_kept_figure_fails() -> None:
    lines: list[str] = []
    figures = kept()
    del figures[CASE]
    figures["deleted case"] = 0.25
    assert instructions.check(fake_count(), figures, lines.append) == 1
    assert [line for line in lines if line.startswith(f"{CASE}:") and "no figure is kept" in line]
    assert [line for line in lines if line.startswith("deleted case:")]


def test_figures_of_another_python_are_not_compared(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    versions = {"Python": "3.11", "requests": "2.34.2"}
    kept_figures.keep({CASE: 0.25}, versions, file)
    with pytest.raises(LookupError, match=r"Python 3\.12, requests 2\.34\.2 \(kept: Python 3\.11, req"):
        kept_figures.kept_for({**versions, "Python": "3.12"}, file)
    with pytest.raises(LookupError, match="--keep"):
        kept_figures.kept_for({**versions, "requests": "2.35.0"}, file)


def test_kept_figures_replace_those_of_the_same_python(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    old, new = {"Python": "3.11", "requests": "2.34.2"}, {"Python": "3.11", "requests": "2.35.0"}
    other = {"Python": "3.9", "requests": "2.34.2"}
    for versions, ratio in ((old, 0.3), (new, 0.21115), (other, 0.4)):
        kept_figures.keep({CASE: ratio}, versions, file)
    assert kept_figures.kept_for(new, file) == {CASE: 0.2112}
    assert kept_figures.kept_for(other, file) == {CASE: 0.4}
    with pytest.raises(LookupError):
        kept_figures.kept_for(old, file)


def test_the_kept_figures_belong_to_the_pins() -> None:
    """After a change of a pin, `bin/bench instructions --keep` counts again."""
    pins = dict(
        line.split("==") for line in (REPOSITORY / "constraints.txt").read_text().split() if "==" in line
    )
    entries = json.loads(kept_figures.FILE.read_text())
    assert entries
    for entry in entries:
        packages = {name: number for name, number in entry["versions"].items() if name != "Python"}
        assert packages == {name: pins[name] for name in packages}
        assert entry["figures"].keys() == kept().keys()


def test_instructions_between_marks() -> None:
    """Marks leave out the rest of the process, and two runs have the same count, nearly."""
    find_program("valgrind")
    program = """
from benchmarks.counted import mark
for number in (1000, 2000):
    mark()
    for _ in range(number): pass
    mark()
    for _ in range(5000): pass
"""
    runs = [between_marks(["-c", program]) for _ in range(2)]
    for short, long in runs:
        assert 1000 < short < long < 100_000 * 10
    assert runs[0] == pytest.approx(runs[1], rel=0.001)


def test_a_process_that_fails_is_an_error_with_its_output() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        between_marks(["-c", "1 / 0"])
