"""A download that the caller aborts ends at once, whatever the server does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from octaspace import Client

from ..support.fault_server import Behaviour, FaultServer, answer, drip, http, stall, stall_in_body
from ..support.waiting import until

#: Far more than a test may take: only what `on_progress` raises can end these downloads in time.
LONG = 600.0


class AbortedError(OSError):
    """Raised by a caller. As an OSError it could be mistaken for a network error, and retried."""


ENDLESS: dict[str, Behaviour] = {
    "nothing comes": stall,
    "half of the body comes": stall_in_body,
    "a byte at a time": drip(http(200, b"x" * 100_000, {"Content-Type": "application/octet-stream"}), 0.02),
    "a byte of the head at a time": drip(b"HTTP/1.1 200 OK\r\nX-Fill: " + b"x" * 60_000, 0.02),
    "a chunk at a time": drip(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 10_000, 0.02
    ),
}


@pytest.mark.parametrize("total", [None, LONG], ids=["without a limit", "within a limit"])
@pytest.mark.parametrize("behaviour", ENDLESS.values(), ids=ENDLESS)
def test_an_exception_of_on_progress_ends_a_download_without_data(
    behaviour: Behaviour, total: float | None, tmp_path: Path
) -> None:
    reported: list[tuple[int, int | None]] = []

    def refuse(done: int, size: int | None) -> None:
        reported.append((done, size))
        raise AbortedError("aborted")

    options: dict[str, Any] = {"read_timeout": LONG, "total_timeout": total, "max_retries": 5}
    with (
        FaultServer(after=behaviour) as server,
        Client("key", base_url=server.url, keep_alive=True, **options) as client,
    ):
        with pytest.raises(AbortedError):
            client.nodes.download_logs(1, to=tmp_path / "logs", on_progress=refuse)
        assert len(reported) == 1
        assert len(server.journal) == 1, "not tried again"
        until(lambda: server.open_count == 0)
        assert client.transport_stats()["pools"][server.url]["in_use"] == 0
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_on_progress_ends_the_wait_before_a_retry(tmp_path: Path) -> None:
    reported: list[int] = []

    def refuse(done: int, size: int | None) -> None:
        reported.append(done)
        raise AbortedError

    busy = answer({}, status=503, headers={"Retry-After": "50"})
    with (
        FaultServer(after=busy) as server,
        Client("key", base_url=server.url, max_retries=5, max_retry_after=60) as client,
    ):
        with pytest.raises(AbortedError):
            client.nodes.download_logs(1, to=tmp_path / "logs", on_progress=refuse)
        assert reported == [0]
        assert len(server.journal) == 1


def test_a_slow_download_with_polling_is_complete(tmp_path: Path) -> None:
    """The limit of a wait is that of the option, not the polling interval."""
    body = b"slow" * 5
    reported: list[tuple[int, int | None]] = []
    with (
        FaultServer(
            after=drip(http(200, body, {"Content-Type": "application/octet-stream"}), 0.02)
        ) as server,
        Client("key", base_url=server.url, max_retries=0, read_timeout=20) as client,
    ):
        found = client.nodes.download_logs(1, on_progress=lambda *step: reported.append(step))
    assert found.data == body
    assert reported[-1] == (len(body), len(body))
    assert (0, None) in reported or (0, len(body)) in reported, "no call before the first data"
