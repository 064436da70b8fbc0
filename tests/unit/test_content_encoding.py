"""Content encodings are decoded within limits, however a body is split into chunks."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest

from octaspace.transport.content_encoding import BodyError, TruncatedBodyError, decoded

TEXT = b"".join(b'{"id": %d, "state": "online"}' % number for number in range(20_000))  # some 600 kB


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "GZip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": raw_deflate,
    "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
    "deflate, identity ,gzip": lambda data: gzip.compress(zlib.compress(data)),
    "gzip,deflate": lambda data: raw_deflate(gzip.compress(data)),
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def undo(data: bytes, encoding: str, *, size: int = 65536, limit: int | None = None) -> bytes:
    return b"".join(decoded(cut(data, size), encoding, limit=limit))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [1, 7, 65536, 10_000_000])
def test_round_trips(encoding: str, size: int) -> None:
    text = TEXT if size > 7 else TEXT[:2000]
    assert undo(ENCODINGS[encoding](text), encoding, size=size, limit=len(TEXT)) == text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_body_stays_empty(encoding: str) -> None:
    assert undo(b"", encoding) == b""


@pytest.mark.parametrize("size", [1, 1000])
def test_gzip_of_several_members_and_with_padding(size: int) -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
    assert undo(members, "gzip", size=size) == b"one two"
    assert undo(members + b"\0" * 512, "gzip", size=size) == b"one two"
    assert undo(members + b"\x1f", "gzip", size=size) == b"one two"
    with pytest.raises(TruncatedBodyError):
        undo(members + gzip.compress(b"three")[:9], "gzip", size=size)
    assert undo(zlib.compress(b"one") + b"rest", "deflate", size=size) == b"one"


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name not in ("", "identity")])
@pytest.mark.parametrize("size", [1, 65536])
def test_a_truncated_body(encoding: str, size: int) -> None:
    whole = ENCODINGS[encoding](TEXT[:3000])
    for length in (1, 2, 5, len(whole) // 2, len(whole) - 1):
        with pytest.raises(TruncatedBodyError, match="ended before"):
            undo(whole[:length], encoding, size=size)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "gzip, deflate"])
def test_a_body_in_another_format(encoding: str) -> None:
    with pytest.raises(BodyError, match="not valid"):
        undo(b"<html>" * 100, encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_damaged_body(encoding: str) -> None:
    damaged = bytearray(ENCODINGS[encoding](TEXT))
    damaged[len(damaged) // 2] ^= 0xFF
    with pytest.raises(BodyError, match="not valid"):
        undo(bytes(damaged), encoding)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "aws-chunked", ",".join(["gzip"] * 5)])
def test_an_encoding_that_was_not_requested(encoding: str) -> None:
    with pytest.raises(BodyError, match="content encoding"):
        undo(TEXT, encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, br", ""])
def test_an_empty_body_with_any_encoding(encoding: str) -> None:
    assert list(decoded([b""], encoding, limit=None)) in ([], [b""])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_limit_is_exact(encoding: str) -> None:
    body = ENCODINGS[encoding](b"x" * 50_000)
    assert len(undo(body, encoding, limit=50_000)) == 50_000
    with pytest.raises(BodyError, match="larger than max_response_bytes=49999"):
        undo(body, encoding, limit=49_999)


def bomb(layers: int) -> bytes:
    """Some kilobytes that decompress to 64 MiB, or with two layers to 64 GiB."""
    data = gzip.compress(bytes(64 << 20))
    if layers == 2:
        data = gzip.compress(gzip.compress(bytes(16 << 20)) * 4096)
    return data


@pytest.mark.parametrize(("layers", "encoding"), [(1, "gzip"), (2, "gzip, gzip")])
def test_a_bomb_costs_no_more_memory_than_the_limit(layers: int, encoding: str) -> None:
    body = bomb(layers)
    assert len(body) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match="max_response_bytes"):
            undo(body, encoding, limit=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_bomb_without_output_is_limited() -> None:
    """Gigabytes of empty gzip members inside one: every layer is counted, not only the last one."""
    body = gzip.compress(gzip.compress(b"") * 500_000)
    with pytest.raises(BodyError, match="max_response_bytes"):
        undo(body, "gzip, gzip", limit=100_000)


def test_without_a_limit_one_chunk_at_a_time_is_in_memory() -> None:
    body = bomb(1)
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in decoded(cut(body, 4096), "gzip", limit=None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 64 << 20
    assert peak < 1 << 20
