"""Secrets of the process reach neither child processes nor messages, and files with them are private."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis import RedisError

from octaspace import Config, ConfigurationError
from octaspace.sandbox import SandboxServer
from playground import create_app
from playground.settings import ProcessSettings, StartError
from playground.store import StoreError, open_database
from tests.playground.conftest import MakeApp, compiled_templates, make_app, process, running_sandbox, sandbox
from tests.playground.conftest import redis_server as redis_server
from tests.support.launched_playground import Launched
from tests.support.redis_server import RedisServer
from tests.support.running_playground import ROOT, RunningPlayground, bare_environment, free_port

__all__ = ["compiled_templates", "make_app", "process", "running_sandbox", "sandbox"]

KEY = "octa-operators-key-7Hq2"
PASSWORD = "correct horse battery"

#: A password with all characters that are special in a URL.
REDIS_PASSWORD = "Pq7kk@Rs8ll/Tu9mm#Vw0nn%Xy1oo?Zz2pp:Ab3qq&Cd4rr=Ef5ss"
PARTS = re.split(r"[@/#%?:&=]", REDIS_PASSWORD)


def parts_in(text: str) -> list[str]:
    return [part for part in PARTS if part.lower() in text.lower()]


@pytest.fixture
def secured(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Redis with a user with this password."""
    with redis_server.client() as client:
        client.flushall()
        client.acl_setuser(
            "app", enabled=True, passwords=["+" + REDIS_PASSWORD], keys="*", commands=["+@all"]
        )
        yield redis_server
        client.acl_deluser("app")


def address(server: RedisServer, password: str = quote(REDIS_PASSWORD, safe="")) -> str:
    return f"redis://app:{password}@127.0.0.1:{server.port}/0"


#: Processes besides Gunicorn, as they are named in command lines.
PROGRAMS = ("octaspace.sandbox", "playground.reaper")


@pytest.mark.gunicorn
def test_secrets_reach_only_the_processes_that_need_them(secured: RedisServer, tmp_path: Path) -> None:
    url = address(secured)
    given = {
        "OCTA_API_KEY": KEY, "PLAYGROUND_PASSWORD": PASSWORD, "PLAYGROUND_REDIS_URL": url,
        "SECRET_KEY": "signs-the-cookies-of-all", "SOMEBODY_ELSES_TOKEN": "token-of-another-program",
    }  # fmt: skip
    with SandboxServer(ports=(0,)) as api:
        launched = Launched(tmp_path, "--port", "0", "--workers", "2", **given, OCTA_BASE_URL=api.url)
        try:
            launched.address()
            seen: dict[str, list[set[str]]] = {}
            for pid in launched.family:
                command = Path(f"/proc/{pid}/cmdline").read_text()
                assert [name for name, value in given.items() if value in command] == []
                assert parts_in(command) == []
                environment = Path(f"/proc/{pid}/environ").read_text()
                has = {
                    name for name, value in given.items() if value in environment or f"{name}=" in environment
                }
                program = next((name for name in PROGRAMS if name in command), "gunicorn")
                seen.setdefault(program, []).append(has)
            assert seen["octaspace.sandbox"] == [set()]
            assert seen["playground.reaper"] == [set(given) - {"SECRET_KEY"}]
            assert seen["gunicorn"] == [set(given)] * 3, "the master and two workers"
            said = launched.text()
            assert [name for name, value in given.items() if value in said] == []
            assert parts_in(said) == []
        finally:
            launched.process.terminate()
            assert launched.wait() == 0
            launched.end()


def test_encoded_redis_password_works(secured: RedisServer, tmp_path: Path) -> None:
    database = open_database(tmp_path, address(secured))
    database.check()
    database.close()


