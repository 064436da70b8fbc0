"""`bin/live-check`: the reads of the smoke suite in a terminal, nothing changed, the key never shown."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import octaspace
from flask_octaspace.calls import ChangeRefusedError
from octaspace.sandbox import SandboxServer
from playground.jobs.smoke_steps import plan
from playground.live_check.check import reading_client
from playground.sdk.methods import all_methods

from ..support.fault_server import FaultServer, answer
from ..support.running_playground import ROOT, bare_environment, free_port
from ..support.waiting import until

COMMAND = [sys.executable, "-m", "playground.live_check"]
ENVIRONMENT = {**bare_environment(), "PYTHONPATH": str(ROOT)}
KEY = "a-key-that-nobody-may-see-7Hq2"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0,)) as running:
        yield running


def check(
    folder: Path, *words: str, key: str | None = KEY, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it until it exits."""
    given = {} if key is None else {"OCTA_API_KEY": key}
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=folder, env={**ENVIRONMENT, **given, **environment}, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert not key or key.isspace() or key not in done.stdout + done.stderr
    return done


def report(
    folder: Path, sandbox: SandboxServer, *words: str, **environment: str
) -> tuple[int, dict[str, Any]]:
    """Its exit code and its JSON."""
    done = check(folder, "--json", *words, OCTA_BASE_URL=sandbox.url, **environment)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def test_every_read_is_made_and_nothing_is_changed(tmp_path: Path, sandbox: SandboxServer) -> None:
    done = check(tmp_path, "--idle-job", "69/42", OCTA_BASE_URL=sandbox.url)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.endswith(f"reads from {sandbox.url} with the key ••••7Hq2")
    reads = len(plan(changes=False))
    assert re.fullmatch(rf"{reads} passed, 0 failed, 0 skipped in .+ m?s\. Nothing was changed\.", last)
    assert reads == len(re.findall(r"^ *\d+/\d+  passed ", done.stdout, re.MULTILINE))
    # Request and response: line, method and path, endpoint, status, attempts, id, shape.
    nodes = re.search(
        r"1/\d+  passed   client\.nodes\.list\(\)\n +GET /nodes · (\S+) · 200 · .+ · 1 attempt · "
        r"request id (\S+)\n +list of (\d+)\n",
        done.stdout,
    )
    assert nodes is not None
    arrived = sandbox.journal.entries()
    assert nodes[1] == sandbox.url
    assert nodes[2] in {entry.request_id for entry in arrived}
    with octaspace.Client(KEY, base_url=sandbox.url) as client:
        assert int(nodes[3]) == len(client.nodes.list().data)
    assert not [entry for entry in arrived if entry.change]
    assert "GET /sessions?recent=true" in done.stdout


def test_the_suite_has_every_read_of_the_sdk() -> None:
    assert set(plan(changes=False)) == {method.name for method in all_methods() if not method.change}


def test_client_refuses_every_change(sandbox: SandboxServer) -> None:
    with reading_client(octaspace.Config(api_key=KEY, base_url=sandbox.url)) as client:
        for act in (
            client.accounts.generate_wallet,
            lambda: client.nodes.reboot(9001),
            lambda: client.nodes.update_prices(9001, base=1),
            lambda: client.services.session("x").stop(),
            lambda: client.with_options(max_retries=0).services.vpn.create(node_id=9301),
            lambda: client.send(octaspace.Request("DELETE", "/nodes/9001")),
        ):
            with pytest.raises(ChangeRefusedError):
                act()
        assert client.network.info().status == 200
    assert [entry.path for entry in sandbox.journal.entries()] == ["/network"]


def test_missing_key_is_a_one_line_error(tmp_path: Path, sandbox: SandboxServer) -> None:
    done = check(tmp_path, key=None, OCTA_BASE_URL=sandbox.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "live-check: OCTA_API_KEY is not set, and most reads need a key\n"
    assert check(tmp_path, key=" ", OCTA_BASE_URL=sandbox.url).returncode == 2
    assert sandbox.journal.entries() == []


@pytest.mark.parametrize(
    "environment",
    [
        {"OCTA_API_KEY": f"'{KEY}'"},
        {"OCTA_API_KEY": f'"{KEY}"'},
        {"OCTA_BASE_URL": "ftp://api.octa.space"},
        {"OCTA_MAX_RETRIES": "often"},
    ],
)
def test_invalid_setting_is_a_one_line_error(tmp_path: Path, environment: dict[str, str]) -> None:
    done = check(tmp_path, key=None, **{"OCTA_API_KEY": "a-key", "OCTA_BASE_URL": unused(), **environment})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"live-check: {next(iter(environment))}: ")
    assert done.stderr.count("\n") == 1
    assert KEY not in done.stderr


@pytest.mark.parametrize(
    "words", [["--rent"], ["--timeout", "0"], ["--timeout", "soon"], ["--idle-job", "69"], ["nodes.list"]]
)
def test_invalid_option_is_a_one_line_error(tmp_path: Path, words: list[str]) -> None:
    done = check(tmp_path, *words, OCTA_BASE_URL=unused())
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"live-check: .+ \(--help lists the options\)\n", done.stderr)


def test_failed_call_does_not_stop_the_others(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=403, path="/apps")
    done = check(tmp_path, OCTA_BASE_URL=sandbox.url)
    assert done.returncode == 1
    failed = re.search(
        r"FAILED   client\.apps\.list\(\)\n +GET /apps · \S+ · 403 PermissionError · .+\n"
        r" +PermissionError: GET /apps: 403: .+",
        done.stdout,
    )
    assert failed is not None
    assert ", 1 failed, " in done.stdout.splitlines()[-1]
    assert "passed   client.network.info()" in done.stdout


