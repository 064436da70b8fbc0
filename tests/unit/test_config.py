from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
import re
import traceback
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from octaspace import Client, Config, ConfigurationError, client, configure
from octaspace.config import DEFAULTS, Options
from octaspace.validation import CHECKS, convert_option

CONTRACT: dict[str, Any] = {
    "api_key": None,
    "base_url": "https://api.octa.space",
    "base_urls": None,
    "keep_alive": False,
    "pool_size": 5,
    "pool_timeout": 5,
    "idle_timeout": 60,
    "open_timeout": 10,
    "read_timeout": 30,
    "write_timeout": 30,
    "max_retries": 2,
    "retry_interval": 0.5,
    "backoff_factor": 2.0,
    "max_retry_interval": 30,
    "total_timeout": None,
    "max_retry_after": 60,
    "failure_cooldown": 30,
    "max_response_bytes": 16777216,
    "max_json_values": 2000000,
    "ssl_verify": True,
    "on_request": None,
    "on_response": None,
    "logger": None,
    "log_level": "info",
    "user_agent": None,
    "max_connection_age": None,
    "observers": (),
    "cache_ttl": 0,
    "cache_stale": 0,
    "cache_max_bytes": 33554432,
    "rental_ledger": None,
}


def test_the_options_and_their_defaults_are_those_of_the_contract() -> None:
    assert {field.name: field.default for field in dataclasses.fields(Config)} == CONTRACT
    config = Config()
    assert {name: getattr(config, name) for name in CONTRACT} == CONTRACT


