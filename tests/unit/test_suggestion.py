"""The end of a message about an unknown name."""

from __future__ import annotations

from octaspace.suggestion import suggestion


def test_the_nearest_name_is_suggested_as_it_would_be_written() -> None:
    assert suggestion("pool_sise", ["pool_size", "logger"]) == "did you mean pool_size?"
    assert suggestion("pool_sise", ["pool_size"], render=str.upper) == "did you mean POOL_SIZE?"
    assert suggestion("persistant", ["pool_size"], also=["persistent"]) == "did you mean persistent?"


def test_without_a_near_one_all_are_listed_but_those_that_are_understood_as_well() -> None:
    assert suggestion("zzz", ["pool_size", "logger"], also=["persistent"]) == "known are pool_size, logger"
