"""The unit files of docs/deployment: systemd accepts them, and what they start works under their limits."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ..support.namespaces import obstacle
from ..support.programs import find_program
from ..support.running_playground import bare_environment
from ..support.waiting import until
from .deployment import FOLDER, ROOT, Unit, command, environment_of

PLAYGROUND, SOCKET = Unit("octaspace-playground.service"), Unit("octaspace-playground.socket")
REAPER, SANDBOX = Unit("octaspace-playground-reaper.service"), Unit("octaspace-sandbox.service")
UNITS = (PLAYGROUND, SOCKET, REAPER, SANDBOX)
SECRETS = environment_of((FOLDER / "playground.env").read_text())

#: The options of the units that the kernel enforces on any process: a read-only file system but for the state
#: and the temporary folder, and no privileges.
_LIMITED = (
    'mount --make-rprivate / && mount --bind "$S" "$S" && mount --bind "$T" "$T" && '
    "mount -o remount,bind,ro / && "
    'exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"'
)

#: Becomes a command to which systemd passes a socket: as file descriptor 3.
_WITH_SOCKET = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execvp(sys.argv[2], sys.argv[2:])"
)


def test_systemd_accepts_them(tmp_path: Path) -> None:
    program = find_program("systemd-analyze", "systemd")
    for unit in UNITS:
        # The paths of the page and the user do not exist here.
        text = unit.text.replace("/srv/flask-octaspace/.venv/bin/python", sys.executable)
        text = text.replace("/srv/flask-octaspace", str(ROOT)).replace("User=playground", "User=root")
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_their_exposure_is_low(tmp_path: Path) -> None:
    """`systemd-analyze security` counts what a service may do, from 0 to 10."""
    program = find_program("systemd-analyze", "systemd")
    for unit in (PLAYGROUND, REAPER, SANDBOX):
        path = tmp_path / unit.name
        path.write_text(unit.text.replace("/srv/flask-octaspace/.venv/bin/python", sys.executable))
        done = subprocess.run(
            [program, "security", "--offline=yes", "--threshold=30", "--no-pager", path],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_they_agree_with_each_other() -> None:
    folder = f"/var/lib/{PLAYGROUND.one('StateDirectory')}"
    for unit in (PLAYGROUND, REAPER):
        assert unit.environment()["PLAYGROUND_STATE_DIR"] == folder
        assert unit.one("EnvironmentFile") == "/etc/octaspace-playground.env"
        assert (unit.one("User"), unit.one("StateDirectoryMode")) == ("playground", "0700")
    assert PLAYGROUND.environment()["PLAYGROUND_BIND"] == SOCKET.one("ListenStream")
    assert "SECRET_KEY" in REAPER.one("UnsetEnvironment")
    ports = re.findall(r"port (\d+)", SANDBOX.one("ExecStart"))
    urls = f"{SECRETS['PLAYGROUND_SANDBOX_URLS']},{SECRETS['PLAYGROUND_SANDBOX_CONTROL']}"
    assert urls == ",".join(f"http://127.0.0.1:{port}" for port in ports)


def test_running_requests_are_finished_before_the_kill() -> None:
    configuration = (ROOT / "playground" / "gunicorn.conf.py").read_text()
    found = re.search(r"^graceful_timeout = (\d+)$", configuration, re.MULTILINE)
    assert found is not None
    assert int(PLAYGROUND.one("TimeoutStopSec")) > int(found[1]) + 5
    # With control-group, the workers would get the signal as well, some of them before they know of the end.
    assert PLAYGROUND.one("KillMode") == "mixed"


class Service:
    """What a unit starts, under its limits, with the socket and the notification of systemd."""

    def __init__(
        self, unit: Unit, folder: Path, environment: Mapping[str, str], listener: Any = None
    ) -> None:
        self._log = folder / "log"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        state, temporary = folder / "state", folder / "tmp"
        for path in (state, temporary):
            path.mkdir(mode=0o700, exist_ok=True)
        given = {**bare_environment(), **unit.environment(), **environment}
        given |= {"PLAYGROUND_STATE_DIR": str(state), "TMPDIR": str(temporary)}
        given |= {"NOTIFY_SOCKET": str(folder / "notify"), "S": str(state), "T": str(temporary)}
        words = [*_limits(), *unit.command(sys.executable)]
        passed: tuple[int, ...] = ()
        if listener is not None:
            passed = (listener.fileno(),)
            words = [sys.executable, "-c", _WITH_SOCKET, str(listener.fileno()), *words]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=ROOT, env=given, pass_fds=passed, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._folder = folder

    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def ready(self) -> None:
        """Wait for what `Type=notify` waits for."""
        self._notify.settimeout(60)
        assert b"READY=1" in self._notify.recv(1000), self.text()

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def end(self) -> int:
        """Stop it as `KillMode=mixed` does; the exit code."""
        self._notify.close()
        (self._folder / "notify").unlink(missing_ok=True)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def _limits() -> list[str]:
    if obstacle() is not None or shutil.which("setpriv") is None:
        return []
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *mapped, "--", "sh", "-c", _LIMITED, "-"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket that systemd keeps open."""
    with socket.create_server(("127.0.0.1", 0), backlog=int(SOCKET.one("Backlog"))) as listener:
        yield listener


