"""Where options come from, and what is said of bad ones."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace


class Watcher(octaspace.Observer):
    """An observer that does nothing."""


def settings_of(config: dict[str, Any] | None = None, **defaults: Any) -> Any:
    app = Flask("configured")
    app.config.update(config or {})
    OctaSpace(app, **defaults)
    return app.extensions["octaspace"].settings


def test_without_anything_the_sdk_defaults_hold() -> None:
    settings = settings_of()
    assert settings.config == octaspace.Config()
    assert settings.client_scope == "app"
    assert settings.origins == {}


def test_every_option_has_its_key(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    values: dict[str, Any] = {
        "api_key": "k", "base_url": "http://a.test", "base_urls": ["http://b.test", "http://c.test"],
        "keep_alive": True, "pool_size": 2, "pool_timeout": 1.5, "idle_timeout": 3, "open_timeout": 4,
        "read_timeout": 5, "write_timeout": 6, "max_retries": 7, "retry_interval": 0.25, "backoff_factor": 3,
        "max_retry_interval": 8, "total_timeout": 90, "max_retry_after": 9, "failure_cooldown": 11,
        "max_response_bytes": 1000, "max_json_values": 500, "ssl_verify": str(bundle),
        "on_request": print, "on_response": repr, "logger": logging.getLogger("x"),
        "log_level": "debug", "user_agent": "me/1", "max_connection_age": 13,
        "observers": (Watcher(),), "cache_ttl": 10, "cache_stale": 60,
        "cache_max_bytes": 4096,
        "rental_ledger": "sqlite:////var/lib/app/rentals.db",
    }  # fmt: skip
    assert values.keys() == {field.name for field in dataclasses.fields(octaspace.Config)}
    settings = settings_of({f"OCTASPACE_{name.upper()}": value for name, value in values.items()})
    for name, value in values.items():
        assert getattr(settings.config, name) == (tuple(value) if name == "base_urls" else value)
        assert str(settings.origins[name]) == f"app.config OCTASPACE_{name.upper()}"


#: For every option that text can give: the text of a variable, and the resulting value.
TEXTS: dict[str, list[tuple[str, Any]]] = {
    "api_key": [("sk-1", "sk-1"), ("12345678901234567890123", "12345678901234567890123"), ("null", None)],
    "base_url": [("http://b.test/", "http://b.test")],
    "base_urls": [
        ("http://b.test, http://c.test", ("http://b.test", "http://c.test")),
        ('["http://b.test"]', ("http://b.test",)),
        ("null", None),
    ],
    "keep_alive": [("yes", True), ("1", True), ("true", True), ("0", False), ("Off", False)],
    "pool_size": [("3", 3)],
    "pool_timeout": [("2.5", 2.5), ("none", None), ("null", None), ("0", 0)],
    "idle_timeout": [("7", 7), ("None", None)],
    "open_timeout": [("7", 7), ("none", None)],
    "read_timeout": [("0.5", 0.5), ("none", None)],
    "write_timeout": [("7", 7), ("none", None)],
    "max_retries": [("0", 0)],
    "retry_interval": [("0.25", 0.25)],
    "backoff_factor": [("3", 3)],
    "max_retry_interval": [("8", 8)],
    "total_timeout": [("90", 90), ("none", None)],
    "max_retry_after": [("9", 9)],
    "failure_cooldown": [("1e1", 10)],
    "max_response_bytes": [("1000", 1000)],
    "max_json_values": [("500", 500)],
    "ssl_verify": [("0", False), ("no", False), ("true", True), ("/", "/")],
    "log_level": [("warning", "warning"), ("15", 15)],
    "user_agent": [("me/1", "me/1"), ("7", "7")],
    "max_connection_age": [("300", 300), ("none", None)],
    "cache_ttl": [("10", 10)],
    "cache_stale": [("60", 60)],
    "cache_max_bytes": [("4096", 4096)],
    "rental_ledger": [
        ("sqlite:////var/lib/rentals.db", "sqlite:////var/lib/rentals.db"),
        ("redis://host:6379/0?lease=60", "redis://host:6379/0?lease=60"),
        ("null", None),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "value"), [(name, *case) for name, cases in TEXTS.items() for case in cases]
)
def test_strings_of_from_prefixed_env_are_converted(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"FLASK_OCTASPACE_{name.upper()}", text)
    app = Flask("configured")
    app.config.from_prefixed_env()
    OctaSpace(app)
    found = getattr(app.extensions["octaspace"].settings.config, name)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


def test_every_option_that_text_can_give_is_in_that_table() -> None:
    fields = {field.name for field in dataclasses.fields(octaspace.Config)}
    assert TEXTS.keys() == fields - {"on_request", "on_response", "logger", "observers"}


def test_the_scope_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_OCTASPACE_CLIENT_SCOPE", "context")
    app = Flask("configured")
    app.config.from_prefixed_env()
    OctaSpace(app)
    assert app.extensions["octaspace"].settings.client_scope == "context"


@pytest.mark.parametrize("urls", ["http://b.test,http://c.test", ["http://b.test", "http://c.test"]])
def test_base_urls_as_list_or_text(urls: Any) -> None:
    config = settings_of({"OCTASPACE_BASE_URLS": urls}).config
    assert config.endpoints == ("http://b.test", "http://c.test")


def test_the_key_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_API_KEY", " from-env\n")
    for missing in ({}, {"OCTASPACE_API_KEY": None}, {"OCTASPACE_API_KEY": " "}):
        settings = settings_of(missing)
        assert settings.config.api_key == "from-env"
        assert str(settings.origins["api_key"]) == "environment OCTA_API_KEY"
    assert settings_of(api_key="keyword").config.api_key == "keyword"
    assert settings_of({"OCTASPACE_API_KEY": "own"}, api_key="keyword").config.api_key == "own"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_option_falls_back_to_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = TEXTS[name][0]
    monkeypatch.setenv(f"OCTA_{name.upper()}", text)
    settings = settings_of()
    assert getattr(settings.config, name) == value
    assert str(settings.origins[name]) == f"environment OCTA_{name.upper()}"


def test_the_environment_overrides_no_endpoint_of_a_stronger_source(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ("http://own.test",)
    monkeypatch.setenv("OCTA_BASE_URLS", "http://b.test,http://c.test")
    assert settings_of({"OCTASPACE_BASE_URL": own[0]}).config.endpoints == own
    assert settings_of(base_url=own[0]).config.endpoints == own
    assert settings_of({"OCTASPACE": {"base_url": own[0]}}).config.endpoints == own
    monkeypatch.delenv("OCTA_BASE_URLS")
    monkeypatch.setenv("OCTA_BASE_URL", "not read")
    assert settings_of({"OCTASPACE_BASE_URLS": own}).config.endpoints == own


@pytest.mark.parametrize("key", ["KEEP_ALIVE", "PERSISTENT"])
@pytest.mark.parametrize("variable", ["OCTA_KEEP_ALIVE", "OCTA_PERSISTENT"])
def test_the_environment_overrides_no_alias(monkeypatch: pytest.MonkeyPatch, key: str, variable: str) -> None:
    monkeypatch.setenv(variable, "yes")
    assert settings_of({f"OCTASPACE_{key}": False}).config.keep_alive is False
    assert settings_of().config.keep_alive is True


def test_an_option_of_the_environment_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_POOL_SIZE", "many")
    with pytest.raises(
        octaspace.ConfigurationError, match=r"^OCTA_POOL_SIZE: pool_size must be a whole number"
    ):
        settings_of()
    assert settings_of({"OCTASPACE_POOL_SIZE": 2}).config.pool_size == 2


def test_a_table_of_options() -> None:
    settings = settings_of({"OCTASPACE": {"API_KEY": "k", "pool_size": "3", "Client_Scope": "context"}})
    assert (settings.config.api_key, settings.config.pool_size) == ("k", 3)
    assert settings.client_scope == "context"
    assert str(settings.origins["pool_size"]) == 'app.config OCTASPACE["pool_size"]'


def test_a_table_of_from_prefixed_env(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_OCTASPACE__API_KEY", "12345")
    app = Flask("configured")
    app.config.from_prefixed_env()
    OctaSpace(app)
    assert app.extensions["octaspace"].settings.config.api_key == "12345"


def test_the_table_and_a_key() -> None:
    assert settings_of({"OCTASPACE": {"POOL_SIZE": "3"}, "OCTASPACE_POOL_SIZE": 3}).config.pool_size == 3
    message = r'^OCTASPACE_POOL_SIZE and OCTASPACE\["POOL_SIZE"\] have different values; remove one of them$'
    with pytest.raises(octaspace.ConfigurationError, match=message):
        settings_of({"OCTASPACE": {"POOL_SIZE": 4}, "OCTASPACE_POOL_SIZE": 3})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"APIKEY": "sk-secret"}, 'OCTASPACE["APIKEY"]: unknown option; did you mean API_KEY?'),
        ({"OCTASPACE_API_KEY": "sk-secret"}, "did you mean API_KEY?"),
        ({"POOL_SIZE": 0}, 'OCTASPACE["POOL_SIZE"]: pool_size must be at least 1'),
        ("sk-secret", "OCTASPACE must be a table of options, such as {'API_KEY': …}, not str"),
    ],
)
def test_a_table_that_cannot_be_used(table: Any, words: str) -> None:
    with pytest.raises(octaspace.ConfigurationError) as caught:
        settings_of({"OCTASPACE": table})
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_app_config_wins_over_keywords() -> None:
    settings = settings_of({"OCTASPACE_POOL_SIZE": 8}, pool_size=2, max_retries=1, client_scope="context")
    assert (settings.config.pool_size, settings.config.max_retries) == (8, 1)
    assert {name: str(origin) for name, origin in settings.origins.items()} == {
        "pool_size": "app.config OCTASPACE_POOL_SIZE",
        "max_retries": "keyword max_retries",
        "client_scope": "keyword client_scope",
    }


def test_a_base_url_of_the_app_replaces_keyword_base_urls() -> None:
    config = settings_of({"OCTASPACE_BASE_URL": "http://own.test"}, base_urls=["http://default.test"]).config
    assert config.endpoints == ("http://own.test",)


def test_persistent_is_an_alias() -> None:
    assert settings_of({"OCTASPACE_PERSISTENT": "true"}).config.keep_alive is True
    assert settings_of({"OCTASPACE_PERSISTENT": False}, keep_alive=True).config.keep_alive is False
    assert settings_of({"OCTASPACE_KEEP_ALIVE": False}, persistent=True).config.keep_alive is False
    with pytest.raises(octaspace.ConfigurationError, match=r"OCTASPACE_PERSISTENT and OCTASPACE_KEEP_ALIVE"):
        settings_of({"OCTASPACE_PERSISTENT": True, "OCTASPACE_KEEP_ALIVE": "no"})


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("OCTASPACE_POOL_SIZE", 0, "at least 1"),
        ("OCTASPACE_POOL_SIZE", "many", "whole number"),
        ("OCTASPACE_READ_TIMEOUT", -1, "greater than 0"),
        ("OCTASPACE_READ_TIMEOUT", "", "number"),
        ("OCTASPACE_BASE_URL", "ftp://x.test", "http"),
        ("OCTASPACE_BASE_URL", "http://user:secret@x.test", "user name or password"),
        ("OCTASPACE_BASE_URLS", [], "empty"),
        ("OCTASPACE_BASE_URLS", "", "empty"),
        ("OCTASPACE_KEEP_ALIVE", "perhaps", "true or false"),
        ("OCTASPACE_PERSISTENT", 3, "true or false"),
        ("OCTASPACE_ON_REQUEST", "print", "code"),
        ("OCTASPACE_API_KEY", "a\nb", "control character"),
        ("OCTASPACE_RENTAL_LEDGER", "mysql://user:secret@host/0", "sqlite:///path"),
        ("OCTASPACE_RENTAL_LEDGER", "redis://user:secret@host/zero", "redis://host:6379/0"),
        ("OCTASPACE_CLIENT_SCOPE", "request", '"app" or "context"'),
        ("OCTASPACE_READ_TIMOUT", 1, "did you mean OCTASPACE_READ_TIMEOUT?"),
        ("OCTASPACE_CLIENTSCOPE", "app", "did you mean OCTASPACE_CLIENT_SCOPE?"),
        ("OCTASPACE_COLOUR", "red", "known are api_key"),
    ],
)
def test_a_bad_value_names_the_key_of_app_config(key: str, value: Any, words: str) -> None:
    with pytest.raises(octaspace.ConfigurationError) as caught:
        settings_of({key: value})
    assert str(caught.value).startswith(key)
    assert words in str(caught.value)
    assert caught.value.option
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"pool_size": 0}, "keyword pool_size: .*at least 1"),
        ({"read_timeout": "5"}, "keyword read_timeout: "),
        ({"read_timout": 5}, "keyword read_timout: unknown option; did you mean read_timeout"),
        ({"client_scope": "request"}, "keyword client_scope: "),
    ],
)
def test_a_bad_keyword_is_named(keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(octaspace.ConfigurationError, match=words):
        settings_of(**keywords)


def test_a_bad_key_of_the_environment_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_API_KEY", "sec\x01ret")
    with pytest.raises(octaspace.ConfigurationError, match=r"^OCTA_API_KEY: ") as caught:
        settings_of()
    assert "ret" not in str(caught.value)


def test_keys_of_others_are_left_alone() -> None:
    assert settings_of({"OCTA_POOL_SIZE": 0, "OCTASPACEX": 1, 5: 6}).origins == {}  # type: ignore[dict-item]


def test_later_changes_of_app_config_are_not_seen() -> None:
    app = Flask("configured")
    octa = OctaSpace(app)
    app.config["OCTASPACE_POOL_SIZE"] = 9
    with app.app_context():
        assert octa.client.config.pool_size == 5


def test_init_app_lists_every_key() -> None:
    documentation = inspect.getdoc(OctaSpace.init_app) or ""
    for field in dataclasses.fields(octaspace.Config):
        assert f"``OCTASPACE_{field.name.upper()}``" in documentation
