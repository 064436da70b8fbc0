"""Copied lines in real shells and as real programs, against the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from octaspace.sandbox import SandboxServer
from playground.sdk.call import SdkCall
from playground.sdk.copied_line import CopiedLine, curl, python_program, python_statement
from playground.sdk.redaction import without_secrets

from ...support.programs import find_program
from ...support.running_playground import ROOT, bare_environment

SHELLS = ("sh", "bash", "zsh")

ODD = 'it\'s "x" $HOME `id` !! \\n \n %s {a,b} [1-3] ключ \u202e'


@pytest.fixture(autouse=True)
def _curl() -> None:
    find_program("curl")


def command(method: str, endpoint: str, path: str, body: Any = None, **more: Any) -> CopiedLine:
    given = {"params": {}, "public": False, "expects": "json", "key": "a-key", **more}
    return curl(method, endpoint, path, body=body, **given)


def shell(text: str, folder: Path, name: str = "sh", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_program(name), "-s"], input=f"{text}\n", cwd=folder, env={**bare_environment(), **variables},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def program(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-"], input=text, cwd=folder,
        env={**bare_environment(), "PYTHONPATH": str(ROOT), **variables},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", SHELLS)
def test_odd_characters_arrive_unchanged(sandbox: SandboxServer, tmp_path: Path, name: str) -> None:
    body = [{"node_id": 9101, "disk_size": 10, "image": ODD, "envs": {"A'": ODD}}]
    line = command("POST", sandbox.url, "/services/mr", body, params={"a b": ODD})
    done = shell(line.text, tmp_path, name)
    (entry,) = sandbox.journal.entries()
    assert (entry.method, entry.operation) == ("POST", "rent_machines")
    assert json.loads(entry.body) == body
    assert json.loads(done.stdout)[0]["uuid"]
    assert done.returncode == 0
    assert line.variables == ()


@pytest.mark.parametrize("path", ["/nodes/%5B1-3%5D", "/nodes/[1-3]", "/nodes/{a,b}", "/nodes/'$(id)'"])
def test_paths_are_not_expanded(sandbox: SandboxServer, tmp_path: Path, path: str) -> None:
    shell(command("GET", sandbox.url, path).text, tmp_path)
    assert [entry.path for entry in sandbox.journal.entries()] == [path]


def test_a_query_of_the_path_and_parameters(sandbox: SandboxServer, tmp_path: Path) -> None:
    shell(command("GET", sandbox.url, "/sessions?recent=true", params={"x": "1"}).text, tmp_path)
    assert [entry.query for entry in sandbox.journal.entries()] == ["recent=true&x=1"]


def test_a_key_that_is_not_shown_is_a_variable(sandbox: SandboxServer, tmp_path: Path) -> None:
    line = command("GET", sandbox.url, "/accounts/balance", key=None)
    assert line.variables == ("OCTA_API_KEY",)
    assert shell(line.text, tmp_path).returncode == 22, "refused without a key"
    assert shell(line.text, tmp_path, OCTA_API_KEY="a-typed-key").returncode == 0
    public = command("GET", sandbox.url, "/network", key=None, public=True)
    assert public.variables == ()
    assert "Authorization" not in public.text


@pytest.mark.parametrize("name", SHELLS)
def test_a_command_with_left_out_values_sends_nothing_until_they_are_set(
    sandbox: SandboxServer, tmp_path: Path, name: str
) -> None:
    body = {
        "node_id": 9101,
        "envs": {"KEY": "secret"},
        "more": [{"token": "t"}, {"token": "u"}],
        "disk_size": 9,
    }
    line = command("POST", sandbox.url, "/services/mr", without_secrets(body))
    assert line.variables == ("ENVS", "TOKEN", "TOKEN_2")
    assert "secret" not in line.text
    done = shell(line.text, tmp_path, name)
    assert done.returncode != 0
    assert "ENVS" in done.stderr
    assert sandbox.journal.entries() == []
    shell(line.text, tmp_path, name, ENVS='{"KEY": "it\'s $HOME"}', TOKEN='"t"', TOKEN_2='"u"')
    (entry,) = sandbox.journal.entries()
    assert json.loads(entry.body) == {**body, "envs": {"KEY": "it's $HOME"}}


def test_a_file_is_saved_and_not_printed(sandbox: SandboxServer, tmp_path: Path) -> None:
    line = command("GET", sandbox.url, "/nodes/9001/logs", expects="file")
    done = shell(line.text, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "nodes-9001-logs").stat().st_size > 0


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (SdkCall("nodes.list"), "9001"),
        (SdkCall("services.mr.search", gpu="RTX"), "MachineOffer("),
        (SdkCall("services.mr.rent", node_id=9101, disk_size=10, image="x", max_duration=60), "-"),
        (SdkCall("services.vpn.create", node_id=9301, subkind="wg", name="it's mine"), "uuid"),
    ],
)
def test_programs_run(sandbox: SandboxServer, tmp_path: Path, line: SdkCall, shown: str) -> None:
    made = python_program(str(line), endpoint=sandbox.url, public=False, key="a-key")
    done = program(made.text, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in done.stdout
    assert made.variables == ()


def test_a_program_with_a_key_that_is_not_shown(sandbox: SandboxServer, tmp_path: Path) -> None:
    made = python_program("client.accounts.balance()", endpoint=sandbox.url, public=False, key=None)
    assert made.variables == ("OCTA_API_KEY",)
    assert "OCTA_API_KEY" in program(made.text, tmp_path).stderr
    assert sandbox.journal.entries() == []
    assert program(made.text, tmp_path, OCTA_API_KEY="typed").returncode == 0
    public = python_program("client.network.info()", endpoint=sandbox.url, public=True, key=None)
    assert public.variables == ()
    assert program(public.text, tmp_path).returncode == 0


def test_a_program_with_left_out_values_sends_nothing_until_they_are_set(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    call = SdkCall("services.mr.create", node_id=9101, disk_size=10, image="x", envs={"KEY": "secret"})
    made = python_program(call.redacted, endpoint=sandbox.url, public=False, key="a-key")
    assert made.variables == ("ENVS",)
    assert "secret" not in made.text.replace("secrets", "")
    assert "NameError" in program(made.text, tmp_path).stderr
    assert sandbox.journal.entries() == []
    assert program(f"ENVS = {{'KEY': 'set'}}\n{made.text}", tmp_path).returncode == 0
    assert json.loads(sandbox.journal.entries()[0].body)[0]["envs"] == {"KEY": "set"}


@pytest.mark.parametrize("line", ["client.nodes.find('…", "", "client", "x" * 10_000, "(" * 5000])
def test_a_line_that_was_shortened_is_only_a_comment(line: str) -> None:
    made = python_program(line, endpoint="http://127.0.0.1:1", public=False, key=None)
    assert made.problem
    assert made.text.startswith("# ")
    assert made.text.count("\n") == 1


def test_statements_use_what_a_method_returns() -> None:
    follow = SdkCall("services.session", "u").chain("follow_logs", interval=1)
    rent = SdkCall("services.vpn.rent", node_id=1, subkind="wg")
    assert python_statement(str(follow)) == f"for text in {follow}: print(text)"
    assert python_statement(str(rent)) == f"with {rent} as session: print(session.uuid)"
    assert python_statement("client.nodes.list()") == "client.nodes.list()"
    assert python_statement("client.transport_stats()") == "client.transport_stats()"
