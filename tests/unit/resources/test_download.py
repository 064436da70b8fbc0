"""Downloads: bytes in memory, or a file that is there whole or not at all."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client, Config
from octaspace.resources.download import download
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock

from .conftest import API

IDENT = f"{API}/nodes/1/ident"


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "application/json", "text/plain"])
def test_in_memory_it_is_bytes_whatever_the_content_type(
    content_type: str | None, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(
        IDENT, content=b'{"a": 1}', headers={"Content-Type": content_type} if content_type else {}
    )
    seen: list[tuple[int, int | None]] = []
    response = client.nodes.download_ident(1, on_progress=lambda done, total: seen.append((done, total)))
    assert response.data == response.body == b'{"a": 1}'
    assert seen == [(8, None)]


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml", "text/html, application/json"],
)
@pytest.mark.parametrize("where", ["memory", "path", "file"])
def test_a_page_in_html_is_not_the_file(
    where: str, content_type: str, client: Client, requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    """A maintenance page must not take the place of the node's identity."""
    page = '{"error": "Maintenance"}' if "json" in content_type else "<html>Maintenance</html>"
    requests_mock.get(IDENT, text=page, headers={"Content-Type": content_type})
    target, file = tmp_path / "ident.bin", io.BytesIO()
    target.write_bytes(b"before")
    steps: list[Any] = []
    to: Any = {"memory": None, "path": target, "file": file}[where]
    with pytest.raises(octaspace.InvalidResponseError, match="not a file") as caught:
        client.nodes.download_ident(1, to=to, on_progress=lambda *step: steps.append(step))
    assert caught.value.status == 200
    assert not caught.value.outcome_unknown
    assert "Maintenance" in str(caught.value)
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["ident.bin"]
    assert (file.getvalue(), steps) == (b"", [])