def test_each_option_is_checked_and_annotated() -> None:
    assert set(CHECKS) == set(DEFAULTS)
    assert set(Options.__annotations__) == {*DEFAULTS, "persistent"}


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"/"


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ({"pool_sise": 3}, "pool_sise", "did you mean pool_size?"),
        ({"zzz": 3}, "zzz", "known are api_key"),
        ({"api_key": "sk-123\n"}, "api_key", "line break"),
        ({"api_key": "sk-\x07-123"}, "api_key", "control character at position 4"),
        ({"api_key": "sk-😀"}, "api_key", "position 4"),
        ({"api_key": ""}, "api_key", "pass None"),
        ({"api_key": '"sk-123"'}, "api_key", "without quotes"),
        ({"api_key": "'sk-123'"}, "api_key", "without quotes"),
        ({"api_key": "sk-123\u201d"}, "api_key", "without quotes"),
        ({"base_url": "http://[fe80::1%25eth0]:8080"}, "base_url", "IPv6 zone"),
        ({"base_url": "http://[fe80::1%eth0]"}, "base_url", "IPv6 zone"),
        ({"base_url": "http://host/a/../b"}, "base_url", ". or .."),
        ({"base_url": "http://host/.."}, "base_url", ". or .."),
        ({"base_url": "http://host/%2e%2E/b"}, "base_url", ". or .."),
        ({"api_key": b"sk"}, "api_key", "string or None"),
        ({"base_url": "http://user:hunter2@host"}, "base_url", "user name or password"),
        ({"base_url": "ftp://host"}, "base_url", "http:// or https://"),
        ({"base_url": "host"}, "base_url", "http:// or https://"),
        ({"base_url": "http://"}, "base_url", "no host"),
        ({"base_url": "http://host:99999"}, "base_url", "Port out of range"),
        ({"base_url": "http://ho st"}, "base_url", "white space"),
        ({"base_url": "http://host\\@evil"}, "base_url", "backslash"),
        ({"base_url": "http://host?x=1"}, "base_url", "query"),
        ({"base_url": "http://хост"}, "base_url", "xn--"),
        ({"base_url": "http://user:hunter2@℀.example"}, "base_url", "xn--"),
        ({"base_url": "http://[::1"}, "base_url", "not a URL"),
        ({"base_url": "http://::1:8080"}, "base_url", "an IPv6 address goes in brackets"),
        ({"base_url": "http://[::zz]"}, "base_url", ""),
        ({"base_url": "http://[v1.abc]"}, "base_url", "host"),
        ({"base_url": "http://[::1]evil:80"}, "base_url", ""),
        ({"base_url": "http://a..b"}, "base_url", "host"),
        ({"base_url": f"http://{'a' * 64}.com"}, "base_url", "host"),
        ({"base_url": f"http://{'a.' * 130}com"}, "base_url", "host"),
        ({"base_url": "http://ho%20st"}, "base_url", "host"),
        ({"base_url": "http://ho<st"}, "base_url", "host"),
        ({"base_url": "http://host:0"}, "base_url", "port 0"),
        ({"base_url": None}, "base_url", "must be a URL, not NoneType"),
        ({"base_url": b"http://user:hunter2@host"}, "base_url", "must be a URL, not bytes"),
        ({"base_urls": [["http://user:hunter2@host"]]}, "base_urls", "must be a URL, not list"),
        ({"base_urls": []}, "base_urls", "is empty"),
        ({"base_urls": "http://a"}, "base_urls", "list of URLs, not str"),
        ({"base_urls": ["http://a", "http://a/"]}, "base_urls", "twice"),
        ({"base_urls": ["http://a", "file:///etc"]}, "base_urls", "http:// or https://"),
        ({"keep_alive": 1}, "keep_alive", "True or False"),
        ({"keep_alive": True, "persistent": False}, "keep_alive", "same option"),
        ({"pool_size": 0}, "pool_size", "at least 1"),
        ({"pool_size": True}, "pool_size", "whole number"),
        ({"pool_size": 2.5}, "pool_size", "whole number"),
        ({"open_timeout": 0}, "open_timeout", "greater than 0"),
        ({"read_timeout": -1}, "read_timeout", "greater than 0"),
        ({"read_timeout": "30"}, "read_timeout", "number of seconds or None, not '30'"),
        ({"write_timeout": float("nan")}, "write_timeout", "finite"),
        ({"total_timeout": float("inf")}, "total_timeout", "None means no limit"),
        ({"max_retries": None}, "max_retries", "whole number, not None"),
        ({"max_retries": -1}, "max_retries", "at least 0"),
        ({"retry_interval": -0.1}, "retry_interval", "at least 0"),
        ({"max_response_bytes": 0}, "max_response_bytes", "at least 1"),
        ({"max_json_values": 0}, "max_json_values", "at least 1"),
        ({"max_json_values": 1.5}, "max_json_values", "a whole number"),
        ({"max_json_values": None}, "max_json_values", "a whole number"),
        ({"read_timeout": 1e300}, "read_timeout", "at most 2147483, not 1e+300 (None means no limit)"),
        ({"retry_interval": 2147484}, "retry_interval", "at most 2147483, not 2147484"),
        ({"total_timeout": 10**5000}, "total_timeout", "at most 2147483"),
        ({"pool_size": 10**5000}, "pool_size", "at most"),
        ({"max_retries": -(10**5000)}, "max_retries", "at least 0"),
        ({"keep_alive": 10**5000}, "keep_alive", "True or False, not <int that cannot be shown>"),
        ({"backoff_factor": "2"}, "backoff_factor", "must be a number, not '2'"),
        ({"backoff_factor": -1}, "backoff_factor", "at least 0"),
        ({"ssl_verify": "/no/such/bundle.pem"}, "ssl_verify", "no CA bundle at '/no/such/bundle.pem'"),
        ({"ssl_verify": ""}, "ssl_verify", "no CA bundle at ''"),
        ({"ssl_verify": "a\0b"}, "ssl_verify", "no CA bundle"),
        ({"ssl_verify": "x" * 5000}, "ssl_verify", "no CA bundle"),
        ({"ssl_verify": BytesPath()}, "ssl_verify", "True, False or the path"),
        ({"ssl_verify": 1}, "ssl_verify", "True, False or the path"),
        ({"on_request": "print"}, "on_request", "callable"),
        ({"logger": "octaspace"}, "logger", "logging.Logger"),
        ({"log_level": "loud"}, "log_level", "a level"),
        ({"log_level": -10}, "log_level", "a level"),
        ({"log_level": True}, "log_level", "a level"),
        ({"user_agent": ""}, "user_agent", "a string without surrounding white space"),
        ({"user_agent": " me"}, "user_agent", "a string without surrounding white space"),
        ({"user_agent": "a\r\nX-Evil: 1"}, "user_agent", "control character"),
    ],
)
@pytest.mark.parametrize("make", [Config, Client])
def test_an_invalid_option_is_named(make: Any, options: dict[str, Any], option: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(**options)
    assert caught.value.option == option
    assert option in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.octa.space/", "https://api.octa.space"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://host/prefix/", "http://host/prefix"),
        ("http://host/a/b%20c//", "http://host/a/b%20c"),
        ("HTTP://Host_1.Example.:8080", "HTTP://Host_1.Example.:8080"),
        ("http://192.0.2.1", "http://192.0.2.1"),
        (" http://host ", "http://host"),
    ],
)
def test_valid_urls(url: str, kept: str) -> None:
    assert Config(base_url=url).base_url == kept


