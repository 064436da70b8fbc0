"""`python -m octaspace.sandbox` as a process, and what it imports."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "octaspace.sandbox", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(start: Start, number: signal.Signals) -> None:
    process = start("--port", "0", "--port", "0", "--control-port", "0", "--dataset", "empty", "--seed", "3",
                    "--ready-after", "0.5")  # fmt: skip
    lines = [line(process) for _ in range(3)]
    said = re.compile(r"sandbox on (http://127\.0\.0\.1:\d+) \(data set empty, seed 3\)\n")
    urls = [match[1] for each in lines[:2] if (match := said.fullmatch(each))]
    assert len(urls) == 2
    control = lines[2].removeprefix("control on ").strip()
    health = requests.get(f"{control}/health", timeout=10).json()
    assert [endpoint["url"] for endpoint in health["endpoints"]] == urls
    assert (health["dataset"], health["seed"], health["ready_after"]) == ("empty", 3, 0.5)
    with requests.Session() as session:  # A connection that is open does not keep it.
        assert session.get(f"{urls[1]}/network", timeout=10).status_code == 200
        process.send_signal(number)
        assert process.wait(20) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{urls[0]}/network", timeout=10)


def test_q32_strict_keys(start: Start) -> None:
    process = start("--port", "0", "--strict-keys")
    url = line(process).split()[2]
    statuses = [
        requests.get(f"{url}/accounts", headers={"Authorization": key}, timeout=10).status_code
        for key in ("sk-any", "k" * 64)
    ]
    assert statuses == [401, 200]


def test_further_names_are_allowed_one_by_one(start: Start) -> None:
    url = line(start("--port", "0", "--allow-host", "a.example", "--allow-host", "b")).split()[2]
    statuses = [
        requests.get(f"{url}/network", headers={"Host": name}, timeout=10).status_code
        for name in ("a.example", "b:80", "localhost", "c.example")
    ]
    assert statuses == [200, 200, 200, 421]


def test_a_port_that_is_taken_is_said_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        process = start("--port", str(number))
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err == (
        f"sandbox: port {number} on 127.0.0.1 is in use; choose another with --port or --control-port\n"
    )


def test_an_address_that_is_not_there_is_said_in_one_line(start: Start) -> None:
    process = start("--port", "0", "--host", "192.0.2.1")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert re.fullmatch(r"sandbox: cannot listen on 192\.0\.2\.1: [^\n]+\n", err)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "70000"], "'70000' is not a port"),
        (["--port", "x"], "'x' is not a port"),
        (["--dataset", "huge"], "choose from"),
        (["--allow-host", "http://a.example"], "'http://a.example' cannot be the name of a host"),
        (["--ready-after", "-1"], "ready_after must be between 0 and 86400 seconds"),
    ],
)
def test_wrong_arguments(start: Start, arguments: list[str], says: str) -> None:
    process = start(*arguments)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert says in err
    assert "Traceback" not in err
