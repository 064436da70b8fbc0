"""A large file to disk: little memory, few steps, and a progress that is reported often enough."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

import octaspace
from benchmarks import download
from benchmarks.download_server import MIB
from benchmarks.processes import Process

SIZE = 64


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """A server in another process, so that its memory is not counted."""
    with Process("benchmarks.download_server") as process:
        yield f"http://127.0.0.1:{int(process.hear())}"


@pytest.mark.parametrize("prefix", ["", "/chunked"])
def test_the_memory_of_a_download_does_not_depend_on_its_size(
    files: str, prefix: str, tmp_path: Path
) -> None:
    with octaspace.Client("key", base_url=files + prefix) as client:
        client.nodes.download_logs(1, to=tmp_path / "logs.zip")
        tracemalloc.start()
        try:
            client.nodes.download_logs(SIZE, to=tmp_path / "logs.zip")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "logs.zip").stat().st_size == SIZE * MIB
    assert peak < 2 * MIB


@pytest.mark.parametrize(("size", "steps_per_mib"), [(SIZE, 4), (16, 4), (15, 16), (1, 16)])
def test_large_files_are_read_in_larger_steps(
    files: str, size: int, steps_per_mib: int, tmp_path: Path
) -> None:
    seen: set[int] = set()  # the same number is reported again while no data arrives
    with octaspace.Client("key", base_url=files) as client:
        client.nodes.download_logs(
            size, to=tmp_path / "logs.zip", on_progress=lambda done, total: seen.add(done)
        )
    assert len(seen - {0}) == size * steps_per_mib
    assert max(seen) == size * MIB


def test_a_file_that_is_kept_in_memory_is_read_in_small_steps(files: str) -> None:
    """The limit is checked with each of them."""
    seen: set[int] = set()
    with (
        octaspace.Client("key", base_url=files, max_response_bytes=8 * MIB) as client,
        pytest.raises(octaspace.InvalidResponseError, match="max_response_bytes"),
    ):
        client.nodes.download_logs(SIZE, on_progress=lambda done, total: seen.add(done))
    assert max(seen) == 8 * MIB


def test_the_benchmark_prints_a_row_for_each_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert download.main(["--mib", "1", "--rounds", "1", "--folder", str(tmp_path)]) == 0
    rows = [line.split(" | ")[0].strip("| ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == list(download.CONTENDERS)
