"""URLs of ledgers: what is not supported is refused in one line that names what is, and shows no password."""

from __future__ import annotations

import os
import pickle
import traceback
from pathlib import Path

import pytest
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace
from octaspace.rentals import open_ledger
from octaspace.rentals.ledger_url import parse_ledger_url
from octaspace.secret_values import MaskedUrl

#: Stands for a password in the URLs below.
SECRET = "hunter2"


def refusal(url: str) -> str:
    """The message of the error, the same from a config, in one line."""
    with pytest.raises(ValueError, match=r"ledger") as raised:
        parse_ledger_url(url)
    message = str(raised.value)
    with pytest.raises(octaspace.ConfigurationError) as of_config:
        octaspace.Config(rental_ledger=url)
    assert of_config.value.option == "rental_ledger"
    assert message in str(of_config.value)
    assert "\n" not in message
    shown = "".join(traceback.format_exception(of_config.value))
    assert SECRET not in message + shown
    return message


@pytest.mark.parametrize(
    "url",
    ["", " ", "rentals.db", "/var/lib/rentals.db", "file:///rentals.db", "postgresql://app:hunter2@db/0",
     "mysql://hunter2@db", "unix:///run/redis.sock", "redis+socket:///run/redis.sock", "memory://", "SQLITE:///a",
     "http://hunter2@host", "sqlite3:///a.db", ":hunter2@host", "valkey://:hunter2@host"],
)  # fmt: skip
def test_unknown_kinds(url: str) -> None:
    message = refusal(url)
    for supported in ("sqlite:///", "redis://", "rediss://"):
        assert supported in message


@pytest.mark.parametrize(
    "url",
    ["sqlite:", "sqlite:a.db", "sqlite:/a.db", "sqlite://a.db", "sqlite://host/a.db", "sqlite:///a%00b"],
)
def test_sqlite_has_three_slashes_and_a_path(url: str) -> None:
    message = refusal(url)
    assert "sqlite:///rentals.db" in message
    assert "sqlite:////" in message


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:////", "sqlite:///dir/", "sqlite:///:memory:"]
)
def test_sqlite_needs_a_file(url: str) -> None:
    assert "path" in refusal(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://", "redis:///", "redis:///0", "redis://:6379/0", "redis:host", "redis:/host/0", "redis://host/one",
        "redis://host/0/1", "redis://host/-1", "redis://host/0#x", "redis://ho st/0", "redis://host\0/0",
        "redis://host:x/0", "redis://[::1/0", "redis://::1/0", "redis://[zz]/0", "rediss://", "redis://hö.de/0",
        "redis://:hunter2", "redis://:hunter2@", "redis://app:hunter2@:6379/0", "redis://app:hunter2@/run/redis.sock",
        # A password with an unencoded character that means something else in a URL:
        "redis://:1/hunter2@host/0", "redis://:hunter2/1@host/0", "redis://:1@hunter2@host/0", "redis://app:1/hunter2@h",
        "redis://:1?hunter2@host/0", "redis://app:1?hunter2=3@host/0", "redis://app:1?lease=hunter2@host/0",
        "redis://:1#hunter2@host/0", "redis://app:1#hunter2@host/0", "redis://:hunter2%@host/0", "redis://:%zz@host/0",
        "redis://:hunter2 x@host/0", "redis://:[hunter2]@host/0",
    ],
)  # fmt: skip
def test_a_redis_url_that_may_mean_something_else(url: str) -> None:
    message = refusal(url)
    assert "redis://host:6379/0" in message
    assert "%40" in message


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_ports(port: str) -> None:
    assert "65535" in refusal(f"redis://host:{port}/0")


@pytest.mark.parametrize(
    "url", ["redis://host/0?hunter2", "redis://host/0?password=hunter2", "redis://h?db=1"]
)
def test_redis_has_no_other_options(url: str) -> None:
    message = refusal(url)
    assert "lease" in message
    assert "reconcile_timeout" in message


def test_a_misspelt_option_is_corrected() -> None:
    message = refusal("sqlite:///rentals.db?leese=30")
    assert "'leese'" in message
    assert "lease" in message.replace("leese", "")


@pytest.mark.parametrize("name", ["lease", "reconcile_timeout"])
@pytest.mark.parametrize("value", ["", "0", "0.4", "-1", "nan", "inf", "90s", "86401", "1e99"])
@pytest.mark.parametrize("start", ["sqlite:///rentals.db", "redis://host/0"])
def test_options_that_are_no_number_of_seconds(start: str, name: str, value: str) -> None:
    message = refusal(f"{start}?{name}={value}")
    assert name in message
    assert "0.5" in message
    assert "86400" in message


