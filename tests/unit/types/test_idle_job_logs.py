"""Unpacking what a stranger packed."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
from typing import Any

import pytest

import octaspace
from octaspace.types import IdleJobLogs

MEBIBYTE = 1024 * 1024


def packed(content: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(gzip.compress(content, mtime=0)).decode()}


def test_a_bomb_is_not_unpacked() -> None:
    bomb = packed(bytes(256 * MEBIBYTE))
    assert len(bomb["data"]) < MEBIBYTE
    tracemalloc.start()
    try:
        with pytest.raises(
            octaspace.UnexpectedShapeError,
            match=r"IdleJobLogs\.from_api: .* 1048576 bytes; .*max_bytes",
        ):
            IdleJobLogs.from_api(bomb, max_bytes=MEBIBYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE


def test_the_bound_is_16_mib_unless_said_otherwise() -> None:
    just_fits = packed(b"x" * 16 * MEBIBYTE)
    assert len(IdleJobLogs.from_api(just_fits).text) == 16 * MEBIBYTE
    one_more = packed(b"x" * (16 * MEBIBYTE + 1))
    with pytest.raises(octaspace.UnexpectedShapeError, match="more than 16777216 bytes"):
        IdleJobLogs.from_api(one_more)
    assert len(IdleJobLogs.from_api(one_more, max_bytes=17 * MEBIBYTE).text) == 16 * MEBIBYTE + 1


def test_a_bomb_in_several_members_is_bounded_as_well() -> None:
    member = gzip.compress(bytes(MEBIBYTE))
    bomb = {"data": base64.b64encode(member * 64).decode()}
    with pytest.raises(octaspace.UnexpectedShapeError, match="more than"):
        IdleJobLogs.from_api(bomb, max_bytes=2 * MEBIBYTE)


@pytest.mark.parametrize("max_bytes", [0, -1, True, 1.5, "16", None])
def test_a_bound_that_is_none_is_refused(max_bytes: Any) -> None:
    with pytest.raises(ValueError, match="max_bytes must be a number of bytes above 0"):
        IdleJobLogs.from_api([], max_bytes=max_bytes)


def test_members_and_line_breaks_in_base64_are_read() -> None:
    archive = gzip.compress(b"one\n", mtime=0) + gzip.compress(b"two\n")
    text = base64.encodebytes(archive).decode()
    assert IdleJobLogs.from_api({"data": text}).lines == ("one", "two")


def test_bytes_that_are_no_text_are_marked() -> None:
    assert IdleJobLogs.from_api(packed(b"ok\xff\n")).text == "ok\ufffd\n"


@pytest.mark.parametrize(
    "data",
    [
        "not base64!",
        "é",
        "abc",
        base64.b64encode(b"plain text").decode(),
        base64.b64encode(gzip.compress(b"cut short" * 99, mtime=0)[:-9]).decode(),
        base64.b64encode(gzip.compress(b"spoilt", mtime=0)[:-8] + bytes(8)).decode(),
        base64.b64encode(gzip.compress(b"x", mtime=0)[:10] + b"\xff" * 20).decode(),
    ],
)
def test_what_cannot_be_unpacked_is_an_error(data: str) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"^IdleJobLogs\.from_api: data must be base64 of gzip: "
    ):
        IdleJobLogs.from_api({"data": data})


@pytest.mark.parametrize("data", [[{"line": 1}], [{"line": 1, "text": 5}], [None], [5, 5]])
def test_lines_that_are_all_no_text_are_an_error(data: Any) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"^IdleJobLogs\.from_api: line \d must be a string, not"
    ):
        IdleJobLogs.from_api({"data": data})


def test_a_line_that_is_no_text_loses_no_other() -> None:
    lines = [{"line": 1, "text": "a"}, {"line": 2}, {"line": 3, "text": "b"}]
    for data in ({"data": lines}, lines):
        logs = IdleJobLogs.from_api(data)  # type: ignore[arg-type]
        assert (logs.lines, logs.extra) == (("a", "b"), {"data": lines})


def test_lines_alone() -> None:
    logs = IdleJobLogs.from_api([{"line": 1, "text": "Epoch 1"}, "done\n"])  # type: ignore[list-item]
    assert logs.lines == ("Epoch 1", "done")


def test_no_lines() -> None:
    for empty in ({"data": ""}, {"data": []}, []):
        assert IdleJobLogs.from_api(empty) == IdleJobLogs()  # type: ignore[arg-type]
        assert IdleJobLogs().lines == ()
