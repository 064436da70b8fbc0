"""No frame of the packages has the plain key when an option is refused: error trackers send locals away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

import pytest
from flask import Flask

import octaspace
from flask_octaspace import OctaSpace
from octaspace import Client, Config

KEY = "sk-live-0123456789abcdef"

#: A value of each option that it refuses.
WRONG: dict[str, Any] = {name: object() for name in Config.__annotations__}

#: Options among which one is refused; each contains the key.
CASES: dict[str, dict[str, Any]] = {
    **{
        f"{name} is wrong": {"api_key": KEY, name: value}
        for name, value in WRONG.items()
        if name != "api_key"
    },
    "misspelt beside it": {"api_key": KEY, "read_timout": 1},
    "misspelt key": {"apikey": KEY},
    "misspelt key as bytes": {"api_kye": KEY.encode()},
    "bytes": {"api_key": KEY.encode()},
    "bytearray": {"api_key": bytearray(KEY.encode())},
    "list": {"api_key": [KEY]},
    "dict": {"api_key": {"key": KEY}},
    "quotes": {"api_key": f'"{KEY}"'},
    "line break": {"api_key": f"{KEY}\n"},
    "control character": {"api_key": f"{KEY}\x01"},
    "no latin": {"api_key": f"{KEY}€"},
    "key and aliases that differ": {"api_key": KEY, "keep_alive": True, "persistent": False},
    "in the URL": {"base_url": f"https://me:{KEY}@host.test"},
    "in one of the URLs": {"base_urls": ["https://a.test", f"https://me:{KEY}@host.test"]},
    "in the ledger's URL": {"rental_ledger": f"redis://me:{KEY}@host/zero"},
    "as a URL": {"base_url": KEY},
    "as one of the URLs": {"base_urls": ["https://a.test", KEY]},
    "as a number": {"read_timeout": KEY},
    "as a number, in bytes": {"pool_size": KEY.encode()},
    "as a number, in a list": {"max_retries": [KEY]},
    "as a switch": {"keep_alive": KEY},
    "as a level": {"log_level": KEY},
    "as a hook": {"on_request": KEY},
    "as the scope": {"client_scope": KEY},
}


def _client_for(**options: Any) -> None:
    app = Flask("app")
    octa = OctaSpace(app)
    with app.app_context():
        octa.client_for(**{"api_key": None, **options})


def _init_app(**options: Any) -> None:
    OctaSpace().init_app(Flask("app"), **options)


def _app_config(**options: Any) -> None:
    app = Flask("app")
    app.config.update({f"OCTASPACE_{name.upper()}": value for name, value in options.items()})
    OctaSpace(app)


def _table(**options: Any) -> None:
    app = Flask("app")
    app.config["OCTASPACE"] = options
    OctaSpace(app)


ENTRIES: dict[str, Callable[..., object]] = {
    "Client": Client,
    "Config": Config,
    "Config.from_env": Config.from_env,
    "Config.replace": lambda **options: Config().replace(**options),
    "configure": octaspace.configure,
    "client": octaspace.client,
    "with_options": lambda **options: Client().with_options(**options),
    "client_for": _client_for,
    "init_app": _init_app,
    "OctaSpace": lambda **options: OctaSpace(Flask("app"), **options),
    "app.config": _app_config,
    "table": _table,
}


def frames(error: BaseException | None) -> Iterator[FrameType]:
    """Those of the packages, of the error and of the errors that it comes from."""
    if error is None:
        return
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals["__name__"].split(".")[0] in ("octaspace", "flask_octaspace"):
            yield traceback.tb_frame
        traceback = traceback.tb_next
    yield from frames(error.__cause__)
    yield from frames(error.__context__)


def assert_masked(error: BaseException) -> None:
    assert KEY not in str(error)
    assert list(frames(error))
    for frame in frames(error):
        for name, value in frame.f_locals.items():
            assert KEY not in repr(value), f"{name} in {frame.f_code.co_filename}:{frame.f_lineno}"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("case", CASES)
def test_no_frame_has_the_key(entry: str, case: str) -> None:
    with pytest.raises(octaspace.ConfigurationError) as caught:
        ENTRIES[entry](**CASES[case])
    assert_masked(caught.value)


@pytest.mark.parametrize("variable", ["OCTA_POOL_SIZE", "OCTA_KEEP_ALIVE", "OCTA_BASE_URL"])
@pytest.mark.parametrize("read", [Config.from_env, octaspace.configure, _init_app])
def test_a_variable_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, variable: str, read: Callable[[], object]
) -> None:
    monkeypatch.setenv("OCTA_API_KEY", KEY)
    monkeypatch.setenv(variable, f"ftp://me:{KEY}@host" if variable == "OCTA_BASE_URL" else "wrong")
    with pytest.raises(octaspace.ConfigurationError) as caught:
        read()
    assert_masked(caught.value)


@pytest.mark.parametrize(
    "variable", ["OCTA_POOL_SIZE", "OCTA_KEEP_ALIVE", "OCTA_BASE_URL", "OCTA_BASE_URLS", "OCTA_LOG_LEVEL"]
)
def test_a_key_in_the_wrong_variable(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, KEY)
    with pytest.raises(octaspace.ConfigurationError) as caught:
        Config.from_env()
    assert_masked(caught.value)


@pytest.mark.parametrize("read", [Config.from_env, octaspace.configure, _init_app])
@pytest.mark.parametrize("key", [f"'{KEY}'", f"{KEY}\x01"], ids=["quotes", "control character"])
def test_a_key_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, key: str, read: Callable[[], object]
) -> None:
    monkeypatch.setenv("OCTA_API_KEY", key)
    with pytest.raises(octaspace.ConfigurationError) as caught:
        read()
    assert_masked(caught.value)
