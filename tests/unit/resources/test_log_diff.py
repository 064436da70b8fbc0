"""What is new in a log: held against a slow and obvious way of saying it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octaspace.resources.services.log_diff import new_entries, overlap_of_texts

TEXT = st.text("ab\n", max_size=14)
ENTRIES = st.lists(st.sampled_from("abc"), max_size=10)


@given(TEXT, TEXT)
def test_a_text_that_has_grown(old: str, more: str) -> None:
    assert overlap_of_texts(old, old + more) == len(old)


@given(TEXT, st.integers(0, 14), TEXT)
@example("a\na\na\nb", 2, "c")
@example("\n\n\n", 1, "\n")
def test_a_text_that_lost_its_beginning(old: str, lost: int, more: str) -> None:
    new = old[lost:] + more
    known = overlap_of_texts(old, new)
    assert new[:known] == old[len(old) - known :]
    if "\n" in old[lost:] and not new.startswith(old):  # whole lines are left: the longest overlap is found
        longest = next(length for length in range(len(new), -1, -1) if old.endswith(new[:length]))
        assert known == longest


@given(TEXT, TEXT)
def test_two_texts_that_may_have_nothing_in_common(old: str, new: str) -> None:
    known = overlap_of_texts(old, new)
    assert new[:known] == old[len(old) - known :]


def test_a_line_without_an_end_that_lost_its_beginning() -> None:
    bar = "".join(f"{percent} %\r" for percent in range(1000))
    assert overlap_of_texts(f"start\n{bar}", bar[700:] + "done\n") == len(bar) - 700
    assert overlap_of_texts("ab" * 500 + "c", "ab" * 400 + "d") == 0


@given(ENTRIES, ENTRIES)
def test_entries_that_have_grown(old: list[str], more: list[str]) -> None:
    assert [*new_entries(old, old + more)] == more


@given(ENTRIES, ENTRIES, ENTRIES, ENTRIES)
@example(["x"], ["s2"], ["c", "x"], ["d"])
@example([], ["x"], ["x", "y"], [])
def test_entries_that_have_grown_in_the_middle_and_at_the_end(
    system: list[str], of_system: list[str], container: list[str], of_container: list[str]
) -> None:
    """The older shape (Q13): which of several equal lines is new is unknown, only their number."""
    fresh = new_entries(system + container, system + of_system + container + of_container)
    assert Counter(fresh) == Counter(of_system + of_container)


@given(st.lists(st.integers(), unique=True, max_size=10), st.integers(0, 10))
def test_entries_that_lost_their_beginning(entries: list[int], lost: int) -> None:
    old, new = entries[:7], entries[lost:]
    assert [*new_entries(old, new)] == [entry for entry in new if entry not in old]


def test_equal_entries_of_a_log_that_lost_its_beginning() -> None:
    """Counting them would say that nothing is new."""
    assert [*new_entries(["a", "b", "a"], ["b", "a", "a"])] == ["a"]
    assert [*new_entries(["a", "a", "b"], ["b", "a"])] == ["a"]


@given(ENTRIES, ENTRIES)
def test_none_is_lost_and_none_comes_that_is_not_there(old: list[str], new: list[str]) -> None:
    fresh = Counter(new_entries(old, new))
    assert fresh <= Counter(new)
    assert fresh >= Counter(new) - Counter(old)


class Word:
    """An entry that counts how often it is compared."""

    compared = 0

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        Word.compared += 1
        return isinstance(other, Word) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


SIZE = 3000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["x"] * SIZE + ["a"], ["x"] * SIZE + ["b"]),
        (["x"] * SIZE + ["a"], ["s"] + ["x"] * SIZE + ["a", "b"]),
        (["x", "y"] * SIZE, ["y", "x"] * SIZE),
        (["x", "y"] * SIZE + ["a"], ["x", "x", "y"] * SIZE),
        ([str(number) for number in range(SIZE)], [str(number) for number in range(SIZE // 2, SIZE + 9)]),
    ],
    ids=["differing end", "inserted", "alternating", "nothing in common", "rotated"],
)
def test_it_takes_time_in_proportion(old: list[str], new: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever compares each with each, or each rest with each beginning, compares millions of times."""
    monkeypatch.setattr(Word, "compared", 0)
    new_entries([Word(text) for text in old], [Word(text) for text in new])
    assert 0 < Word.compared < 20 * max(len(old), len(new))


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ("same line here\n" * 700_000 + "a", "same line here\n" * 699_999 + "b", 0),
        (
            "same line here\n" * 700_000 + "a",
            "line here\n" + "same line here\n" * 600_000 + "ab\n",
            9_000_011,
        ),
        ("x" * 10**7 + "a", "x" * 10**7 + "b", 0),
        ("".join(f"{number}\r" for number in range(10**6)), "999998\r999999\r" + "x" * 10**6, 0),
        ("".join(f"{number}\n" for number in range(10**6)), "999998\n999999\n" + "x" * 10**6, 14),
    ],
    ids=["no overlap", "overlap", "one line", "bars", "rotated"],
)
def test_ten_megabytes_are_no_trouble(old: str, new: str, known: int) -> None:
    """In hours, for whoever tries each place: the time limit of a test would end it."""
    assert overlap_of_texts(old, new) == known