def test_it_is_frozen_and_compares_by_value() -> None:
    config = Config(pool_size=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.pool_size = 4  # type: ignore[misc]
    assert config == Config(pool_size=3)
    assert config.replace(pool_size=4).pool_size == 4
    assert config.replace(pool_size=4, max_retries=0).max_retries == 0
    with pytest.raises(ConfigurationError, match="pool_size"):
        config.replace(pool_sice=4)  # type: ignore[call-arg]


def test_base_urls_wins_over_base_url() -> None:
    config = Config(base_url="http://one", base_urls=["http://two", "http://three/"])
    assert config.endpoints == ("http://two", "http://three")
    assert Config(base_url="http://one").endpoints == ("http://one",)


def test_persistent_is_keep_alive() -> None:
    assert Config(persistent=True).keep_alive is True
    assert Config(persistent=True, keep_alive=True).keep_alive is True


def test_ssl_verify_takes_a_path(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert Config(ssl_verify=bundle).ssl_verify == str(bundle)


def test_the_key_is_masked() -> None:
    config = Config(api_key="sk-secret", pool_size=7)
    assert config.api_key == "sk-secret"
    for text in (repr(config), str(config), f"{config}", repr(config.replace(pool_size=8))):
        assert "sk-secret" not in text
        assert "'***'" in text
    assert "pool_size=7" in repr(config)


class Telling(str):
    """A string whose repr shows its value."""

    def __repr__(self) -> str:
        return f"Telling({self!s})"


class KeyOfEnum(str, Enum):
    MINE = "sk-secret"


@pytest.mark.parametrize("key", ["sk-secret", Telling("sk-secret"), KeyOfEnum.MINE])
def test_the_key_is_masked_in_copies_of_the_config(key: str) -> None:
    config = Config(api_key=key, base_urls=["http://a", "http://b"])
    again = pickle.loads(pickle.dumps(config))
    twins = [again, copy.copy(config), copy.deepcopy(config), dataclasses.replace(config), config.replace()]
    for twin in (config, *twins):
        assert twin == config
        assert hash(twin) == hash(config)
        assert twin.api_key == "sk-secret"  # what is sent
        assert "sk-secret" not in repr(twin)
        assert "sk-secret" not in f"{dataclasses.asdict(twin)} {dataclasses.astuple(twin)}"
        with pytest.raises(TypeError):
            vars(twin)
    with Client(key) as made:
        assert "sk-secret" not in f"{made!r} {vars(made)} {made.config}"


def test_a_config_that_failed_validation_has_a_repr() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config(api_key="sk-secret", pool_size=0)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    halves = [frame.f_locals["self"] for frame in frames if isinstance(frame.f_locals.get("self"), Config)]
    assert {repr(half) for half in halves} == {"Config()"}


@pytest.mark.parametrize("name", ["apikey", "key", "api_kee", "token"])
@pytest.mark.parametrize(
    "make", [Config, Client, Client("k").with_options, Config().replace, configure, client]
)
def test_a_key_under_a_misspelt_name_is_masked(make: Any, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"unknown option '{name}'") as caught:
        make(**{name: "sk-" + "secret"})
    assert "sk-secret" not in with_locals(caught.value)


def with_locals(error: BaseException) -> str:
    """What an error tracker records of the frames below the caller's."""
    assert error.__traceback__ is not None
    below = error.__traceback__.tb_next
    return "".join(traceback.TracebackException(type(error), error, below, capture_locals=True).format())


#: For each option that can be text: the text and its value.
WRITTEN: dict[str, tuple[str, Any]] = {
    "api_key": ("\tsk-1\r\n", "sk-1"), "base_url": ("http://one/", "http://one"),
    "base_urls": (" http://two , http://three,", ("http://two", "http://three")), "keep_alive": ("On", True),
    "pool_size": ("9", 9), "pool_timeout": ("0", 0), "idle_timeout": ("None", None),
    "open_timeout": ("1e1", 10),
    "read_timeout": ("1.5", 1.5), "write_timeout": ("none", None), "max_retries": ("0", 0),
    "retry_interval": ("0", 0), "backoff_factor": ("1", 1),
    "max_retry_interval": ("2.5", 2.5), "total_timeout": ("60", 60),
    "max_retry_after": ("0.5", 0.5), "failure_cooldown": ("0", 0),
    "max_response_bytes": ("1", 1), "max_json_values": ("5", 5),
    "ssl_verify": ("no", False), "log_level": ("WARNING", "WARNING"), "user_agent": ("me/1", "me/1"),
    "max_connection_age": ("300", 300), "cache_ttl": ("10", 10), "cache_stale": ("0.5", 0.5),
    "cache_max_bytes": ("4096", 4096),
    "rental_ledger": ("sqlite:////var/lib/rentals.db", "sqlite:////var/lib/rentals.db"),
}  # fmt: skip


def test_each_option_can_be_text_or_is_code_only() -> None:
    assert set(WRITTEN) == set(DEFAULTS) - {"on_request", "on_response", "logger", "observers"}


@pytest.mark.parametrize("name", WRITTEN)
def test_from_env_reads_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = WRITTEN[name]
    monkeypatch.setenv(f"OCTA_{name.upper()}", text)
    assert getattr(Config.from_env(), name) == value
    assert Config.from_env() == Config(**{name: value})
    other = DEFAULTS[name]
    assert Config.from_env(**{name: other}) == Config(**{name: other})  # what is passed wins


def test_code_only_options_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGGER", "ON_REQUEST", "ON_RESPONSE"):
        monkeypatch.setenv(f"OCTA_{name}", "print")
    with pytest.warns(RuntimeWarning, match="can be set in code only"):
        assert Config.from_env() == Config()


@pytest.mark.parametrize("empty", ["", " ", "\r\n"])
@pytest.mark.parametrize("name", [*WRITTEN, "persistent"])
def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, name: str, empty: str) -> None:
    monkeypatch.setenv(f"OCTA_{name.upper()}", empty)
    assert Config.from_env() == Config()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OCTA_POOL_SIZE", "many", "pool_size must be a whole number, not 'many'"),
        ("OCTA_POOL_SIZE", "0", "pool_size must be at least 1, not 0"),
        ("OCTA_POOL_SIZE", "9" * 5000, "pool_size must be a whole number"),
        ("OCTA_READ_TIMEOUT", "nan", "read_timeout must be finite"),
        ("OCTA_READ_TIMEOUT", "soon", "read_timeout must be a number, not 'soon'"),
        ("OCTA_RETRY_INTERVAL", "none", "retry_interval must be a number, not 'none'"),
        ("OCTA_BASE_URL", "api.octa.space", "base_url must start with http:// or https://"),
        ("OCTA_BASE_URLS", ",", "base_urls is empty"),
        ("OCTA_BASE_URLS", "http://a,http://u:hunter2@b", "base_urls must not contain a user name"),
        ("OCTA_PERSISTENT", "maybe", "keep_alive must be true or false, not 'maybe'"),
        ("OCTA_SSL_VERIFY", "/no/such", "ssl_verify: there is no CA bundle at '/no/such'"),
        ("OCTA_API_KEY", "sk-\x07-secret", "api_key has a control character at position 4"),
        ("OCTA_LOG_LEVEL", "loud", "log_level must be a level"),
    ],
)
def test_from_env_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    for make in (Config.from_env, configure, client):
        with pytest.raises(ConfigurationError, match=f"^{re.escape(f'{variable}: {words}')}") as caught:
            make()
        assert "secret" not in with_locals(caught.value)
        assert "hunter2" not in str(caught.value)


