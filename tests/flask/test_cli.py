"""`flask octaspace check | call | config` and the shell, as typed."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace, octaspace_request
from flask_octaspace.calls import method_instead, method_names, public_methods
from octaspace.sandbox import SandboxServer

from ..support.fault_server import FaultServer, answer
from .conftest import KEY, MakeApp

#: Every reading call: what it is typed with, and what it asks for. SESSION is the uuid of one that runs.
READS: dict[str, tuple[list[str], str]] = {
    "accounts.balance": ([], "/accounts/balance"),
    "accounts.profile": ([], "/accounts"),
    "apps.list": ([], "/apps"),
    "idle_jobs.find": (["node_id=9001", "job_id=41"], "/idle_jobs/9001/41"),
    "idle_jobs.logs": (["job_id=41", "node_id=9001"], "/idle_jobs/9001/41/logs"),
    "network.info": ([], "/network"),
    "nodes.download_ident": (["9001"], "/nodes/9001/ident"),
    "nodes.download_logs": (["id=9001"], "/nodes/9001/logs"),
    "nodes.find": (["9001"], "/nodes/9001"),
    "nodes.list": ([], "/nodes"),
    "services.mr.list": (["word=two words"], "/services/mr?word=two+words"),
    "services.render.list": ([], "/services/render"),
    "services.session.info": (["SESSION"], "/services/SESSION/info"),
    "services.session.logs": (["SESSION", "recent=false"], "/services/SESSION/logs?recent=false"),
    "services.session.wait_until_ready": (["SESSION", "timeout=5"], "/services/SESSION/info"),
    "services.vpn.list": ([], "/services/vpn"),
    "sessions.list": (["recent=true"], "/sessions?recent=true"),
}

#: Every call that changes something.
CHANGES: dict[str, list[str]] = {
    "accounts.generate_wallet": [],
    "nodes.reboot": ["9001"],
    "nodes.update_prices": ["9001", "base=1000000000000000000000"],
    "services.mr.create": ["node_id=9101", "disk_size=10", "image=ubuntu:24.04", 'envs={"A": "true"}'],
    "services.render.create": ["node_id=9201", "disk_size=20"],
    "services.session.stop": ["SESSION", "score=5"],
    "services.vpn.create": ["node_id=9301"],
}


@pytest.fixture
def app(octaspace_sandbox: SandboxServer) -> Flask:
    app = Flask("typed")
    OctaSpace(app, api_key=KEY, base_urls=octaspace_sandbox.urls)
    return app


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["octaspace", *words])


def running(sandbox: SandboxServer) -> str:
    """The uuid of a session that runs."""
    return next(session.uuid for session in sandbox.world.active() if session.service == "mr")


def call(app: Flask, sandbox: SandboxServer, method: str, *words: str) -> Result:
    return run(app, "call", method, *[running(sandbox) if word == "SESSION" else word for word in words])


def test_every_method_is_a_reading_or_a_changing_one() -> None:
    with octaspace.Client() as client:
        assert method_names(client) == sorted({**READS, **CHANGES})


@pytest.mark.parametrize("method", READS)
def test_reading(app: Flask, octaspace_sandbox: SandboxServer, method: str) -> None:
    words, target = READS[method]
    target = target.replace("SESSION", running(octaspace_sandbox))
    result = call(app, octaspace_sandbox, method, *words)
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    (entry,) = octaspace_sandbox.journal.entries()
    assert entry.path + (f"?{entry.query}" if entry.query else "") == target
    raw = requests.get(octaspace_sandbox.url + target, headers={"Authorization": KEY}, timeout=10)
    if "download" in method:
        assert base64.b64decode(printed["base64"]) == raw.content
    else:
        assert printed == raw.json()


@pytest.mark.parametrize("method", CHANGES)
def test_changing_needs_a_yes(app: Flask, octaspace_sandbox: SandboxServer, method: str) -> None:
    refused = call(app, octaspace_sandbox, method, *CHANGES[method])
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert refused.stdout == ""
    assert octaspace_sandbox.journal.entries() == [], "nothing was sent"
    done = call(app, octaspace_sandbox, method, *CHANGES[method], "--yes")
    assert done.exit_code == 0, done.output
    json.loads(done.stdout)
    assert [entry.carried_out for entry in octaspace_sandbox.journal.entries()] == [True]


def test_what_is_typed_arrives_as_it_is_meant(app: Flask, octaspace_sandbox: SandboxServer) -> None:
    call(app, octaspace_sandbox, "services.mr.create", *CHANGES["services.mr.create"], "--yes")
    call(app, octaspace_sandbox, "nodes.update_prices", *CHANGES["nodes.update_prices"], "--yes")
    call(app, octaspace_sandbox, "sessions.list", "recent=false", "word=a=b")
    rental, prices, sessions = octaspace_sandbox.journal.entries()
    item = json.loads(rental.body)[0]
    assert (item["node_id"], item["image"], item["envs"]) == (9101, "ubuntu:24.04", {"A": "true"})
    assert json.loads(prices.body) == {"base": 10**21}
    assert sessions.query == "recent=false&word=a%3Db"


def test_a_download_to_a_file(app: Flask, octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
    target = tmp_path / "ident.bin"
    result = call(app, octaspace_sandbox, "nodes.download_ident", "9001", f"to={target}")
    assert (result.exit_code, json.loads(result.stdout)) == (0, str(target))
    assert target.read_bytes()
    missing = call(app, octaspace_sandbox, "nodes.download_logs", "9001", f"to={tmp_path / 'none' / 'logs'}")
    assert missing.exit_code == 1
    assert "No such file or directory" in missing.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nodes.fnd", "1"], "no method 'nodes.fnd'; the methods are:\n  accounts.balance\n"),
        (["nodes"], "no method 'nodes'"),
        (["services.mr.search"], "services.mr.search makes more than one call; call services.mr.list here"),
        (["services.vpn.rent"], "services.vpn.rent makes more than one call; call services.vpn.create here"),
        (["config.replace"], "no method"),
        (["with_options"], "no method"),
        (["nodes._get", "x"], "no method"),
        (["services.session"], "no method"),
        (["nodes.find"], "nodes.find: missing a required argument: 'id'; it takes (id: 'int | str')"),
        (["nodes.find", "1", "2"], "too many positional arguments"),
        (["nodes.find", "id=1", "id=2"], "id is given twice"),
        (["nodes.find", ".."], "nodes.find: "),
        (["nodes.find", "{"], "'{' is not valid JSON"),
        (["nodes.list", "x=[1"], "'[1' is not valid JSON"),
        (["services.session.info"], "the first argument is the session's uuid"),
        (["services.session.info", "uuid=x"], "the first argument is the session's uuid"),
        (["services.session.stop", "u", "score=9"], "score must be a whole number from 1 to 5, not 9"),
    ],
)
def test_what_cannot_be_called(
    app: Flask, octaspace_sandbox: SandboxServer, words: list[str], said: str
) -> None:
    result = run(app, "call", "--yes", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert octaspace_sandbox.journal.entries() == []


def test_an_error_of_the_api(app: Flask) -> None:
    result = run(app, "call", "nodes.find", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: NotFoundError: GET /nodes/1: 404")


@pytest.mark.parametrize("method", ["network.info", "services.mr.list", "accounts.profile"])
def test_html_is_an_error_and_nothing_is_printed(
    app: Flask, octaspace_sandbox: SandboxServer, method: str
) -> None:
    octaspace_sandbox.faults.add("html")
    result = run(app, "call", method)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "200, but the body is text/html, not JSON" in result.stderr
    assert "base64" not in result.stderr


def test_a_rental_that_is_answered_in_html_says_to_look_first(
    app: Flask, octaspace_sandbox: SandboxServer
) -> None:
    octaspace_sandbox.faults.add("html", path="/services/mr")
    result = run(app, "call", "services.mr.create", *CHANGES["services.mr.create"], "--yes")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "InvalidResponseError" in result.stderr
    assert octaspace.errors.OUTCOME_UNKNOWN_HINT in result.stderr
    assert len(octaspace_sandbox.journal.entries()) == 1


def test_an_answer_of_another_shape_is_no_wrong_argument(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app()
    api.then(answer([{"uuid": "an-app", "image": ["i"]}]))
    result = run(app, "call", "services.mr.create", "node_id=1", "app=an-app", "disk_size=1", "--yes")
    assert result.exit_code == 1, "a wrong argument is 2"
    assert "UnexpectedShapeError" in result.stderr
    assert "image" in result.stderr
    assert [arrival.method for arrival in api.journal] == ["GET"]


def test_calls_send_signals(app: Flask) -> None:
    paths = []

    def note(sender: Flask, request: octaspace.Request, **extra: Any) -> None:
        paths.append(request.path)

    with octaspace_request.connected_to(note, app):
        run(app, "call", "nodes.find", "9001")
    assert paths == ["/nodes/9001"]


def test_the_key_is_in_no_message(make_app: MakeApp, api: FaultServer) -> None:
    app, _ = make_app()
    echoing = answer({"error": f"{KEY} is not known here"}, status=401)
    api.after = answer([{"reason": f"{KEY} may not rent"}])
    rejected = run(app, "call", "services.mr.create", *CHANGES["services.mr.create"], "--yes")
    assert "*** may not rent" in rejected.stderr
    api.after = echoing
    results = [rejected, run(app, "call", "nodes.list"), run(app, "check"), run(app, "config")]
    assert [result.exit_code for result in results] == [1, 1, 1, 0]
    for result in results:
        assert KEY not in result.output + result.stderr


class TestCheck:
    """Exit codes and words of `flask octaspace check`."""

    def test_all_is_well(self, app: Flask, octaspace_sandbox: SandboxServer) -> None:
        result = run(app, "check")
        assert result.exit_code == 0
        first, second = octaspace_sandbox.urls
        lines = result.stdout.splitlines()
        assert lines[0] == "configuration: 2 endpoint(s), one connection per call, client scope app"
        assert [line.split(":")[0] for line in lines[1:4]] == ["base_urls", "api_key", "rental_ledger"]
        for line, url in zip(lines[4:], (first, second), strict=True):
            assert re.fullmatch(rf"{url}: reachable, \d+ ms, key accepted", line)

    def test_without_a_key(self, octaspace_sandbox: SandboxServer) -> None:
        app = Flask("keyless")
        OctaSpace(app, base_url=octaspace_sandbox.url, keep_alive=True, client_scope="context")
        result = run(app, "check")
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert lines[:4] == [
            "configuration: 1 endpoint(s), keep-alive, client scope context",
            f"base_url: {octaspace_sandbox.url!r} (keyword base_url)",
            "api_key: None (default)",
            "rental_ledger: None (default)",
        ]
        assert lines[4].endswith(" ms")
        assert [entry.path for entry in octaspace_sandbox.journal.entries()] == ["/network"]

    def test_where_the_options_came_from(
        self, octaspace_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OCTA_API_KEY", KEY)
        monkeypatch.setenv("OCTA_BASE_URL", octaspace_sandbox.url)
        app = Flask("environment")
        app.config["OCTASPACE"] = {"RENTAL_LEDGER": "redis://user:hunter2@host:6379/0"}
        OctaSpace(app)
        result = run(app, "check")
        assert result.stdout.splitlines()[1:4] == [
            f"base_url: {octaspace_sandbox.url!r} (environment OCTA_BASE_URL)",
            "api_key: '***' (environment OCTA_API_KEY)",
            "rental_ledger: 'redis://***@host:6379/0' (app.config OCTASPACE[\"RENTAL_LEDGER\"])",
        ]
        assert KEY not in result.output

    def test_one_endpoint_is_down(self, app: Flask, octaspace_sandbox: SandboxServer) -> None:
        first, second = octaspace_sandbox.urls
        octaspace_sandbox.faults.add("refuse", endpoint=octaspace_sandbox.ports[0])
        result = run(app, "check")
        assert result.exit_code == 1
        assert f"{first}: failed: ConnectionError: GET /network" in result.stdout
        assert re.search(rf"{second}: reachable, \d+ ms, key accepted", result.stdout)

    def test_each_is_asked_once(self, app: Flask, octaspace_sandbox: SandboxServer) -> None:
        octaspace_sandbox.faults.add("status", status=503)
        result = run(app, "check")
        assert result.exit_code == 1
        assert result.stdout.count("failed: ServiceUnavailableError") == 2
        assert len(octaspace_sandbox.journal.entries()) == 2, (
            "no retry, and no key for an endpoint that fails"
        )

    def test_a_key_that_is_refused(self, make_app: MakeApp, api: FaultServer) -> None:
        app, _ = make_app()
        api.then(answer(), answer(status=401), answer(), answer(status=403))
        results = [run(app, "check"), run(app, "check")]
        assert [result.exit_code for result in results] == [1, 1]
        assert "ms, key refused (401)" in results[0].stdout
        assert "ms, key not accepted: PermissionError: GET /accounts: 403" in results[1].stdout
        assert [bool(arrival.headers.get("authorization")) for arrival in api.journal] == [False, True] * 2

    def test_a_page_of_html_is_not_the_api(self, app: Flask, octaspace_sandbox: SandboxServer) -> None:
        octaspace_sandbox.faults.add("html", endpoint=octaspace_sandbox.ports[0])
        result = run(app, "check")
        assert result.exit_code == 1
        first, second = octaspace_sandbox.urls
        named = "failed: InvalidResponseError: GET /network: 200, but the body is text/html, not JSON"
        assert f"{first}: {named}" in result.stdout
        assert re.search(rf"{second}: reachable, \d+ ms, key accepted", result.stdout)
        paths = [entry.path for entry in octaspace_sandbox.journal.entries()]
        assert paths == ["/network", "/network", "/accounts"], "the key goes only where the API is"

    def test_html_where_the_key_is_tried(self, app: Flask, octaspace_sandbox: SandboxServer) -> None:
        octaspace_sandbox.faults.add("html", path="/accounts")
        result = run(app, "check")
        assert result.exit_code == 1
        assert result.stdout.count("key not accepted: InvalidResponseError: GET /accounts: 200, but") == 2

    @pytest.mark.parametrize("body", [b"", b'{"nodes":'], ids=["empty", "half"])
    def test_a_body_that_is_no_json(self, make_app: MakeApp, api: FaultServer, body: bytes) -> None:
        app, _ = make_app()
        api.then(answer(body=body))
        result = run(app, "check")
        assert result.exit_code == 1
        assert "failed: InvalidResponseError: GET /network: 200, but" in result.stdout

    def test_json_of_another_shape(self, make_app: MakeApp, api: FaultServer) -> None:
        app, _ = make_app()
        api.then(answer([{"block": 1}]))
        result = run(app, "check")
        assert result.exit_code == 1
        assert "failed: UnexpectedShapeError: Network.from_api" in result.stdout
        assert "key accepted" not in result.stdout

    def test_an_endpoint_that_says_nothing(self, octaspace_sandbox: SandboxServer) -> None:
        app = Flask("patient")
        OctaSpace(app, base_url=octaspace_sandbox.url, max_retries=5)
        octaspace_sandbox.faults.add("stall")
        result = run(app, "check", "--timeout", "0.2")
        assert result.exit_code == 1
        assert "failed: TimeoutError: GET /network: not finished within 0.2 s in total" in result.stdout

    @pytest.mark.parametrize("timeout", ["0", "-1", "soon"])
    def test_a_limit_that_is_none(self, app: Flask, timeout: str) -> None:
        assert run(app, "check", "--timeout", timeout).exit_code == 2


class TestConfig:
    """What `flask octaspace config` prints."""

    def lines(self, app: Flask) -> dict[str, str]:
        result = run(app, "config")
        assert result.exit_code == 0
        return {line.split()[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()}

    def test_every_option_and_where_it_came_from(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OCTA_API_KEY", KEY)
        app = Flask("origins")
        app.config.update(OCTASPACE_POOL_SIZE="7", OCTASPACE_PERSISTENT=True)
        OctaSpace(app, read_timeout=1.5, client_scope="context")
        lines = self.lines(app)
        assert lines.keys() == {field.name for field in dataclasses.fields(octaspace.Config)} | {
            "client_scope"
        }
        assert lines["api_key"] == "'***'  (environment OCTA_API_KEY)"
        assert lines["pool_size"] == "7  (app.config OCTASPACE_POOL_SIZE)"
        assert lines["keep_alive"] == "True  (app.config OCTASPACE_PERSISTENT)"
        assert lines["read_timeout"] == "1.5  (keyword read_timeout)"
        assert lines["client_scope"] == "'context'  (keyword client_scope)"
        assert lines["max_retries"] == "2  (default)"

    def test_no_key(self) -> None:
        app = Flask("keyless")
        OctaSpace(app)
        assert self.lines(app)["api_key"] == "None  (default)"


def test_each_app_has_its_own(octaspace_sandbox: SandboxServer) -> None:
    octa = OctaSpace(base_url=octaspace_sandbox.url)
    one, two = Flask("one"), Flask("two")
    octa.init_app(one, max_retries=1)
    octa.init_app(two, max_retries=2)
    for app, retries in ((one, 1), (two, 2), (one, 1)):
        assert re.search(rf"max_retries +{retries} ", run(app, "config").stdout)


def test_the_shell_knows_the_extension(make_app: MakeApp) -> None:
    app, octa = make_app()
    assert app.make_shell_context()["octa"] is octa


def test_the_real_command(octaspace_sandbox: SandboxServer, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\n"
        "from flask_octaspace import OctaSpace\n"
        "octa = OctaSpace()\n"
        "def create_app():\n"
        "    app = Flask('shop')\n"
        "    app.config.from_prefixed_env()\n"
        "    octa.init_app(app)\n"
        "    return app\n"
    )

    def flask(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "shop", *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env={**os.environ, "FLASK_OCTASPACE_BASE_URL": octaspace_sandbox.url, **environment},
        )  # fmt: skip

    called = flask("octaspace", "call", "nodes.find", "9001", FLASK_OCTASPACE_API_KEY=KEY)
    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout)["id"] == 9001
    shell = flask("shell", FLASK_OCTASPACE_POOL_SIZE="0")
    assert shell.returncode != 0
    assert "OCTASPACE_POOL_SIZE: pool_size must be at least 1, not 0" in shell.stderr


def test_every_method_can_be_called_or_has_another_instead() -> None:
    with octaspace.Client() as client:
        callable_names = set(method_names(client))
        others = {name for name, _ in public_methods(client)} - callable_names
        assert others
        assert {method_instead(client, name) for name in others} <= callable_names


@pytest.mark.parametrize("words", [["octaspace", "config"], ["octaspace", "check"], ["octaspace"]])
def test_a_wrong_option_is_one_line(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "wrong.py").write_text(
        "from flask import Flask\nfrom flask_octaspace import OctaSpace\n"
        "app = Flask(__name__)\napp.config['OCTASPACE_READ_TIMOUT'] = 5\nOctaSpace(app)\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wrong", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "Error: OCTASPACE_READ_TIMOUT: unknown option; did you mean OCTASPACE_READ_TIMEOUT?"
    ]
