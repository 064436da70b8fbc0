"""The log of a node: whether it is text, and what is shown of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from playground.domain.log_file import SHOWN_BYTES, read_log_file, suffix_of

TEXT = b"node started\nheartbeat in 3 ms\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("node.log", TEXT * 50)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"", ".log"),
        (TEXT, ".log"),
        ("Температура 71 °C\n".encode(), ".log"),
        (b"\xef\xbb\xbf" + TEXT, ".log"),
        (TEXT.decode().encode("utf-16"), ".log"),
        (b"\x1b[31mred\x1b[0m\r\n" * 5, ".log"),
        ("caf\u00e9 is full\n".encode("latin-1") * 9, ".log"),
        (("\u00e9" * SHOWN_BYTES).encode(), ".log"),
        (b"a" + ("\u00e9" * SHOWN_BYTES).encode(), ".log"),
        (gzip.compress(TEXT), ".gz"),
        (bz2.compress(TEXT), ".bz2"),
        (lzma.compress(TEXT), ".xz"),
        (zipped(), ".zip"),
        (TEXT + b"\0" * 512, ".bin"),
        (bytes(range(1, 256)) * 4, ".bin"),
    ],
)
def test_text_is_text_and_the_rest_is_not(content: bytes, suffix: str) -> None:
    file = io.BytesIO(content)
    assert suffix_of(file) == suffix
    assert file.tell() == 0
    assert read_log_file(file).is_text is (suffix == ".log")


def test_a_short_log_is_shown_whole() -> None:
    for size in (0, 10, 2 * SHOWN_BYTES):
        log = read_log_file(io.BytesIO((b"%06d\n" * 40_000 % tuple(range(40_000)))[:size]))
        assert (log.size, log.left_out, log.end) == (size, 0, ())
        assert sum(len(line) for line in log.start) + len(log.start) - size in (0, 1)


def test_of_a_long_log_the_beginning_and_the_end_are_shown_in_whole_lines() -> None:
    lines = [f"{number:06d} heartbeat" for number in range(20_000)]
    log = read_log_file(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    assert list(log.start) == lines[: len(log.start)]
    assert list(log.end) == lines[-len(log.end) :]
    for part in (log.start, log.end):
        assert SHOWN_BYTES - 40 < sum(len(line) + 1 for line in part) <= SHOWN_BYTES
    assert log.left_out == log.size - 2 * SHOWN_BYTES


def test_a_log_in_utf_16_keeps_its_characters() -> None:
    text = "".join(f"{number} \u0416\n" for number in range(30_000))
    log = read_log_file(io.BytesIO(text.encode("utf-16")))
    assert log.start[:2] == ("0 \u0416", "1 \u0416")
    assert log.end[-1] == "29999 \u0416"
    assert "\ufffd" not in "".join(log.start + log.end)


def test_a_log_without_line_ends_is_shortened() -> None:
    log = read_log_file(io.BytesIO(b"x" * 1_000_000))
    assert [len(part) for part in (log.start, log.end)] == [1, 1]
    assert log.start[0].endswith("more characters")


def test_nothing_in_a_log_commands_a_terminal() -> None:
    log = read_log_file(
        io.BytesIO("\x1b[31mred\x1b[0m \u202egpj.exe\x07\nbad \udc80".encode("utf-8", "replace"))
    )
    assert log.start[0] == "red \ufffdgpj.exe\ufffd"