def test_an_answer_of_another_shape_is_a_failure(tmp_path: Path) -> None:
    """The key in the answer is not in the output."""
    with FaultServer(after=answer([{"account_uuid": KEY}])) as server:
        done = check(tmp_path, OCTA_BASE_URL=server.url)
    assert done.returncode == 1
    assert "FAILED   client.network.info()" in done.stdout
    assert "UnexpectedShapeError: not an octaspace.types.Network" in done.stdout


def test_retries_are_counted(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=503, path="/network", count=1)
    code, found = report(tmp_path, sandbox, OCTA_RETRY_INTERVAL="0")
    (network,) = (call for call in found["calls"] if call["method"] == "network.info")
    assert (code, network["state"], network["attempts"]) == (0, "passed", 2)


def test_the_report_as_json(tmp_path: Path, sandbox: SandboxServer) -> None:
    code, found = report(tmp_path, sandbox, "--timeout", "20")
    assert code == 0
    assert (found["suite"], found["finished"]) == ("octaspace live-check", True)
    assert (found["endpoints"], found["key"]) == ([sandbox.url], "••••7Hq2")
    assert [call["method"] for call in found["calls"]] == plan(changes=False)
    assert found["passed"] + found["skipped"] == len(found["calls"])
    skipped = {call["method"]: call["message"] for call in found["calls"] if call["state"] == "skipped"}
    assert skipped == dict.fromkeys(
        ("idle_jobs.find", "idle_jobs.logs"), "needs the number of an idle job, and no call lists them"
    )
    requests = [request for call in found["calls"] for request in call["requests"]]
    arrived = sandbox.journal.entries()
    assert [request["request_id"] for request in requests] == [entry.request_id for entry in arrived]
    identity = next(call for call in found["calls"] if call["method"] == "nodes.download_ident")
    assert re.fullmatch(r"\d+ bytes", identity["data"])


def test_answers_are_not_shown(tmp_path: Path, sandbox: SandboxServer) -> None:
    octa = octaspace.Client(KEY, base_url=sandbox.url)
    with octa:
        secrets = [
            octa.accounts.profile().data["email"],
            octa.accounts.profile().data["wallet"],
            str(octa.accounts.balance().data["balance"]),
            octa.nodes.download_ident(9001).data.decode("latin-1").splitlines()[1],
        ]
    done = check(tmp_path, OCTA_BASE_URL=sandbox.url)
    document = check(tmp_path, "--json", OCTA_BASE_URL=sandbox.url).stdout
    assert not [secret for secret in secrets if secret in done.stdout + document]


def test_control_characters_are_removed(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for words in ([], ["--json"]):
        done = check(tmp_path, *words, OCTA_BASE_URL=sandbox.url)
        assert done.returncode == 0
        assert [
            character for character in done.stdout if not (character.isprintable() or character == "\n")
        ] == []


def test_a_key_that_is_refused_is_a_failure(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=401)
    done = check(tmp_path, OCTA_BASE_URL=sandbox.url)
    assert done.returncode == 1
    assert "AuthenticationError" in done.stdout


def test_unreachable_api_is_a_failure(tmp_path: Path) -> None:
    done = check(tmp_path, OCTA_BASE_URL=unused(), OCTA_MAX_RETRIES="0")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "ConnectionError" in done.stdout
    *_, summary, hint = done.stdout.splitlines()
    assert re.match(r"0 passed, ", summary)
    assert hint.startswith("No answer came from ")


def test_ctrl_c_prints_the_partial_report(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall", path="/apps")
    running = subprocess.Popen(
        COMMAND,
        cwd=tmp_path, env={**ENVIRONMENT, "OCTA_API_KEY": KEY, "OCTA_BASE_URL": sandbox.url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts,
    )  # fmt: skip
    try:
        until(lambda: any(entry.path == "/apps" for entry in sandbox.journal.entries()), within=60)
        running.send_signal(signal.SIGINT)
        told, errors = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert (running.returncode, errors) == (130, "")
    assert re.fullmatch(
        r"Stopped during apps\.list: \d+ passed, 0 failed, 0 skipped in .+", told.splitlines()[-1]
    )


def test_silent_endpoint_times_out(tmp_path: Path, sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall")
    done = check(tmp_path, "--timeout", "0.2", OCTA_API_KEY=KEY, OCTA_BASE_URL=sandbox.url)
    assert done.returncode == 1
    assert f"No answer came from {sandbox.url}: check the network and the address." in done.stdout
    assert "limit for each call (OCTA_TOTAL_TIMEOUT, else 20 s)" in " ".join(
        check(tmp_path, "--help").stdout.split()
    )


def test_closed_pipe_causes_no_traceback(tmp_path: Path, sandbox: SandboxServer) -> None:
    running = subprocess.Popen(
        COMMAND,
        cwd=tmp_path, env={**ENVIRONMENT, "OCTA_API_KEY": KEY, "OCTA_BASE_URL": sandbox.url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait(timeout=60) == 1


def test_script_only_calls_the_package() -> None:
    script = ROOT / "bin" / "live-check"
    assert os.access(script, os.X_OK)
    assert '"playground.live_check"' in script.read_text()


def hear_interrupts() -> None:
    """In a child: a shell may have started the tests with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def unused() -> str:
    """An address without a server."""
    return f"http://127.0.0.1:{free_port()}"