class Asking:
    """A client that asks all the time, and counts the answers."""

    def __init__(self, url: str) -> None:
        self.answers: list[int] = []
        self.failures: list[Exception] = []
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _ask(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not self._stop.is_set():
            try:
                with opener.open(self._url, timeout=60) as answer:
                    self.answers.append(answer.status)
            except OSError as error:
                self.failures.append(error)


@pytest.mark.gunicorn
@pytest.mark.timeout(240)
def test_no_request_is_lost_over_a_reload_and_a_restart(tmp_path: Path, listener: socket.socket) -> None:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    environment = {
        **SECRETS, "PLAYGROUND_PASSWORD": "correct horse battery", "PLAYGROUND_BIND": address,
        "PLAYGROUND_WORKERS": "1",
    }  # fmt: skip
    with ExitStack() as stack:
        first = Service(PLAYGROUND, tmp_path, environment, listener)
        stack.callback(first.process.kill)
        first.ready()
        with Asking(f"http://{address}/healthz") as asking:
            until(lambda: len(asking.answers) > 10, within=60)
            (before,) = first.workers()
            _reload(first.process.pid)
            until(lambda: first.workers() and before not in first.workers(), within=60)
            curl, *words = command("curl --fail")
            words = [word.replace("127.0.0.1:3000", address) for word in words]
            assert subprocess.check_output([find_program(curl), "--silent", *words]).strip() == b"ok"
            assert first.end() == 0
            asked = len(asking.answers)
            second = Service(PLAYGROUND, tmp_path, environment, listener)
            stack.callback(second.process.kill)
            second.ready()
            until(lambda: len(asking.answers) > asked + 10, within=60)
        assert asking.failures == []
        assert set(asking.answers) == {200}
        assert (tmp_path / "state" / "playground.sqlite3").stat().st_mode & 0o777 == 0o600
        assert second.end() == 0, second.text()


def _reload(pid: int) -> None:
    """ExecReload."""
    words = shlex.split(PLAYGROUND.one("ExecReload").replace("$MAINPID", str(pid)))
    subprocess.run(words, check=True, timeout=20)


def test_a_socket_at_another_address_is_refused(tmp_path: Path, listener: socket.socket) -> None:
    """Otherwise the app would listen there without a password."""
    service = Service(PLAYGROUND, tmp_path, {"PLAYGROUND_BIND": "127.0.0.1:1"}, listener)
    assert service.process.wait(60) == 1
    (line,) = [line for line in service.text().splitlines() if "PLAYGROUND_BIND" in line]
    assert f"systemd passes a socket at 127.0.0.1:{listener.getsockname()[1]}, and PLAYGROUND_BIND is" in line
    service.end()


def test_a_password_has_to_be_set(tmp_path: Path) -> None:
    service = Service(PLAYGROUND, tmp_path, SECRETS)
    assert service.process.wait(60) != 0
    assert "set PLAYGROUND_PASSWORD first" in service.text()
    service.end()


@pytest.mark.parametrize("unit", [PLAYGROUND, REAPER], ids=["playground", "reaper"])
def test_a_misspelt_setting_is_one_line(unit: Unit, tmp_path: Path) -> None:
    environment = {**SECRETS, "PLAYGROUND_PASSWORD": "correct horse battery", "PLAYGROUND_PROXY_HOP": "1"}
    service = Service(unit, tmp_path, environment)
    until(lambda: service.process.poll() is not None, within=60)
    assert service.process.returncode != 0
    (line,) = service.text().splitlines()
    assert "'PLAYGROUND_PROXY_HOP' is not a setting; did you mean PLAYGROUND_PROXY_HOPS?" in line
    service.end()


def test_the_reaper_runs_until_sigterm(tmp_path: Path) -> None:
    environment = {**SECRETS, "PLAYGROUND_PASSWORD": "correct horse battery"}
    service = Service(REAPER, tmp_path, environment)
    until((tmp_path / "state" / "playground.sqlite3").exists, within=60)
    assert service.end() == 0, service.text()


def test_the_sandbox_runs_until_sigterm(tmp_path: Path) -> None:
    unit = Unit(SANDBOX.name)
    unit.text = re.sub(r"port \d+", "port 0", unit.text)
    service = Service(unit, tmp_path, {"PYTHONUNBUFFERED": "1"})
    until(lambda: "control on http" in service.text(), within=60)
    assert service.end() == 0, service.text()