def test_an_empty_download_is_empty_bytes(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(IDENT, content=b"")
    assert client.nodes.download_ident(1).data == b""


def test_in_memory_it_is_bounded(clock: FakeClock, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(IDENT, content=b"x" * 1001)
    with (
        Client.from_config(Config(max_response_bytes=1000), clock=clock.clock()) as client,
        pytest.raises(octaspace.InvalidResponseError, match="max_response_bytes=1000"),
    ):
        client.nodes.download_ident(1)


def test_to_a_path(client: Client, requests_mock: requests_mock.Mocker, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    requests_mock.get(IDENT, content=content, headers={"Content-Length": str(len(content))})
    target = tmp_path / "ident.bin"
    target.write_bytes(b"before")
    seen: list[tuple[int, int | None]] = []
    response = client.nodes.download_ident(1, to=str(target), on_progress=lambda *step: seen.append(step))
    assert response.data == target
    assert response.body == b""
    assert target.read_bytes() == content
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 1
    assert os.listdir(tmp_path) == ["ident.bin"]
    assert target.stat().st_mode & 0o077 == 0  # an ident is a key


def test_a_file_larger_than_memory_allows_goes_to_disk(
    clock: FakeClock, requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    requests_mock.get(IDENT, content=b"x" * 5000)
    with Client.from_config(Config(max_response_bytes=1000), clock=clock.clock()) as client:
        client.nodes.download_logs  # noqa: B018  # the same code path, other address
        assert client.nodes.download_ident(1, to=tmp_path / "f").data.stat().st_size == 5000


def test_to_an_open_file(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(IDENT, content=b"whole")
    target = io.BytesIO()
    assert client.nodes.download_ident(1, to=target).data is target
    assert target.getvalue() == b"whole"
    assert not target.closed


@pytest.mark.parametrize("status", [404, 500])
def test_a_failure_leaves_the_target_as_it_was(
    status: int, client: Client, requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    requests_mock.get(IDENT, status_code=status, content=b"not this")
    target, open_file = tmp_path / "ident.bin", io.BytesIO()
    target.write_bytes(b"before")
    for to in (target, open_file):
        with pytest.raises(octaspace.ApiError):
            client.nodes.download_ident(1, to=to)
    assert target.read_bytes() == b"before"
    assert open_file.getvalue() == b""
    assert os.listdir(tmp_path) == ["ident.bin"]


def test_a_body_that_breaks_off_is_fetched_again_from_its_beginning(
    sandbox: SandboxServer, sandbox_client: Client, tmp_path: Path
) -> None:
    whole = sandbox_client.nodes.download_logs(9001).data
    sandbox.faults.add("truncate", endpoint=sandbox.ports[0], count=1)
    seen: list[int] = []
    target = tmp_path / "logs.zip"
    response = sandbox_client.nodes.download_logs(
        9001, to=target, on_progress=lambda done, _: seen.append(done)
    )
    assert response.attempts == 2
    assert target.read_bytes() == whole
    assert seen[-1] == len(whole)


@pytest.mark.parametrize("kind", ["path", "file"])
def test_a_second_try_that_is_shorter_than_the_first(kind: str, tmp_path: Path) -> None:
    """The first may have had more of another body."""
    target = io.BytesIO()

    class Twice:
        """A trip that gets half of a long body, then all of a short one."""

        def send(self, request: Any, *, timeout: float | None = None, sink: Any = None) -> Any:
            for chunks in ([b"long and never ", b"ending"], [b"short"]):
                sink.begin(None)
                for chunk in chunks:
                    sink.write(chunk)
            return sink.commit(b"")

    to: Any = tmp_path / "f" if kind == "path" else target
    assert download(Twice(), "nodes", 1, "logs", to=to) == to  # type: ignore[arg-type]
    assert (to.read_bytes() if kind == "path" else target.getvalue()) == b"short"


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the writes of a process")
@pytest.mark.parametrize("kind", ["path", "file"])
def test_small_chunks_are_written_together(kind: str, tmp_path: Path) -> None:
    class Chunked:
        """Receives 4 MiB in chunks of 8 KiB."""

        def send(self, request: Any, *, timeout: float | None = None, sink: Any = None) -> Any:
            sink.begin(None)
            before = writes()
            for _ in range(512):
                sink.write(b"x" * 8192)
            written.append(writes() - before)
            return sink.commit(b"")

    def writes() -> int:
        return int(re.findall(r"syscw: (\d+)", Path("/proc/self/io").read_text())[0])

    written: list[int] = []
    target = io.BytesIO()
    to: Any = tmp_path / "f" if kind == "path" else target
    download(Chunked(), "nodes", 1, "logs", to=to)  # type: ignore[arg-type]
    assert len(to.read_bytes() if kind == "path" else target.getvalue()) == 4 << 20
    assert written[0] < 128


def test_a_body_that_never_ends_well_leaves_nothing(
    sandbox: SandboxServer, sandbox_client: Client, tmp_path: Path
) -> None:
    sandbox.faults.add("truncate", endpoint=sandbox.ports[0])
    with pytest.raises(octaspace.ConnectionError):
        sandbox_client.nodes.download_logs(9001, to=tmp_path / "logs.zip")
    assert os.listdir(tmp_path) == []


def test_what_on_progress_raises_reaches_the_caller(
    client: Client, requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    requests_mock.get(IDENT, content=b"x" * 10)

    def cancel(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.nodes.download_ident(1, to=tmp_path / "f", on_progress=cancel)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("missing/folder/f", FileNotFoundError, "missing"),
        (".", IsADirectoryError, "is a folder"),
        (io.StringIO(), ValueError, "binary mode"),
        (7, ValueError, "binary mode"),
    ],
)
def test_a_bad_target_is_refused_before_anything_is_sent(
    target: Any, error: type[Exception], words: str, client: Client, requests_mock: requests_mock.Mocker,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        client.nodes.download_ident(1, to=target)
    assert requests_mock.call_count == 0


def test_the_file_behind_a_link_is_replaced_and_not_the_link(
    client: Client, requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    requests_mock.get(IDENT, content=b"new")
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    client.nodes.download_ident(1, to=link)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
