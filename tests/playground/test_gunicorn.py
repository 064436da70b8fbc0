"""The app under real Gunicorn: how it starts, what it believes and writes, how it stops."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from ..support.running_playground import ROOT, RunningPlayground, bare_environment, free_port
from ..support.waiting import until

pytestmark = pytest.mark.gunicorn

GUARDED = {"PLAYGROUND_PASSWORD": "open sesame, please", "PLAYGROUND_HOSTS": "qa.example"}


def get(url: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask for a path as it stands."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def refused(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """Start it as it must not be started; what it says."""
    command = [sys.executable, "-m", "gunicorn", "-c", "playground/gunicorn.conf.py"]
    done = subprocess.run(
        [*command, *arguments, "playground:create_app()"],
        cwd=ROOT, env={**bare_environment(), "PLAYGROUND_STATE_DIR": str(tmp_path), **environment},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Booting worker" not in done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    return line


@pytest.mark.parametrize("given", [["-b"], []])
def test_an_address_for_others_needs_password_and_names(tmp_path: Path, given: list[str]) -> None:
    address = f"0.0.0.0:{free_port()}"
    arguments = [*given, address] if given else []
    environment = {} if given else {"PLAYGROUND_BIND": address}
    assert "PLAYGROUND_PASSWORD" in refused(tmp_path, *arguments, **environment)
    password = {"PLAYGROUND_PASSWORD": "open sesame, please"}
    assert "PLAYGROUND_HOSTS" in refused(tmp_path, *arguments, **environment, **password)


def test_what_the_app_allows_goes_by_where_it_listens(tmp_path: Path) -> None:
    several = ["-b", f"127.0.0.1:{free_port()}", "-b", f"0.0.0.0:{free_port()}"]
    assert "set PLAYGROUND_BIND to one" in refused(tmp_path, *several, **GUARDED)
    early = ["--preload", "-b", f"0.0.0.0:{free_port()}"]
    assert "set PLAYGROUND_BIND instead of -b" in refused(tmp_path, *early, **GUARDED)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PLAYGROUND_WORKERS", "many"),
        ("PLAYGROUND_HOSTS", "*"),
        ("OCTA_BASE_URL", "ftp://a.example"),
        ("PLAYGROUND_LOG_FORMAT", "xml"),
        ("PLAYGROUND_BIND", "127.0.0.1:99999"),
    ],
)
def test_what_cannot_be_used_is_said_once_and_early(tmp_path: Path, variable: str, value: str) -> None:
    assert variable in refused(tmp_path, **{variable: value})


def test_a_folder_that_cannot_be_had_is_said_once_and_early(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(tmp_path, PLAYGROUND_STATE_DIR=str(tmp_path / "file"))
    assert "The state cannot be stored in" in line
    assert "see PLAYGROUND_STATE_DIR" in line
    ledger = refused(tmp_path, PLAYGROUND_RENTAL_LEDGER=f"sqlite:///{tmp_path}/missing/rentals.db")
    assert f"{tmp_path}/missing is not a directory; see PLAYGROUND_RENTAL_LEDGER" in ledger


def test_a_key_file_that_cannot_be_used_is_said_once_and_early(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_bytes(b"")
    assert f"{tmp_path}/secret_key does not contain a key" in refused(tmp_path)


def test_a_damaged_file_of_the_store_is_said_once_and_early(tmp_path: Path) -> None:
    (tmp_path / "playground.sqlite3").write_bytes(b"this is no database " * 100)
    line = refused(tmp_path)
    assert f"{tmp_path}/playground.sqlite3 is damaged" in line
    assert "move the file away" in line


def test_an_address_of_b_is_known_to_the_workers(tmp_path: Path) -> None:
    """Otherwise a browser could type any address into an app that others can reach."""
    port = free_port()
    given = {"PLAYGROUND_BIND": "127.0.0.1:3000", "GUNICORN_CMD_ARGS": f"-b 0.0.0.0:{port}", **GUARDED}
    running = RunningPlayground(tmp_path, workers=1, environment=given)
    running.url = f"http://127.0.0.1:{port}"
    with running:
        answer, _ = get(running.url, "/playground/login", Host="qa.example")
        assert answer.status == 200
        assert answer.headers["Set-Cookie"].startswith(f"playground_{port}=")


def test_it_serves_logs_and_stops(tmp_path: Path) -> None:
    with RunningPlayground(tmp_path, workers=2) as running:
        url = running.url
        _, page = get(url, "/playground/dashboard?secret=in-the-query", Referer=f"{url}/?from=referrer")
        assert b"Active sessions" in page
        get(url, "/no/%1b[2J%0d%0afake%20line%e2%80%ae/%22quoted")
        until(lambda: "quoted" in running.log())
        assert "in-the-query" not in running.log()
        assert "from=referrer" not in running.log()
        assert "\x1b" not in running.log()
        assert not re.search(r"^fake", running.log(), re.MULTILINE)
        assert '"GET /no/%1B%5B2J%0D%0Afake%20line%E2%80%AE/%22quoted" 404' in running.log()

        # Only PLAYGROUND_PROXY_HOPS makes it believe what a proxy says; Gunicorn by itself does not.
        said = {
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-For": "1.2.3.4",
        }
        answer, _ = get(url, "/playground/settings", **said)
        assert answer.status == 200
        assert "Secure" not in answer.headers["Set-Cookie"]
        answer, _ = get(url, "/healthz", Host="evil.example")
        assert answer.status == 400
        assert "Refused GET /healthz: Host evil.example is not in PLAYGROUND_HOSTS" in running.log()
        assert get(url, "/readyz")[1] == b"ok\n"
        _, page = get(url, "/playground/settings", SCRIPT_NAME="/evil", **{"Script-Name": "/evil"})
        assert b"/evil" not in page

        # A page under way when it is told to stop is still answered.
        running.sandbox.faults.add("slow", seconds=1.5, path="/network")
        got: list[bytes] = []
        asking = threading.Thread(target=lambda: got.append(get(url, "/playground/network?_fresh=1")[1]))
        asking.start()
        journal = running.sandbox.journal
        until(lambda: any(entry.path == "/network" and not entry.done for entry in journal.entries()))
        os.kill(running.pid, signal.SIGTERM)
        asking.join(30)
        assert b"Market price" in got[0]
        until(lambda: not Path(f"/proc/{running.pid}/fd/0").exists(), within=40)
    assert "Traceback" not in running.log()
    assert not [line for line in running.log().splitlines() if "Exception" in line]


def test_log_lines_as_json(tmp_path: Path) -> None:
    environment = {"PLAYGROUND_LOG_FORMAT": "json", "OCTA_BASEURL": "http://127.0.0.1:1"}
    with RunningPlayground(tmp_path, workers=1, environment=environment) as running:
        get(running.url, "/playground/dashboard?secret=in-the-query", Cookie="taste=of-a-cookie")
        get(running.url, "/no/%1b[2J%0d%0a%7b%22level%22:%22forged%22%7d%e2%80%ae/%22quoted")
        get(running.url, "/healthz", Host="evil.example")
        until(lambda: "quoted" in running.log() and "evil.example" in running.log())
        lines = [json.loads(line) for line in running.log().splitlines()]
        text = running.log()
    assert all({"time", "level", "logger", "pid", "message"} <= line.keys() for line in lines)
    (page,) = [line for line in lines if line.get("path") == "/playground/dashboard"]
    assert (page["method"], page["status"], page["level"]) == ("GET", 200, "info")
    assert page["bytes"] > 1000
    assert page["seconds"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", page["time"])
    (strange,) = [line for line in lines if "quoted" in line.get("path", "")]
    assert (strange["status"], strange["level"]) == (404, "info")
    assert any(line["level"] == "warning" and "evil.example" in line["message"] for line in lines)
    assert "in-the-query" not in text
    assert "of-a-cookie" not in text
    assert any(line["logger"] == "py.warnings" and "OCTA_BASE_URL?" in line["message"] for line in lines)
    assert any(line["logger"] == "gunicorn.error" and "Booting worker" in line["message"] for line in lines)


def test_a_proxy_is_believed_as_far_as_it_is_ours(tmp_path: Path) -> None:
    environment = {"PLAYGROUND_PROXY_HOPS": "1", **GUARDED}
    with RunningPlayground(tmp_path, workers=1, environment=environment) as running:
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "qa.example"}
        answer, _ = get(running.url, "/playground/login", **forwarded)
        assert answer.status == 200
        assert "Secure" in answer.headers["Set-Cookie"]
        forwarded["X-Forwarded-Host"] = "evil.example"
        assert get(running.url, "/playground/login", **forwarded)[0].status == 400
        forwarded["X-Forwarded-Host"] = "evil.example, qa.example"
        assert get(running.url, "/playground/login", **forwarded)[0].status == 200


def test_it_is_right_with_the_app_loaded_before_the_fork_too(tmp_path: Path) -> None:
    environment = {"GUNICORN_CMD_ARGS": "--preload"}
    with RunningPlayground(tmp_path, workers=2, environment=environment) as running:

        def both_have_answered() -> bool:
            # Which worker takes a connection is the system's choice.
            with urllib.request.urlopen(f"{running.url}/playground/dashboard", timeout=20) as page:
                assert b"Active sessions" in page.read()
            return len(set(re.findall(r"<(\d+)>", running.log()))) > 1

        until(both_have_answered, within=30)
    assert "Traceback" not in running.log()


def test_a_stalled_call_does_not_outlive_the_worker(tmp_path: Path) -> None:
    environment = {"GUNICORN_CMD_ARGS": "--graceful-timeout 1"}
    with RunningPlayground(tmp_path, workers=1, environment=environment) as running:
        running.sandbox.faults.add("stall", path="/network")
        asking = threading.Thread(target=ask_in_vain, args=(running.url,))
        asking.start()
        until(lambda: any(entry.path == "/network" for entry in running.sandbox.journal.entries()))
        (worker,) = running.worker_pids()
        os.kill(running.pid, signal.SIGTERM)
        until(lambda: not Path(f"/proc/{worker}").exists(), within=20)
        asking.join(20)


def ask_in_vain(url: str) -> None:
    with suppress(OSError, http.client.HTTPException):
        get(url, "/playground/network")
