"""`Cache-Control: no-store` in headers that are not well formed."""

import pytest

from octaspace.transport.response_cache import forbids_keeping


def test_a_quoted_string_without_an_end_is_read_once():
    """A search from each of its quotes would exceed the time limit of the tests."""
    assert not forbids_keeping({"Cache-Control": '\\"' * 1_000_000})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('private="x, no-store', True),
        ('private="a\\", no-store', True),
        ('private="no-store"', False),
        ('private="a, no-store, b"', False),
        ('private="a\\", no-store"', False),
        ('private="x", NO-STORE', True),
        ('"', False),
        ('"\\', False),
    ],
)
def test_quoted_strings(value, expected):
    assert forbids_keeping({"Cache-Control": value}) is expected
