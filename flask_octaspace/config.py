"""Build a validated `octaspace.Config` from `app.config`, keyword defaults and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from flask import Flask

from octaspace import Config, ConfigurationError
from octaspace.config import PYDANTIC_CONFIG, Options
from octaspace.environment import read_environment

from .app_config import read_app_config
from .option_sources import OptionSources, Origin, named

__all__ = ["ClientScope", "Defaults", "Settings", "read_settings"]

ClientScope = Literal["app", "context"]

_SCOPES: Final = ("app", "context")


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
    origins: Mapping[str, Origin]


def read_settings(app: Flask, *defaults: Mapping[str, Any]) -> Settings:
    """Combine the sources and validate the result.

    Args:
        app: The app. Its configuration overrides every other source; strings are converted to the type of the
            option. The environment is the weakest source.
        defaults: Keyword defaults; later ones override earlier ones.

    Raises:
        ConfigurationError: A key or variable is unknown or its value cannot be used; the message names it.
    """
    sources = OptionSources()
    for keywords in defaults:
        sources.add({name: (value, Origin("keyword", name)) for name, value in keywords.items()})
    sources.add(read_app_config(app))
    environment = read_environment(sources.values)
    sources.add_weaker(
        {name: (value, Origin("environment", variable)) for name, (value, variable) in environment.items()}
    )
    values, origins = sources.values, sources.origins
    scope = values.pop("client_scope", "app")
    if scope not in _SCOPES:
        message = f'client_scope must be "app" or "context", not {scope!r}'
        raise named(ConfigurationError(message, option="client_scope"), origins["client_scope"])
    try:
        config = Config(**values)
    except ConfigurationError as error:
        raise named(error, origins.get(error.option or "")) from None
    return Settings(config, cast(ClientScope, scope), origins)
