"""Build a validated `octaspace.Config` from `app.config`, keyword defaults and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, cast

from octaspace import Config, ConfigurationError
from octaspace.config import PYDANTIC_CONFIG, ApiKey, Options, convert_option
from octaspace.suggestion import suggestion

__all__ = ["ENVIRONMENT_KEY", "PREFIX", "ClientScope", "Defaults", "Settings", "read_settings"]

#: Prefix of the extension's keys in `app.config`.
PREFIX: Final = "OCTASPACE_"

#: The environment variable that `OCTASPACE_API_KEY` falls back to.
ENVIRONMENT_KEY: Final = "OCTA_API_KEY"

ClientScope = Literal["app", "context"]

_SCOPES: Final = ("app", "context")
_NAMES: Final = (*(field.name for field in fields(Config)), "persistent", "client_scope")

#: Options that are never numbers. `Config.from_prefixed_env` parses variables as JSON, so a key of digits and
#: a switch of 0 or 1 arrive as int.
_NEVER_NUMBERS: Final = frozenset({"api_key", "user_agent", "keep_alive", "persistent", "ssl_verify"})


class Defaults(Options, total=False):
    """The keywords of `OctaSpace` and `init_app`: every option of `octaspace.Config` and the scope."""

    client_scope: ClientScope


Defaults.__pydantic_config__ = PYDANTIC_CONFIG  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Settings:
    """The options of an app, as `init_app` read them.

    Attributes:
        config: Options of the app's clients.
        client_scope: ``"app"`` or ``"context"``.
        origins: Source of each option that is not at its default: the keyword, the key of `app.config`, or
            the environment variable.
    """

    config: Config
    client_scope: ClientScope
    origins: Mapping[str, str]


def read_settings(app_config: Mapping[str, Any], *defaults: Mapping[str, Any]) -> Settings:
    """Combine the sources and validate the result.

    Args:
        app_config: The app's configuration. Its ``OCTASPACE_`` keys override every other source; strings are
            converted to the type of the option.
        defaults: Keyword defaults; later ones override earlier ones.

    Raises:
        ConfigurationError: A key is unknown or its value cannot be used; the message names the key.
    """
    layers = ConfigSources()
    key = os.environ.get(ENVIRONMENT_KEY, "").strip()
    if key:
        layers.add({"api_key": (ApiKey.mask(key), f"{ENVIRONMENT_KEY} in the environment")})
    for keywords in defaults:
        layers.add({name: (value, f"keyword {name}") for name, value in keywords.items()})
    layers.add(_from_app_config(app_config))
    values, origins = layers.values, layers.origins
    scope = values.pop("client_scope", "app")
    if scope not in _SCOPES:
        raise ConfigurationError(
            f'{origins["client_scope"]}: client_scope must be "app" or "context", not {scope!r}',
            option="client_scope",
        )
    try:
        config = Config(**values)
    except ConfigurationError as error:
        raise _named(error, origins.get(error.option or "")) from None
    return Settings(config, cast(ClientScope, scope), origins)


class ConfigSources:
    """Options collected from the weakest source to the strongest."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}

    def add(self, layer: Mapping[str, tuple[Any, str]]) -> None:
        """Add a source, as name to (value, origin), which overrides those before it."""
        layer = dict(layer)
        for name, (_, origin) in layer.items():
            if name not in _NAMES:
                raise _unknown(name, origin)
        if "persistent" in layer:  # another name of keep_alive
            alias = layer.pop("persistent")
            other = layer.setdefault("keep_alive", alias)
            if other[0] != alias[0]:
                raise ConfigurationError(
                    f"{alias[1]} and {other[1]} are the same option and have different values",
                    option="keep_alive",
                )
        if "base_url" in layer and "base_urls" not in layer:
            # Config prefers base_urls, but here they come from a weaker source.
            self._forget("base_urls")
        for name, (value, origin) in layer.items():
            self.values[name], self.origins[name] = value, origin

    def _forget(self, name: str) -> None:
        self.values.pop(name, None)
        self.origins.pop(name, None)


def _from_app_config(app_config: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    layer = {}
    for key, value in app_config.items():
        if not isinstance(key, str) or not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :].lower()
        if name not in _NAMES:
            raise _unknown(name, key)
        if name == "api_key" and (value is None or (isinstance(value, str) and not value.strip())):
            continue  # not set: the next source has it
        layer[name] = (_convert(name, key, value), key)
    return layer


def _convert(name: str, key: str, value: Any) -> Any:
    if name in _NEVER_NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if name == "client_scope" or not isinstance(value, str):
        return value
    try:
        converted = convert_option(name, value)
    except ConfigurationError as error:
        raise _named(error, key) from None
    return ApiKey.mask(converted) if name == "api_key" else converted


def _named(error: ConfigurationError, origin: str | None) -> ConfigurationError:
    message = str(error) if origin is None else f"{origin}: {error}"
    return ConfigurationError(message, option=error.option)


def _unknown(name: str, origin: str) -> ConfigurationError:
    is_key = origin.startswith(PREFIX)
    hint = suggestion(name, _NAMES, render=lambda near: f"{PREFIX}{near.upper()}" if is_key else near)
    return ConfigurationError(f"{origin}: unknown option; {hint}", option=name)
