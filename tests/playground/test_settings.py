"""What the operator decides: where it listens, who may come in."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from octaspace import Config
from playground.app_state import check_rental_ledger
from playground.browser.api_target import is_allowed
from playground.secret_key import load_or_create_secret
from playground.settings import ProcessSettings, StartError, is_loopback

from .conftest import MakeApp

GUARDED = {"PLAYGROUND_PASSWORD": "open sesame, please", "PLAYGROUND_HOSTS": "qa.example, QA2.example"}


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:3000", "localhost:3000", "[::1]:3000", "127.1.2.3:1", "unix:/run/x"]
)
def test_loopback(bind: str) -> None:
    assert is_loopback(bind)


@pytest.mark.parametrize("bind", ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000", ":3000", "qa.example:80"])
def test_an_address_for_others_needs_password_and_names(bind: str, tmp_path: Path) -> None:
    for missing in GUARDED:
        environment = {"PLAYGROUND_BIND": bind, **GUARDED}
        del environment[missing]
        with pytest.raises(StartError, match=missing):
            ProcessSettings.read(environment, tmp_path)
    settings = ProcessSettings.read({"PLAYGROUND_BIND": bind, **GUARDED}, tmp_path)
    assert {"qa.example", "qa2.example", "localhost"} <= settings.hosts
    assert settings.allowed_endpoints == ()
    assert "open sesame, please" not in repr(settings)


def test_the_operators_endpoints_come_from_the_sdks_variables(tmp_path: Path) -> None:
    read = ProcessSettings.read
    assert read({}, tmp_path).operator_urls == ("https://api.octa.space",)
    assert read({"OCTA_BASE_URL": "http://a/"}, tmp_path).operator_urls == ("http://a",)
    both = {"OCTA_BASE_URL": "http://a", "OCTA_BASE_URLS": "http://b, http://c"}
    assert read(both, tmp_path).operator_urls == ("http://b", "http://c")
    with pytest.raises(StartError, match="PROXY_HOPS"):
        read({"PLAYGROUND_PROXY_HOPS": "many"}, tmp_path)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("https://QA.example:8443/", {"qa.example"}),
        ("[2001:DB8::1]:80, 2001:db8::2", {"[2001:db8::1]", "[2001:db8::2]"}),
        ("192.0.2.7:80, qa_1.example.", {"192.0.2.7", "qa_1.example"}),
    ],
)
def test_names_are_taken_as_people_write_them(given: str, names: set[str], tmp_path: Path) -> None:
    hosts = ProcessSettings.read({"PLAYGROUND_HOSTS": given}, tmp_path).hosts
    assert hosts - {"localhost", "127.0.0.1", "[::1]"} == names


@pytest.mark.parametrize("given", ["*", "*.example", ".example", "a b", "qa.example/path", "http://"])
def test_what_is_no_name_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="PLAYGROUND_HOSTS"):
        ProcessSettings.read({"PLAYGROUND_HOSTS": given}, tmp_path)


def test_another_loopback_address_goes_by_itself(tmp_path: Path) -> None:
    assert "127.0.0.2" in ProcessSettings.read({"PLAYGROUND_BIND": "127.0.0.2:3000"}, tmp_path).hosts
    assert "0.0.0.0" not in ProcessSettings.read({"PLAYGROUND_BIND": "0.0.0.0:1", **GUARDED}, tmp_path).hosts


def test_whoever_comes_through_a_proxy_is_not_of_this_machine(tmp_path: Path) -> None:
    behind = {"PLAYGROUND_PROXY_HOPS": "1"}
    with pytest.raises(StartError, match="PLAYGROUND_PASSWORD"):
        ProcessSettings.read(behind, tmp_path)
    assert ProcessSettings.read({**behind, **GUARDED}, tmp_path).allowed_endpoints == ()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("PLAYGROUND_HOST", "PLAYGROUND_HOSTS"),
        ("PLAYGROUND_PROXY_HOP", "PLAYGROUND_PROXY_HOPS"),
        ("PLAYGROUND_PASWORD", "PLAYGROUND_PASSWORD"),
        ("PLAYGROUND_LEDGER", "PLAYGROUND_RENTAL_LEDGER"),
        ("PLAYGROUND_STATEDIR", "PLAYGROUND_STATE_DIR"),
        ("PLAYGROUND_hosts", "PLAYGROUND_HOSTS"),
        ("PLAYGROUND_COLOUR", "docs/playground.md"),
        ("PLAYGROUND_PORT", "docs/playground.md"),
    ],
)
def test_an_unknown_variable_is_refused(variable: str, meant: str, tmp_path: Path) -> None:
    """Before any other problem, which may be its consequence, and without its value."""
    for others in ({}, {"PLAYGROUND_PROXY_HOPS": "1"}, GUARDED):
        with pytest.raises(StartError) as raised:
            ProcessSettings.read({variable: "the-secret", **others}, tmp_path)
        line = str(raised.value)
        assert line.startswith(f"{variable!r} is not a setting")
        assert meant in line
        assert "the-secret" not in line


def test_the_variables_that_kubernetes_sets_for_a_service_are_none_of_ours(tmp_path: Path) -> None:
    address = "tcp://10.0.0.1:3000"
    set_for_service = {
        "PLAYGROUND_SERVICE_HOST": "10.0.0.1", "PLAYGROUND_SERVICE_PORT": "3000",
        "PLAYGROUND_SERVICE_PORT_HTTP": "3000", "PLAYGROUND_PORT": address,
        "PLAYGROUND_PORT_3000_TCP": address, "PLAYGROUND_PORT_3000_TCP_ADDR": "10.0.0.1",
        "PLAYGROUND_QA_SERVICE_HOST": "10.0.0.1", "PLAYGROUND_QA_PORT": address,
    }  # fmt: skip
    assert ProcessSettings.read(set_for_service, tmp_path) == ProcessSettings.read({}, tmp_path)


def test_each_port_has_a_folder_and_a_cookie_of_its_own(tmp_path: Path) -> None:
    first = ProcessSettings.read({}, tmp_path)
    second = ProcessSettings.read({"PLAYGROUND_BIND": "127.0.0.1:3001"}, tmp_path)
    assert (first.state_dir, second.state_dir) == (tmp_path / "playground_3000", tmp_path / "playground_3001")
    assert first.instance != second.instance
    assert first.instance == "playground_3000"
    chosen = ProcessSettings.read({"PLAYGROUND_STATE_DIR": str(tmp_path / "here")}, tmp_path)
    assert chosen.state_dir == tmp_path / "here"


def test_a_name_replaces_the_port_in_folder_and_cookie(tmp_path: Path) -> None:
    for bind in ("127.0.0.1:3000", "127.0.0.1:3001", "unix:/run/playground.sock"):
        settings = ProcessSettings.read({"PLAYGROUND_BIND": bind, "PLAYGROUND_NAME": " QA-team_2 "}, tmp_path)
        assert settings.instance == "playground_QA-team_2"
        assert settings.state_dir == tmp_path / "playground_QA-team_2"


@pytest.mark.parametrize("name", ["3001", "../team", "a b", "-x", "qä", "x" * 41, "team;Path=/"])
def test_a_name_that_cannot_be_used_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="PLAYGROUND_NAME must begin with a letter") as raised:
        ProcessSettings.read({"PLAYGROUND_NAME": name}, tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PLAYGROUND_ENDPOINTS", "http://user:secret@a.example", "PLAYGROUND_ENDPOINTS: "),
        ("PLAYGROUND_SANDBOX_URLS", "127.0.0.1:3001", "PLAYGROUND_SANDBOX_URLS: "),
        ("PLAYGROUND_SANDBOX_CONTROL", "file:///etc", "PLAYGROUND_SANDBOX_CONTROL: "),
        ("OCTA_BASE_URL", "ftp://a.example", "OCTA_BASE_URL: "),
        ("OCTA_BASE_URLS", "http://a.example, nonsense", "OCTA_BASE_URLS: "),
        ("OCTA_API_KEY", "two\nlines", "OCTA_API_KEY: "),
        ("PLAYGROUND_WORKERS", "0", "a number from 1 to 64"),
        ("PLAYGROUND_THREADS", "many", "a number from 1 to 256"),
        ("PLAYGROUND_PROXY_HOPS", "-1", "a number from 0 to 10"),
        ("PLAYGROUND_REAPER_SECONDS", "0", "a number from 1 to 3600"),
        ("PLAYGROUND_RENTAL_LEDGER", "mysql://secret@db.example/", "sqlite:///path/to/rentals.db"),
        ("PLAYGROUND_RENTAL_LEDGER", "sqlite://rentals.db", "three slashes"),
        ("PLAYGROUND_RENTAL_LEDGER", "sqlite:///rentals.db?leese=90", "lease"),
        ("PLAYGROUND_RENTAL_LEDGER", "redis://:se#secret@db.example", "%23"),
        ("PLAYGROUND_RENTAL_LEDGER", "redis://:se?secret=1@db.example", "%3F"),
        ("PLAYGROUND_RENTAL_LEDGER", "redis://:se/secret@db.example", "%2F"),
        ("PLAYGROUND_REDIS_URL", "unix:///run/redis/secret.sock", "set PLAYGROUND_RENTAL_LEDGER"),
        ("SECRET_KEY", "guessable", "SECRET_KEY must have at least 16 characters"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(
    variable: str, value: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(StartError) as raised:
        ProcessSettings.read({variable: value}, tmp_path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "base_urls" not in str(raised.value), "the variable is named, not the option"


def test_addresses_are_compared_as_the_sdk_writes_them(tmp_path: Path) -> None:
    allowed = "http://a.example/, http://b.example:80/v1/"
    read = ProcessSettings.read({"PLAYGROUND_ENDPOINTS": allowed}, tmp_path)
    typed = Config(base_urls=["http://a.example", "http://b.example:80/v1"]).endpoints
    assert is_allowed(read, typed)
    assert not is_allowed(read, (*typed, "http://a.example.evil"))


def test_the_switches_of_the_sandbox_have_an_address_of_their_own(tmp_path: Path) -> None:
    urls = {"PLAYGROUND_SANDBOX_URLS": "http://127.0.0.1:1,http://127.0.0.1:2"}
    assert ProcessSettings.read(urls, tmp_path).control_urls == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    control = {"PLAYGROUND_SANDBOX_CONTROL": "http://127.0.0.1:3"}
    assert ProcessSettings.read({**urls, **control}, tmp_path).control_urls == ("http://127.0.0.1:3",)


def test_a_folder_that_cannot_be_had_is_said_in_one_line(
    process: ProcessSettings, make_app: MakeApp, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"Not a directory"):
        make_app(replace(process, state_dir=tmp_path / "file" / "state"))


def test_the_secret_is_made_once_however_many_start(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_or_create_secret(path), range(32)))
    assert len(secrets) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["secret_key"], "no temporary file remains"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert load_or_create_secret(path) in secrets
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("half")
    with pytest.raises(StartError, match="secret_key"):
        load_or_create_secret(path)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"0" * 63, b"g" * 64, "ä".encode("latin-1") * 64, b"\0" * 64]
)
def test_a_file_without_a_key_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret_key"
    path.write_bytes(content)
    with pytest.raises(StartError) as raised:
        load_or_create_secret(path)
    assert str(raised.value).startswith(f"{path} does not contain a key that signs cookies: remove it")
    assert "set SECRET_KEY" in str(raised.value)
    assert path.read_bytes() == content


def test_what_is_not_a_key_file_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret_key"

    def refused() -> str:
        with pytest.raises(StartError) as raised:
            load_or_create_secret(path)
        assert "\n" not in str(raised.value)
        return str(raised.value).removeprefix(str(path))

    path.mkdir()
    assert refused().startswith(" is a directory")
    path.rmdir()
    path.symlink_to(tmp_path / "gone")
    assert refused().startswith(" is not a file")
    path.unlink()
    os.mkfifo(path)
    assert refused().startswith(" is not a file")
    path.unlink()
    path.write_text("a" * 64)
    path.chmod(0o666)
    assert "mode 0666" in refused()
    path.chmod(0o600)

    def forbidden(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")  # for this user it never is, if this is root

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert "cannot be used by this user" in refused()


def test_a_secret_of_the_environment_is_not_written_down(process: ProcessSettings, make_app: MakeApp) -> None:
    app = make_app(replace(process, secret_key="given-by-the-operator"))
    assert app.secret_key == "given-by-the-operator"
    assert not (process.state_dir / "secret_key").exists()
    assert "given-by" not in repr(process)


def test_the_rental_ledger_is_a_file_of_the_playground_or_its_redis(tmp_path: Path) -> None:
    def ledger(**environment: str) -> str:
        return str(ProcessSettings.read(environment, tmp_path).rental_ledger)

    redis = {"PLAYGROUND_REDIS_URL": "redis://:open-sesame@db.example:6380/2"}
    assert ledger() == f"sqlite:///{tmp_path}/playground_3000/rentals.db"
    assert ledger(PLAYGROUND_STATE_DIR=f"{tmp_path}/a b") == f"sqlite:///{tmp_path}/a%20b/rentals.db"
    assert ledger(**redis) == redis["PLAYGROUND_REDIS_URL"]
    assert (
        ledger(**redis, PLAYGROUND_RENTAL_LEDGER="sqlite:////srv/r.db?lease=60")
        == "sqlite:////srv/r.db?lease=60"
    )
    assert ledger(PLAYGROUND_RENTAL_LEDGER="sqlite:///r.db") == f"sqlite:///{Path.cwd()}/r.db"
    settings = ProcessSettings.read(redis, tmp_path)
    assert "open-sesame" not in repr(settings)
    assert "open-sesame" not in repr(settings.rental_ledger)


def test_a_ledger_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    for path, says in (
        ("missing/r.db", "is not a directory; see PLAYGROUND_RENTAL_LEDGER"),
        ("text", r"text .*damaged .*move it away"),
    ):
        (tmp_path / "text").write_text("not a database " * 100)
        url = f"sqlite:///{tmp_path}/{path}"
        process = ProcessSettings.read({"PLAYGROUND_RENTAL_LEDGER": url}, tmp_path)
        with pytest.raises(StartError, match=says) as raised:
            check_rental_ledger(process)
        assert "\n" not in str(raised.value)
    fine = ProcessSettings.read({"PLAYGROUND_RENTAL_LEDGER": f"sqlite:///{tmp_path}/r.db"}, tmp_path)
    check_rental_ledger(fine)
    assert not (tmp_path / "r.db").exists()


@pytest.mark.parametrize(
    "bind",
    ["127.0.0.1", "3000", "127.0.0.1:99999", "127.0.0.1:http", '"127.0.0.1:3000"', "::1:3000", "127.0.0.1:"],
)
def test_an_address_that_gunicorn_would_not_use_as_it_is_meant(bind: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"PLAYGROUND_BIND is .* must be an address with a port") as caught:
        ProcessSettings.read({"PLAYGROUND_BIND": bind}, tmp_path)
    assert "\n" not in str(caught.value)