def broken_addresses() -> list[str]:
    """URLs in which the password is not or not completely encoded."""
    tricky = "@/#%?:&="
    passwords = [REDIS_PASSWORD, *(quote(REDIS_PASSWORD, safe=sign) for sign in tricky)]
    passwords += [quote(REDIS_PASSWORD, safe="").replace("%25", "%")]
    addresses = [f"redis://:{password}@127.0.0.1:1/0" for password in passwords]
    addresses += [f"unix://:{password}@/nowhere/redis.sock" for password in passwords]
    addresses += [f"rediss://127.0.0.1:1/0?password={REDIS_PASSWORD}", f"redis://127.0.0.1:1/0?{PARTS[0]}=1"]
    addresses += [
        f"redis://{PARTS[0]}:{PARTS[1]}",
        f"redis://{PARTS[0]}.invalid:1/0",
        f"redis://h/{PARTS[0]}",
    ]
    addresses += [f"http://:{PARTS[0]}@127.0.0.1", f":{PARTS[0]}@127.0.0.1", f"redis://h:1/0?db={PARTS[0]}"]
    addresses += [f"redis://h:1/0#{PARTS[0]}", f"redis://[{PARTS[0]}]:1/0", f"redis://:{PARTS[0]} @h"]
    addresses += [f"rediss://h:1/0?ssl_cert_reqs={PARTS[0]}", f"redis://h:99999/{PARTS[0]}"]
    return addresses


# redis-py 5.0.0 leaves a Unix socket that was not connected to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("url", broken_addresses())
def test_redis_url_is_not_in_messages(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        open_database(tmp_path, url).check()
    assert parts_in(str(raised.value)) == []
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None
    hidden = raised.value.__suppress_context__ or raised.value.__context__ is None
    assert hidden, "a traceback in a log would quote it"
    if url.startswith("unix:"):
        del raised
        gc.collect()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("encoded", "Connection refused"), ("password", "WRONGPASS"), ("database", "ResponseError")],
)
def test_redis_errors_do_not_contain_the_password(
    secured: RedisServer, tmp_path: Path, wrong: str, message: str
) -> None:
    url = {
        "encoded": f"redis://:{quote(REDIS_PASSWORD, safe='')}@127.0.0.1:{free_port()}/0",
        "password": address(secured, quote(REDIS_PASSWORD + "x", safe="")),
        "database": address(secured).replace("/0", "/99999"),
    }[wrong]
    with pytest.raises(StoreError, match=f"^Redis: .*{message}") as raised:
        open_database(tmp_path, url).check()
    assert parts_in(str(raised.value)) == []


def test_redis_server_messages_are_not_repeated(tmp_path: Path, secured: RedisServer) -> None:
    """A server that does not know AUTH repeats the arguments, including the password."""
    database: Any = open_database(tmp_path, address(secured))
    with pytest.raises(StoreError) as raised, database.translate_errors():
        raise RedisError(f"unknown command `AUTH`, with args beginning with: `{REDIS_PASSWORD}`")
    assert str(raised.value) == "Redis: RedisError; see PLAYGROUND_REDIS_URL"
    database.close()


@pytest.mark.gunicorn
@pytest.mark.parametrize("encoded", [False, True])
def test_start_error_is_one_line_without_the_password(encoded: bool, tmp_path: Path) -> None:
    password = quote(REDIS_PASSWORD, safe="") if encoded else REDIS_PASSWORD
    url = f"redis://:{password}@127.0.0.1:{free_port()}/0"
    code, said = started(tmp_path, PLAYGROUND_REDIS_URL=url)
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert ("Connection refused" if encoded else "PLAYGROUND_REDIS_URL") in line
    assert parts_in(said) == []
    assert "Traceback" not in said


