"""A process is recognized by its host, its id and its start time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from playground.store import process_identity
from playground.store.process_identity import ProcessIdentity, pid_of

from .fakes import NO_PID, ended_process, process_elsewhere

_OTHER = (
    "import sys; from playground.store.process_identity import ProcessIdentity\n"
    "print(ProcessIdentity.current().name, flush=True); sys.stdin.read()"
)


def test_another_process_is_seen_until_it_ends() -> None:
    me = ProcessIdentity.current()
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert (pid_of(name), me.is_running(name)) == (other.pid, True)
        other.kill()
    assert me.is_running(name) is False


def test_a_forked_child_has_its_own_identity() -> None:
    me = ProcessIdentity.current()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, ProcessIdentity.current().name.encode())
        os._exit(0)
    os.waitpid(child, 0)
    name = os.read(read, 1000).decode()
    assert (pid_of(name), name.split(":")[0]) == (child, me.host)
    assert me.is_running(name) is False
    assert ProcessIdentity.current() == me


def test_what_is_known_of_others() -> None:
    me = ProcessIdentity.current()
    assert me.is_running(me.name) is True
    assert me.is_running(ended_process().name) is False
    assert me.is_running(process_elsewhere().name) is None
    assert me.is_running(replace(me, start="1").name) is False, "the id was given again"
    assert me.is_running(replace(me, start="").name) is True, "the system told no start time"
    # Where macOS tells it, a start time has spaces and colons.
    assert pid_of(replace(me, pid=NO_PID, start="Fri Nov 27 04:24:04 2026").name) == NO_PID


def test_containers_with_the_same_host_name_are_different_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    me = ProcessIdentity.current()
    monkeypatch.setattr(process_identity, "pid_namespace", lambda: "pid:[1]")
    process_identity._identity_of.cache_clear()
    inside = ProcessIdentity.current()
    process_identity._identity_of.cache_clear()
    assert (inside.pid, inside.start) == (me.pid, me.start)
    assert me.is_running(inside.name) is None


def test_where_the_boot_has_no_id_other_processes_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_identity, "boot_id", lambda: process_identity.UNNAMED_BOOT)
    process_identity._identity_of.cache_clear()
    me = ProcessIdentity.current()
    process_identity._identity_of.cache_clear()
    assert me.is_running(replace(me, pid=NO_PID).name) is None
    assert me.is_running(me.name) is True
