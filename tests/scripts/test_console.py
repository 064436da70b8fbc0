"""`bin/console`: a prompt with a client ready, with and without IPython; scripts through a pipe."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from octaspace.sandbox import SandboxServer
from playground.launcher.running_instances import RunningInstance, announced

from ..support.console import Terminal, piped
from ..support.launched_playground import Launched
from ..support.running_playground import ROOT


def test_a_script_from_a_pipe_is_run_on_a_sandbox(tmp_path: Path) -> None:
    done = piped("for page in range(2):\n    print(client.network.info().status)\n", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n200\n", "")


def test_failing_script_exits_with_an_error(tmp_path: Path) -> None:
    done = piped("print('before')\nclient.nodes.find(-1)\nprint('after')", tmp_path)
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert "NotFoundError" in done.stderr
    assert piped("raise SystemExit(3)", tmp_path).returncode == 3
    assert piped("", tmp_path).returncode == 0


def test_key_selects_the_api(tmp_path: Path) -> None:
    with SandboxServer(ports=(0,)) as sandbox:
        script = "print(client.accounts.balance().status)"
        done = piped(script, tmp_path, OCTA_API_KEY="anything", OCTA_BASE_URL=sandbox.url)
        assert (done.returncode, done.stdout) == (0, "200\n")
        assert [entry.path for entry in sandbox.journal.entries()] == ["/accounts/balance"]
        assert "anything" not in done.stdout + done.stderr


def test_base_url_without_key_is_used(tmp_path: Path) -> None:
    with SandboxServer(ports=(0,)) as sandbox:
        done = piped("print(client.network.info().status)", tmp_path, OCTA_BASE_URL=sandbox.url)
        assert (done.returncode, done.stdout) == (0, "200\n")
        assert [entry.path for entry in sandbox.journal.entries()] == ["/network"]


def test_an_argument_is_refused(tmp_path: Path) -> None:
    done = piped("", tmp_path, "script.py")
    assert done.returncode == 2
    assert "unrecognized arguments: script.py" in done.stderr


@pytest.mark.parametrize("variable", ["OCTA_POOL_SIZE", "OCTA_BASE_URL"])
def test_invalid_variable_is_a_one_line_error(tmp_path: Path, variable: str) -> None:
    done = piped("", tmp_path, OCTA_API_KEY="anything", **{variable: "many"})
    assert done.returncode == 1
    assert done.stderr.startswith("console: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_prompt_has_a_client(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.shows("sandbox (set OCTA_API_KEY")
        terminal.type("client.network.info().status + 1000\n")
        terminal.shows("1200")
        terminal.type("flask_octaspace.OctaSpace, octaspace.Client\n")
        # The terminal is then in the mode of the prompt; in another one, the end of the input would be lost.
        terminal.shows("octaspace._client.Client'>)\r\n>>> ")
        terminal.type("\x04")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("client.nodes.find(-1)\n", "octaspace.errors.NotFoundError: GET /nodes/-1: 404"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def ask():\n    client.nodes.find(-1)\n\nask()\n", "octaspace.errors.NotFoundError: GET /nodes/-1"),
        ("client.nodes.fnd\n", "AttributeError: 'Nodes' object has no attribute 'fnd'"),
    ],
    ids=["SDK", "Python", "function", "typing"],
)
def test_the_first_error_is_one_line(lines: str, error: str, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.type(lines)  # before the prompt is there, as text that is pasted
        terminal.shows(error)
        terminal.type("print('ready' + '!')\n")
        terminal.shows("ready!")
        assert "Traceback" not in terminal.shown
        assert 'File "' not in terminal.shown
        assert "IPython" not in terminal.shown
        terminal.type("import traceback; traceback.print_last()\n")
        terminal.shows('File "<console>", line ')
    finally:
        terminal.close()


def test_a_syntax_error_shows_its_place(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.type("1 +\n")
        terminal.shows("SyntaxError: invalid syntax")
        assert "Traceback" not in terminal.shown
    finally:
        terminal.close()


def test_ctrl_c_ends_the_line_and_not_the_prompt(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        # In steps: a signal just before a long sleep begins would be noticed after it.
        terminal.type("print('sleeps' + '!'); import time; [time.sleep(0.01) for _ in iter(int, 1)]\n")
        terminal.shows("sleeps!")
        terminal.process.send_signal(signal.SIGINT)
        terminal.shows("KeyboardInterrupt\r\n")
        terminal.type("1000 + 234\n")
        terminal.shows("1234")
        assert "Traceback" not in terminal.shown
    finally:
        terminal.close()


def test_ipython_is_used_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "IPython.py").write_text(
        "def start_ipython(argv, user_ns):\n"
        "    print('IPython', argv, user_ns['client'].network.info().status)\n"
    )
    terminal = Terminal(tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
    try:
        terminal.shows("Try: client.network.info().data")
        terminal.shows("IPython ['--no-banner', '--InteractiveShell.xmode=Minimal'] 200")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


def test_modules_that_copied_lines_name(tmp_path: Path) -> None:
    script = "print(decimal.Decimal('0.5'), datetime.date(2026, 1, 2), pathlib.Path('a'), uuid.UUID(int=1))"
    printed = piped(script, tmp_path).stdout.split()
    assert printed == ["0.5", "2026-01-02", "a", "00000000-0000-0000-0000-000000000001"]


def test_rental_with_a_deadline_in_a_sandbox(tmp_path: Path) -> None:
    line = "client.services.vpn.create(node_id=9301, subkind='wg', name='x', max_duration=60).status"
    done = piped(f"print({line})", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "201\n", "")
    assert list(tmp_path.iterdir()) == [], "its ledger goes with it"


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    folder = tmp_path_factory.mktemp("launched")
    launched = Launched(folder, "--port", "0", "--workers", "1", PLAYGROUND_PASSWORD="a-long-password")
    launched.address()
    yield launched
    launched.end()


def state_of(launched: Launched) -> dict[str, str]:
    return {"PLAYGROUND_STATE_DIR": str(launched.log.parent / "state")}


@pytest.mark.gunicorn
@pytest.mark.parametrize("named", ["", "localhost", "port"])
def test_it_joins_the_sandbox_of_a_running_playground(launched: Launched, tmp_path: Path, named: str) -> None:
    address = launched.address()
    names = {"localhost": address.replace("127.0.0.1", "localhost"), "port": address.rpartition(":")[2]}
    arguments = ["--playground", *([names[named]] if named else [])]
    script = "print(client.config.endpoints, client.accounts.balance().status)"
    done = piped(script, tmp_path, *arguments, **state_of(launched), OCTA_API_KEY="of-the-live-api")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("http://127.0.0.1:") == 2
    assert done.stdout.endswith(" 200\n")


@pytest.mark.gunicorn
def test_the_prompt_names_the_playground_it_has_joined(launched: Launched, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--playground", **state_of(launched))
    try:
        terminal.shows(f"the sandbox of the playground at {launched.address()}")
    finally:
        terminal.close()


def refusal(folder: Path, *arguments: str, **environment: str) -> str:
    """The one line with which the console ends."""
    done = piped("print('not run')", folder, *arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("console: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_no_playground_is_running(tmp_path: Path) -> None:
    assert "start bin/playground" in refusal(tmp_path, "--playground", PLAYGROUND_STATE_DIR=str(tmp_path))


@pytest.mark.gunicorn
def test_no_playground_is_running_at_this_address(launched: Launched, tmp_path: Path) -> None:
    text = refusal(tmp_path, "--playground", "http://127.0.0.1:1", **state_of(launched))
    assert launched.address() in text


def test_several_playgrounds_and_those_of_other_apis(tmp_path: Path) -> None:
    sandbox = ("http://127.0.0.1:1",)
    first = RunningInstance("http://127.0.0.1:3000", sandbox)
    live = RunningInstance("http://127.0.0.1:3001", sandbox, ("https://api.octa.space",))
    none = RunningInstance("http://127.0.0.1:3002", ())
    state = {"PLAYGROUND_STATE_DIR": str(tmp_path)}
    with announced(tmp_path, first), announced(tmp_path, live), announced(tmp_path, none):
        text = refusal(tmp_path, "--playground", **state)
        assert all(instance.url in text for instance in (first, live, none))
        assert "api.octa.space" in refusal(tmp_path, "--playground", live.url, **state)
        assert "no sandbox" in refusal(tmp_path, "--playground", "127.0.0.1:3002", **state)
        done = piped("print(client.config.endpoints)", tmp_path, "--playground", first.url, **state)
        assert "http://127.0.0.1:1" in done.stdout
