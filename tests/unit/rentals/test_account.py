"""The fingerprint of a key tells accounts apart, and does not contain the key."""

from __future__ import annotations

import re

from octaspace.rentals import account_fingerprint


def test_the_fingerprint_is_the_same_every_time() -> None:
    key = "k" * 64
    assert account_fingerprint(key) == account_fingerprint(key)
    assert re.fullmatch("[0-9a-f]{32}", account_fingerprint(key))


def test_every_key_has_its_own() -> None:
    keys = [None, "k", "K", "k ", "k" * 63, "k" * 64, "k" * 65, "é"]
    assert len({account_fingerprint(key) for key in keys}) == len(keys)


def test_no_key_and_an_empty_key_are_the_same_account() -> None:
    assert account_fingerprint(None) == account_fingerprint("")
