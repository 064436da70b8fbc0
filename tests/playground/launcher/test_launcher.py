"""`bin/playground` as a process: what it starts, says, and leaves behind, which is nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from requests import Response, Session

from octaspace.rentals import open_ledger
from octaspace.sandbox import SandboxServer
from playground.launcher.running_instances import RunningInstance, announced

from ...support.launched_playground import Launched
from ...support.running_playground import answers, free_port
from ...support.waiting import until
from .launched_processes import named

pytestmark = pytest.mark.gunicorn


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    """One worker, on any free port, started from some tmp_path."""
    launched = Launched(tmp_path, "--port", "0", "--workers", "1")
    yield launched
    launched.end()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_it_brings_everything_up_and_leaves_nothing_behind(launched: Launched, tmp_path: Path) -> None:
    url = launched.address()
    assert launched.text().count(url) == 2, "Gunicorn's line and ours"
    line = rf"at {url}, and uses its own sandbox at http://127.0.0.1:\d+, http://127.0.0.1:\d+ \("
    assert re.search(line, launched.text())
    assert "Active sessions" in get(f"{url}/playground/dashboard")
    assert "does not answer" not in get(f"{url}/playground/diagnostics/lab"), "its switches are reached"
    (sandbox,) = named(launched, "octaspace.sandbox")
    command = Path(f"/proc/{sandbox}/cmdline").read_text().split("\0")
    assert command.count("--port") == 2
    assert command.count("--control-port") == 1
    _, worker = named(launched, "gunicorn")
    environment = Path(f"/proc/{worker}/environ").read_text().split("\0")
    assert [line for line in environment if line.startswith("PLAYGROUND_SANDBOX_CONTROL=http://127.0.0.1:")]
    assert (tmp_path / "state" / "playground.sqlite3").exists()
    assert len(named(launched, "playground.reaper")) == 1
    launched.process.send_signal(signal.SIGINT)
    assert launched.wait() == 0
    assert launched.left_behind() == set()
    assert len(launched.family) >= 3
    assert "Traceback" not in launched.text()


@pytest.mark.parametrize(
    ("victim", "says"),
    [
        ("octaspace.sandbox", "The sandbox ended"),
        ("gunicorn", "Gunicorn ended"),
        ("playground.reaper", "The reaper ended"),
    ],
)
def test_when_a_part_ends_by_itself_all_of_it_ends(launched: Launched, victim: str, says: str) -> None:
    launched.address()
    os.kill(named(launched, victim)[0], signal.SIGKILL)
    assert launched.wait() == 1
    assert launched.left_behind() == set()
    assert f"{says} by itself (killed by SIGKILL)" in launched.text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_even_when_it_is_killed_nothing_stays(launched: Launched) -> None:
    launched.address()
    launched.process.kill()
    launched.wait()
    until(lambda: not launched.left_behind(), within=40)


def test_its_reaper_stops_a_rental_at_its_deadline_while_nobody_looks(tmp_path: Path) -> None:
    launched = Launched(tmp_path, "--port", "0", "--workers", "1", PLAYGROUND_REAPER_SECONDS="1")
    try:
        url = launched.address()
        browser = Session()
        two_seconds = str(2 / 3600)
        question = send(browser, f"{url}/playground/services/vpn/rent", step="review", node_id="9301",
                        subkind="wg", max_duration=two_seconds, name="forgotten")  # fmt: skip
        session = send(browser, question.url)
        assert "/playground/sessions/" in session.url
        ledger = open_ledger(f"sqlite:///{tmp_path}/state/rentals.db")
        (rental,) = ledger.backend.open_rentals()
        until(lambda: not ledger.backend.open_rentals(), within=30)
        (closed,) = ledger.backend.closed_rentals()
        assert (closed.uuid, closed.outcome) == (rental.uuid, "deadline passed")
        assert f"session {rental.uuid} of rental {rental.id}: deadline passed" in launched.text()
        page = browser.get(f"{url}/playground/rentals").text
        assert "deadline passed" in page
        assert "deadlines are not enforced" not in page
        assert "does not exist" not in browser.get(f"{session.url.partition('?')[0]}?recent=true").text
        launched.process.terminate()
        assert launched.wait() == 0
        assert "Traceback" not in launched.text()
    finally:
        launched.end()


def send(browser: Session, address: str, **fields: str) -> Response:
    """Send a form of the app as a browser does."""
    page = browser.get(address, timeout=20).text
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    answer = browser.post(address, data={"csrf_token": token[1], **fields}, timeout=20)
    assert answer.status_code == 200, answer.text[:2000]
    return answer


def test_the_path_of_a_ledger_is_relative_to_the_folder_of_the_start(tmp_path: Path) -> None:
    launched = Launched(
        tmp_path, "--port", "0", "--workers", "1", PLAYGROUND_RENTAL_LEDGER="sqlite:///shared.db"
    )
    try:
        launched.address()
        (reaper,) = named(launched, "playground.reaper")
        environment = Path(f"/proc/{reaper}/environ").read_text().split("\0")
        assert f"PLAYGROUND_RENTAL_LEDGER=sqlite:///{tmp_path}/shared.db" in environment
        (sandbox,) = named(launched, "octaspace.sandbox")
        assert "PLAYGROUND_RENTAL_LEDGER" not in Path(f"/proc/{sandbox}/environ").read_text()
        launched.process.terminate()
        assert launched.wait() == 0
    finally:
        launched.end()


def test_a_second_ctrl_c_does_not_wait(launched: Launched) -> None:
    url = launched.address()
    (sandbox,) = named(launched, "octaspace.sandbox")
    os.kill(sandbox, signal.SIGSTOP)  # so that a page hangs, and Gunicorn waits for it
    address = url.removeprefix("http://").split(":")
    with closing(socket.create_connection((address[0], int(address[1])))) as visitor:
        visitor.sendall(b"GET /playground/network HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: stalled(sandbox))
        launched.process.send_signal(signal.SIGINT)
        until(lambda: "Handling signal: term" in launched.text())
        launched.process.send_signal(signal.SIGINT)
        assert launched.process.wait(15) == 0
    assert launched.left_behind() == set()


def stalled(sandbox: int) -> bool:
    """Whether a client has connected to a process that does nothing."""
    inodes = {os.readlink(path) for path in Path(f"/proc/{sandbox}/fd").iterdir()}
    listening = {
        fields[1]
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes
    }
    return any(
        fields[1] in listening and fields[3] == "01"
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    )


def test_it_speaks_to_the_api_of_the_key_and_says_so(tmp_path: Path) -> None:
    with SandboxServer(ports=(0,)) as api:
        launched = Launched(
            tmp_path, "--port", "0", "--workers", "1", OCTA_API_KEY="the-operators-key", OCTA_BASE_URL=api.url
        )
        try:
            page = get(f"{launched.address()}/playground/dashboard")
            assert f"speaks with OCTA_API_KEY to {api.url} " in launched.text()
            assert "the-operators-key" not in launched.text() + page
            assert "/nodes" in {entry.path for entry in api.journal.entries()}
            launched.process.terminate()
            assert launched.wait() == 0
        finally:
            launched.end()


def test_two_run_side_by_side(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    both = [Launched(each, "--port", "0", "--workers", "1") for each in folders]
    try:
        first, second = (launched.address() for launched in both)
        assert first != second
        both[0].process.terminate()
        assert both[0].wait() == 0
        assert answers(second)
        assert "Active sessions" in get(f"{second}/playground/dashboard")
        both[1].process.terminate()
        assert both[1].wait() == 0
        assert not both[0].left_behind() | both[1].left_behind()
    finally:
        for launched in both:
            launched.end()


def refused(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    launched = Launched(tmp_path, *arguments, **environment)
    try:
        return launched.process.wait(60), launched.text().splitlines()
    finally:
        launched.end()


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        code, said = refused(tmp_path, "--port", str(port))
    assert (code, said) == (1, [f"Port {port} on 127.0.0.1 is in use; choose another with --port"])


def test_a_second_sandbox_for_the_same_ledger_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    other = RunningInstance("http://127.0.0.1:1", ("http://127.0.0.1:2", "http://127.0.0.1:3"))
    with announced(state, other):
        code, said = refused(tmp_path, "--port", str(free_port()), PLAYGROUND_STATE_DIR=str(state))
    assert code == 1
    (line,) = said
    assert "The playground at http://127.0.0.1:1 has the same state folder, and another sandbox" in line
    assert "add --sandbox-url http://127.0.0.1:2,http://127.0.0.1:3 to share" in line


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--host", "no such host"], {}, "--host no such host is not an address"),
        (["--host", "192.0.2.1"], {}, "--host 192.0.2.1 is not an address of this machine"),
        (["--host", "0.0.0.0"], {}, "set PLAYGROUND_PASSWORD first"),
        (["--host", "0.0.0.0"], {"PLAYGROUND_PASSWORD": "open sesame, please"}, "set PLAYGROUND_HOSTS"),
        ([], {"OCTA_BASE_URL": "ftp://files.example"}, "OCTA_BASE_URL: "),
        ([], {"OCTA_API_KEY": "two\nlines"}, "OCTA_API_KEY: "),
        ([], {"PLAYGROUND_PROXY_HOPS": "many"}, "PLAYGROUND_PROXY_HOPS must be"),
        ([], {"PLAYGROUND_RENTAL_LEDGER": "mysql://db"}, "PLAYGROUND_RENTAL_LEDGER cannot be used"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    code, said = refused(tmp_path, "--port", str(free_port()), *arguments, **environment)
    assert code == 1
    assert len(said) == 1, said
    assert says in said[0]


@pytest.mark.parametrize("argument", ["--port=65536", "--workers=0", "--threads=many", "--dataset=none"])
def test_wrong_arguments_are_named(tmp_path: Path, argument: str) -> None:
    code, said = refused(tmp_path, argument)
    assert code == 2
    assert argument.partition("=")[0] in said[-1]
