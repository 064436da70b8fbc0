"""Masking a key in a file: at any offset, without other changes."""

from __future__ import annotations

import io

import pytest

from octaspace.key_mask import KeyMask
from playground.sdk import file_masking
from playground.sdk.file_masking import overwrite_key

KEY = "sk-0123456789-abcdefghij"


@pytest.mark.parametrize("place", [0, 1, 100, 1023, 1024, 1999, 2000, 2001, 2030, 3000, 5000])
def test_key_is_masked_at_any_offset(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_masking, "_CHUNK", 2048)
    monkeypatch.setattr(file_masking, "_OVERLAP", 512)
    before, after = bytes(range(192, 256)) * 90, b" \xff" * 2000
    content = io.BytesIO(before[:place] + KEY.encode() + after)
    overwrite_key(content, KeyMask(KEY))
    assert content.getvalue() == before[:place] + b"*" * len(KEY) + after


def test_file_without_the_key_is_unchanged() -> None:
    data = bytes(range(256)) * 9000
    for key in (KEY, None):
        content = io.BytesIO(data)
        overwrite_key(content, KeyMask(key))
        assert content.getvalue() == data
