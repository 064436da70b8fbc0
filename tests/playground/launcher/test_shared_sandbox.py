"""`bin/playground --sandbox-url`: several instances of one deployment on one sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from requests import Response, Session

from octaspace.sandbox import SandboxServer
from playground.launcher.shared_sandbox import find_sandbox
from playground.settings import StartError

from ...support.fault_server import Exchange, FaultServer, http
from ...support.launched_playground import Launched
from ...support.redis_server import RedisServer
from ...support.running_playground import free_port
from ..small_api import SmallApi
from .launched_processes import named

PASSWORD = "open sesame, please"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0, 0), control_port=0) as sandbox:
        yield sandbox


@pytest.mark.gunicorn
def test_instances_of_one_name_share_login_and_rentals(
    sandbox: SandboxServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    deployment = {
        "PLAYGROUND_NAME": "team", "PLAYGROUND_PASSWORD": PASSWORD, "SECRET_KEY": "the-same-for-all",
        "PLAYGROUND_REDIS_URL": redis_server.url,
    }  # fmt: skip
    given = [["--sandbox-url", ",".join(sandbox.urls)], [f"--sandbox-url={url}" for url in sandbox.urls]]
    with ExitStack() as stack:
        instances = []
        for number, addresses in enumerate(given):
            (folder := tmp_path / str(number)).mkdir()
            words = ["--port", "0", "--workers", "1", *addresses]
            instances.append(Launched(folder, *words, **deployment))
            stack.callback(instances[-1].end)
        first, second = (instance.address() for instance in instances)
        for instance in instances:
            assert f"uses the shared sandbox at {', '.join(sandbox.urls)} " in instance.text()
            assert not named(instance, "octaspace.sandbox")
        browser = Session()
        assert "Log in" in browser.get(f"{second}/playground/dashboard").text
        post(browser, f"{first}/playground/login", password=PASSWORD)
        assert [cookie.name for cookie in browser.cookies] == ["playground_team"]
        assert "Active sessions" in browser.get(f"{second}/playground/dashboard").text
        question = post(browser, f"{first}/playground/services/vpn/rent", step="review", node_id="9301",
                        subkind="wg", max_duration="1", name="shared")  # fmt: skip
        session = post(browser, question.url.replace(first, second))
        assert "/playground/sessions/" in session.url
        for url in first, second:
            assert "shared" in browser.get(f"{url}/playground/rentals").text
        lab = browser.get(f"{second}/playground/diagnostics/lab").text
        assert "does not answer" not in lab
        for instance in instances:
            instance.process.terminate()
        assert [instance.wait() for instance in instances] == [0, 0]
    assert [entry.path for entry in sandbox.journal.entries()].count("/services/vpn") >= 1


def post(browser: Session, address: str, **fields: str) -> Response:
    page = browser.get(address, timeout=60).text
    token = re.search(r'name="csrf[-_]token" (?:content|value)="([^"]+)"', page)
    assert token is not None, page
    answer = browser.post(address, data={"csrf_token": token[1], **fields}, timeout=60)
    assert answer.status_code == 200, answer.text[:2000]
    return answer


class TestSearch:
    """The check before the start."""

    def test_control_address_is_found(self, sandbox: SandboxServer) -> None:
        found = find_sandbox(sandbox.urls, None, "--sandbox-url")
        assert (f"{found.control}/_sandbox", found.problem) == (sandbox.control_url, None)

    def test_control_address_can_be_given(self, sandbox: SandboxServer) -> None:
        assert find_sandbox(sandbox.urls[:1], sandbox.urls[1], "--sandbox-url").control == sandbox.urls[1]
        with pytest.raises(StartError, match="PLAYGROUND_SANDBOX_CONTROL: no sandbox answers at"):
            find_sandbox(sandbox.urls, f"http://127.0.0.1:{free_port()}", "--sandbox-url")

    def test_an_endpoint_that_a_fault_has_closed_is_accepted(self, sandbox: SandboxServer) -> None:
        sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
        sandbox.faults.add("status", status=503)
        assert find_sandbox(sandbox.urls, None, "--sandbox-url").problem is None

    def test_a_sandbox_of_another_machine_has_no_lab(self) -> None:
        def answer(exchange: Exchange) -> bool:
            arrival = exchange.read_request()
            if arrival is None:
                return False
            refused = arrival.path.startswith("/_sandbox")
            body = b'{"error": "for its own machine"}' if refused else b"{}"
            exchange.send(http(403 if refused else 200, body, {"X-Sandbox": "1"} if refused else {}))
            return True

        with FaultServer(after=answer) as remote:
            found = find_sandbox([remote.url], None, "--sandbox-url")
        assert (found.control, found.problem) == (None, "for its own machine")


def test_what_is_not_a_sandbox_is_refused(sandbox: SandboxServer) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with (
        SandboxServer(ports=(0,)) as other,
        SmallApi({"GET /_sandbox/health": {"ok": True, "endpoints": []}}).server as api,
    ):
        for urls, says in (
            ([nowhere], "no sandbox answers at"),
            ([sandbox.url, nowhere], f"no sandbox answers at {nowhere}"),
            ([api.url], f"{api.url} is not a sandbox"),
            ([sandbox.url, other.url], "different sandboxes"),
            ([sandbox.control_url.removesuffix("/_sandbox")], "is not an endpoint of the API"),
        ):
            with pytest.raises(StartError, match=says) as raised:
                find_sandbox(urls, None, "--sandbox-url")
            assert str(raised.value).startswith("--sandbox-url: ")
            assert "\n" not in str(raised.value)


@pytest.mark.gunicorn
@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["--sandbox-url", "http://127.0.0.1:9"], {}, 1, "--sandbox-url: no sandbox answers"),
        (["--sandbox-url", "ftp://a"], {}, 1, "--sandbox-url: "),
        ([], {"PLAYGROUND_SANDBOX_URLS": "http://127.0.0.1:9"}, 1, "PLAYGROUND_SANDBOX_URLS: no sandbox"),
        ([], {"PLAYGROUND_NAME": "../team"}, 1, "PLAYGROUND_NAME must begin with a letter"),
        (["--sandbox-url", "http://a", "--seed", "1"], {}, 2, "give them to bin/sandbox"),
    ],
)
def test_launcher_refuses_it_in_one_line(
    arguments: list[str], environment: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    launched = Launched(tmp_path, "--port", "0", *arguments, **environment)
    try:
        assert launched.wait() == code
        lines = launched.text().splitlines()
        assert says in lines[-1]
        assert len(lines) == 1 or code == 2, lines
    finally:
        launched.end()