def started(tmp_path: Path, **environment: str) -> tuple[int, str]:
    """Start Gunicorn without the launcher and with invalid settings; return exit code and output."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "playground/gunicorn.conf.py",
        "playground:create_app()",
    ]
    given = {"PLAYGROUND_STATE_DIR": str(tmp_path / "state"), "PLAYGROUND_BIND": f"127.0.0.1:{free_port()}"}
    done = subprocess.run(
        command, cwd=ROOT, env={**bare_environment(), **given, **environment},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://user:{}@host", "http://user:{}", "http://:{}?q@host", "http://user:pass/{}@host", "http://h:{}#x",
        "http://user:x[{}]@host", "http://[{}]", "http://u:%{}@h", "u:{}@h",
    ],
)  # fmt: skip
def test_other_urls_are_not_in_messages(url: str, tmp_path: Path) -> None:
    written = url.format("Hunter2")
    with pytest.raises(ConfigurationError) as raised:
        Config(base_url=written)
    assert "unter2" not in str(raised.value)
    for variable in ("OCTA_BASE_URL", "OCTA_BASE_URLS", "PLAYGROUND_ENDPOINTS", "PLAYGROUND_SANDBOX_URLS"):
        with pytest.raises(StartError, match=variable) as refused:
            ProcessSettings.read({variable: written}, tmp_path)
        assert "unter2" not in str(refused.value)


@pytest.mark.parametrize("password", ["x", "elevenchars", " elevenchars ", "   ", "\t"])
def test_short_password_is_refused_and_not_shown(password: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^PLAYGROUND_PASSWORD .*\b12\b"):
        ProcessSettings.read({"PLAYGROUND_PASSWORD": password}, tmp_path)


@pytest.mark.parametrize(
    ("given", "password"), [("twelve chars", "twelve chars"), ("", None), ("ü" * 12, "ü" * 12)]
)
def test_long_password_is_accepted_and_empty_means_none(
    given: str, password: str | None, tmp_path: Path
) -> None:
    settings = ProcessSettings.read({"PLAYGROUND_PASSWORD": given}, tmp_path)
    assert settings.password == password
    assert password is None or password not in repr(settings)


@pytest.mark.gunicorn
def test_short_password_prevents_every_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = "Xq9short"
    code, said = started(tmp_path, PLAYGROUND_PASSWORD=short)
    assert code == 1
    assert said.splitlines() == ["Error: PLAYGROUND_PASSWORD must have at least 12 characters"]
    launched = Launched(tmp_path, "--port", str(free_port()), PLAYGROUND_PASSWORD=short)
    try:
        assert launched.process.wait(60) == 1
        assert launched.text() == "PLAYGROUND_PASSWORD must have at least 12 characters\n"
    finally:
        launched.end()
    monkeypatch.setenv("PLAYGROUND_PASSWORD", short)
    with pytest.raises(StartError, match="12 characters"):
        create_app()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_existing_state_folder_keeps_its_mode(
    process: ProcessSettings, make_app: MakeApp, tmp_path: Path
) -> None:
    for given in (0o755, 0o750, 0o700, 0o1755):
        folder = tmp_path / f"state-{given:o}"
        folder.mkdir()
        folder.chmod(given)
        make_app(replace(process, state_dir=folder))
        assert mode(folder) == given
        assert mode(folder / "secret_key") == 0o600


def test_writable_state_folder_is_refused(
    process: ProcessSettings, make_app: MakeApp, tmp_path: Path
) -> None:
    """Others could replace the key that signs cookies, and forge any session."""
    for given in (0o777, 0o770, 0o775, 0o1777, 0o702):
        folder = tmp_path / f"state-{given:o}"
        folder.mkdir()
        folder.chmod(given)
        with pytest.raises(StartError, match=r"Others can write into .*PLAYGROUND_STATE_DIR"):
            make_app(replace(process, state_dir=folder))
        assert mode(folder) == given
        assert list(folder.iterdir()) == []


def test_created_state_folder_is_private(process: ProcessSettings, make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(replace(process, state_dir=tmp_path / "new" / "state"))
    app.extensions["playground"].database.check()
    assert mode(tmp_path / "new" / "state") == 0o700
    files = list((tmp_path / "new" / "state").iterdir())
    assert len(files) >= 3
    assert {path.name: mode(path) for path in files} == {path.name: 0o600 for path in files}


def test_invalid_key_file_is_not_changed(process: ProcessSettings, make_app: MakeApp) -> None:
    process.state_dir.mkdir(parents=True)
    file = process.state_dir / "secret_key"
    file.write_text("notes of somebody")
    file.chmod(0o644)
    with pytest.raises(StartError, match="secret_key"):
        make_app(process)
    assert (mode(file), file.read_text()) == (0o644, "notes of somebody")


@pytest.mark.gunicorn
def test_gunicorn_warns_about_a_readable_state_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    with RunningPlayground(tmp_path, workers=1) as running:
        assert running.log().count(f"{state}: chmod 700 it") == 1
    assert mode(state) == 0o755
    state.chmod(0o777)
    code, said = started(tmp_path)
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("Error: Others can write into")]