def test_from_env_ignores_the_variable_of_a_passed_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_POOL_SIZE", "many")
    assert Config.from_env(pool_size=3).pool_size == 3  # a passed option wins, so the variable is not read


def test_a_passed_keep_alive_wins_over_either_name_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCTA_PERSISTENT", "true")
    assert Config.from_env().keep_alive is True
    assert Config.from_env(keep_alive=False).keep_alive is False


def test_a_passed_base_url_overrides_base_urls_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit base_url is the only endpoint that gets the key."""
    monkeypatch.setenv("OCTA_BASE_URLS", "http://one,http://two")
    assert Config.from_env().endpoints == ("http://one", "http://two")
    assert Config.from_env(base_url="http://mine").endpoints == ("http://mine",)
    assert Config.from_env(base_url="http://mine", base_urls=["http://x"]).endpoints == ("http://x",)
    assert configure(base_url="http://mine").endpoints == ("http://mine",)
    configure()
    with client(base_url="http://mine") as one_off:
        assert one_off.config.endpoints == ("http://mine",)
    config = Config(base_urls=["http://one", "http://two"])
    assert config.replace(base_url="http://mine").endpoints == ("http://mine",)
    assert config.replace(base_url="http://mine", base_urls=["http://x"]).endpoints == ("http://x",)
    assert config.replace(pool_size=2).endpoints == ("http://one", "http://two")


def test_both_names_of_keep_alive_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTA_PERSISTENT", "on")
    monkeypatch.setenv("OCTA_KEEP_ALIVE", "no")
    with pytest.raises(ConfigurationError, match="same option"):
        Config.from_env()
    assert Config.from_env(persistent=True).keep_alive is True


def test_unknown_options_and_invalid_switches_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean pool_size"):
        convert_option("pool_sise", "3")
    assert convert_option("persistent", "yes") is True
    assert convert_option("ssl_verify", " /ca.pem ") == "/ca.pem"
    assert convert_option("read_timeout", "NONE") is None


@pytest.mark.parametrize("name", sorted(set(DEFAULTS) - {"on_request", "on_response", "logger", "api_key"}))
def test_text_of_another_type_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Config(**{name: convert_option(name, "\x01 nonsense")})  # type: ignore[arg-type]


def test_hooks_cannot_be_written_as_text() -> None:
    with pytest.raises(ConfigurationError, match="pass it in code"):
        convert_option("on_request", "print")


def test_a_logger_adapter_is_accepted() -> None:
    adapter = logging.LoggerAdapter(logging.getLogger("x"), {})
    assert Config(logger=adapter).logger is adapter  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0, 10, logging.WARNING, "debug", "Info", "NOTSET"])
def test_a_level_is_a_name_or_a_number(level: str | int) -> None:
    assert Config(log_level=level).log_level == level


def test_annotations_resolve() -> None:
    assert get_type_hints(Config)["pool_size"] is int