@pytest.mark.parametrize("start", ["sqlite:////var/lib/rentals.db", "redis://host/0"])
def test_options(start: str) -> None:
    plain = parse_ledger_url(start)
    assert (plain.lease, plain.reconcile_timeout) == (90.0, 120.0)
    given = parse_ledger_url(f"{start}?reconcile_timeout=0.5&lease=45.123456789")
    assert (given.lease, given.reconcile_timeout) == (45.123456789, 0.5)
    assert given.url == plain.url == plain.full_url == start
    assert given.full_url == f"{start}?lease=45.123456789&reconcile_timeout=0.5"
    assert parse_ledger_url(given.full_url) == given
    assert parse_ledger_url(f"{start}?lease=90&reconcile_timeout=120.0").full_url == start


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    address = parse_ledger_url("sqlite:///data/../rentals.db?lease=30")
    assert address.path == str(tmp_path / "rentals.db")
    assert address.full_url == f"sqlite:///{tmp_path}/rentals.db?lease=30"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////a b.db", "/a b.db"),
        ("sqlite:////a%20b.db", "/a b.db"),
        ("sqlite:////ü%C3%BC.db", "/üü.db"),
        ("sqlite:////a%3Fb%23c%25d.db", "/a?b#c%d.db"),
        ("sqlite:////a#b.db", "/a#b.db"),
        ("sqlite:////%FC.db", os.fsdecode(b"/\xfc.db")),
        ("sqlite:////a@b:c.db", "/a@b:c.db"),
    ],
)
def test_paths_of_any_characters(url: str, path: str) -> None:
    address = parse_ledger_url(url)
    assert address.path == path
    assert parse_ledger_url(address.full_url).path == path


@pytest.mark.parametrize(
    "url",
    ["redis://host", "redis://host/", "redis://host:6379/15", "rediss://host:1/0", "redis://127.0.0.1/0",
     "redis://[::1]:6379/0", "redis://[fe80::1]/0", "redis://my_redis/0", "redis://redis.example.com:65535"],
)  # fmt: skip
def test_hosts_of_redis(url: str) -> None:
    address = parse_ledger_url(url)
    assert address.path is None
    assert address.url == url
    assert address.url.masked == url


@pytest.mark.parametrize(
    "info", [":hunter2", "app:hunter2", "hunter2", "a%40b:hunter2%2F%40", ":hunter2:%3A"]
)
def test_user_and_password_are_masked(info: str) -> None:
    url = parse_ledger_url(f"rediss://{info}@[::1]:6379/0?lease=30").full_url
    assert url == f"rediss://{info}@[::1]:6379/0?lease=30"
    assert url.masked == "rediss://***@[::1]:6379/0?lease=30"
    assert repr(url) == "'rediss://***@[::1]:6379/0?lease=30'"
    assert repr(pickle.loads(pickle.dumps(url))) == repr(url)


def test_an_unencoded_at_sign_is_masked_as_well() -> None:
    assert MaskedUrl("redis://app:1@hunter2@host/0").masked == "redis://***@host/0"


def test_a_config_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "rediss://app:hunter2@ledger.example:6379/0"
    monkeypatch.setenv("OCTA_RENTAL_LEDGER", f" {url} ")
    for config in (octaspace.Config(rental_ledger=url), octaspace.Config.from_env()):
        assert config.rental_ledger == url
        assert "rediss://***@ledger.example:6379/0" in repr(config)
        assert SECRET not in repr(config)
        with octaspace.Client.from_config(config) as client:
            assert SECRET not in repr(client) + repr(client.rental_ledger) + repr(client.config)


def test_flask_octaspace_config_shows_no_password() -> None:
    app = Flask(__name__)
    app.config["OCTASPACE_RENTAL_LEDGER"] = "redis://app:hunter2@ledger.example/0?lease=30"
    OctaSpace(app)
    done = app.test_cli_runner().invoke(args=["octaspace", "config"])
    assert done.exit_code == 0
    (line,) = (line for line in done.output.splitlines() if line.startswith("rental_ledger "))
    assert "redis://***@ledger.example/0?lease=30" in line
    assert SECRET not in done.output


def test_the_same_url_is_the_same_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = open_ledger("sqlite:///rentals.db")
    assert open_ledger(f"sqlite:///{tmp_path}/./rentals.db?lease=90") is ledger
    assert open_ledger("sqlite:///rentals.db?lease=30") is not ledger
    assert ledger.owned_by("user 7").heartbeat is ledger.heartbeat
    assert str(tmp_path / "rentals.db") in repr(ledger)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [7, True, b"sqlite:///a.db", ["sqlite:///a.db"], Path("a.db")])
def test_other_types(value: object) -> None:
    with pytest.raises(octaspace.ConfigurationError) as raised:
        octaspace.Config(rental_ledger=value)  # type: ignore[arg-type]
    assert raised.value.option == "rental_ledger"
    assert "sqlite:///rentals.db" in str(raised.value)
