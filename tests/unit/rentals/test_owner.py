"""Whether the owner of a rental runs, as the system tells it or does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from octaspace.rentals import RentalOwner, host
from tests.support import namespaces
from tests.support.forked_child import in_child
from tests.support.programs import find_program
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="this system has other processes"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

ROOT = Path(__file__).resolve().parents[3]

NOBODY = 65534


@pytest.fixture(params=["proc", "ps"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system with /proc, and one that has `ps` only."""
    host.boot_id()  # known on both
    if request.param == "ps":
        find_program("ps", "procps")
        monkeypatch.setattr(host, "_PROC", tmp_path)
    elif not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which waits."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def owner_of(pid: int) -> RentalOwner:
    start = host.process_start(pid)
    assert start
    return RentalOwner("here", host.boot_id(), pid, start, host.pid_namespace())


@pytest.mark.usefixtures("system")
def test_a_process_runs_until_it_has_ended(process: subprocess.Popen[bytes]) -> None:
    owner = owner_of(process.pid)
    assert owner.is_running() is True
    process.kill()
    # A zombie until it is waited for.
    until(lambda: owner.is_running() is False)
    assert process.returncode is None
    process.wait()
    assert owner.is_running() is False


@pytest.mark.usefixtures("system")
def test_the_own_process_runs() -> None:
    owner = RentalOwner.current()
    assert owner.pid == os.getpid()
    assert owner.start_time
    assert owner.is_running() is True


@pytest.mark.usefixtures("system")
def test_a_pid_that_was_given_again_is_another_process(process: subprocess.Popen[bytes]) -> None:
    owner = owner_of(process.pid)
    assert replace(owner, start_time=f"{owner.start_time}0").is_running() is False


@pytest.mark.usefixtures("system")
def test_a_process_whose_start_is_not_known_is_looked_for_by_its_pid(
    process: subprocess.Popen[bytes],
) -> None:
    owner = replace(owner_of(process.pid), start_time="")
    assert owner.is_running() is True
    process.kill()
    process.wait()
    assert owner.is_running() is False


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"pid_namespace": "pid:[1]"}])
def test_other_machines_and_containers_cannot_be_seen(change: dict[str, str]) -> None:
    assert replace(RentalOwner.current(), **change).is_running() is None  # type: ignore[arg-type]


def test_a_machine_whose_boot_has_no_id_cannot_be_told_from_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "_PROC", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    host.boot_id.cache_clear()
    try:
        assert host.boot_id() == host.UNNAMED_BOOT
        assert RentalOwner.current().is_running() is None
    finally:
        host.boot_id.cache_clear()


def test_the_boot_id_of_macos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sysctl = tmp_path / "sysctl"
    sysctl.write_text('#!/bin/sh\n[ "$*" = "-n kern.bootsessionuuid" ] && echo 2A6E0C7B-BOOT\n')
    sysctl.chmod(0o755)
    monkeypatch.setattr(host, "_PROC", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    host.boot_id.cache_clear()
    try:
        assert host.boot_id() == "2A6E0C7B-BOOT"
    finally:
        host.boot_id.cache_clear()


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n", None])
def test_a_system_without_an_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str | None
) -> None:
    """`ps` is missing, or prints nothing."""
    if program is not None:
        (tmp_path / "ps").write_text(program)
        (tmp_path / "ps").chmod(0o755)
    owner = RentalOwner.current()
    monkeypatch.setattr(host, "_PROC", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.process_start(os.getpid()) is None
    assert replace(owner, pid_namespace="").is_running() is None


@pytest.mark.usefixtures("system")
def test_language_and_time_zone_change_nothing(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ps` prints times in words; a reaper that cron starts has another environment."""
    owner = owner_of(process.pid)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert owner.is_running() is True


@pytest.mark.usefixtures("system")
def test_a_process_of_another_user_runs() -> None:
    owner = owner_of(1)

    def look() -> bool | None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        with pytest.raises(PermissionError):
            os.kill(1, 0)
        return owner.is_running()

    assert in_child(look) is True


def test_a_process_that_the_system_hides_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With `hidepid`, /proc shows the own processes only."""
    for folder in ("self", str(os.getpid())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "stat").write_text(Path("/proc/self/stat").read_text())

    def kill(pid: int, number: int) -> None:
        raise PermissionError

    owner = replace(owner_of(os.getppid()), pid_namespace="")
    monkeypatch.setattr(host, "_PROC", tmp_path)
    monkeypatch.setattr(os, "kill", kill)
    assert owner.is_running() is None
    assert host.process_start(os.getpid())


def test_windows_tells_nothing_and_no_process_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = RentalOwner.current()
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("os.kill ends a process there"))
    monkeypatch.setattr(sys, "platform", "win32")
    assert host.process_start(owner.pid) is None
    assert owner.is_running() is None
    assert RentalOwner.current().start_time == ""


@pytest.mark.parametrize("name", ["a b) R 1 2", ") Z 1 (", "(((", "x\ny"])
def test_names_of_processes_do_not_confuse(name: str, tmp_path: Path) -> None:
    program = tmp_path / name
    program.symlink_to(shutil.which("sleep") or "sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        try:
            until(lambda: name[:15] in Path(f"/proc/{process.pid}/stat").read_text())
            assert owner_of(process.pid).is_running() is True
        finally:
            process.kill()


def test_a_container_of_the_same_machine_cannot_be_seen() -> None:
    reason = namespaces.obstacle()
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    script = (
        "import json; from dataclasses import asdict; from octaspace.rentals import RentalOwner\n"
        "print(json.dumps(asdict(RentalOwner.current())), flush=True); input()"
    )
    words = ("unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script)
    folder = namespaces.new_folder()
    try:
        with subprocess.Popen(
            namespaces.command(folder, *words), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as container:
            assert container.stdout is not None
            owner = RentalOwner(**json.loads(container.stdout.readline()))
            assert owner.boot_id == host.boot_id()
            assert owner.pid_namespace != host.pid_namespace()
            assert owner.is_running() is None
            container.communicate(b"\n")
        assert container.returncode == 0
    finally:
        shutil.rmtree(folder)


def test_the_clock_of_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts sleep where the system can; a set clock changes nothing."""
    monkeypatch.setattr(time, "time", lambda: pytest.fail("the calendar clock was read"))
    assert host.boot_seconds() >= time.clock_gettime(time.CLOCK_MONOTONIC) - 1.0
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        monkeypatch.delattr(time, name, raising=False)
        before = time.monotonic()
        assert before <= host.boot_seconds() <= time.monotonic()


def test_owners_are_shown_by_their_label_or_process() -> None:
    owner = RentalOwner("host-1", "boot", 42, "100")
    assert str(owner) == "host-1:42"
    assert str(replace(owner, label="user 7")) == "user 7"
    assert RentalOwner(**json.loads(json.dumps(asdict(owner)))) == owner
