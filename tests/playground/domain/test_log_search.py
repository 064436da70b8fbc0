"""Search in the lines of a log."""

from __future__ import annotations

from playground.domain.log_search import Piece, search_log


def test_matches_are_numbered_through_all_parts() -> None:
    found = search_log({"find": "ab"}, ["xaby", "", "none"], ["ABab"])
    assert found.parts == (
        ((Piece("x"), Piece("ab", 1), Piece("y")), (Piece(""),), (Piece("none"),)),
        ((Piece("AB", 2), Piece("ab", 3)),),
    )
    assert (found.count, found.current, found.previous, found.next) == (3, 1, 3, 2)


def test_what_is_typed_is_text_and_no_pattern() -> None:
    for text in (".*", "[", "\\d", "(", "a+"):
        assert search_log({"find": text}, ["abc 1", f"x{text}y"]).count == 1


def test_previous_and_next_go_round() -> None:
    last = search_log({"find": "a", "match": "3"}, ["aaa"])
    assert (last.current, last.previous, last.next) == (3, 2, 1)
    assert search_log({"find": "a", "match": "99"}, ["aaa"]).current == 3
    for text in ("0", "-1", "x", "1e3", "9" * 50):
        assert search_log({"find": "a", "match": text}, ["aaa"]).current == 1


def test_nothing_is_searched_for_without_a_text() -> None:
    for args in ({}, {"find": ""}, {"find": "  "}):
        found = search_log(args, ["a  b"])
        assert (found.text, found.count, found.next, found.previous) == ("", 0, 0, 0)
        assert found.parts == (((Piece("a  b"),),),)


def test_many_matches_are_counted_and_some_highlighted() -> None:
    found = search_log({"find": "a"}, ["a" * 3000, "ba"])
    assert (found.count, found.highlighted) == (3001, 1000)
    line = found.parts[0][0]
    assert (line[999], line[-1]) == (Piece("a", 1000), Piece("a" * 2000))
    assert search_log({"find": "a", "match": "2000"}, ["a" * 3000]).next == 1


def test_the_text_is_shortened_and_has_no_hidden_characters() -> None:
    found = search_log({"find": "\u202e" + "x" * 500}, [])
    assert found.text == "\ufffd" + "x" * 199
