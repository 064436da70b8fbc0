"""The options in `app.config`: keys `OCTASPACE_<OPTION>`, and the table `OCTASPACE`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Flask

from octaspace import ConfigurationError
from octaspace.config import mask_option
from octaspace.suggestion import suggestion
from octaspace.validation import convert_option

from .option_sources import NAMES, Layer, Origin, named

__all__ = ["read_app_config"]

#: The key of a table of options, as a section of a TOML file or `FLASK_OCTASPACE__API_KEY` gives it.
TABLE: Final = "OCTASPACE"

#: Prefix of the keys of single options.
PREFIX: Final = f"{TABLE}_"

#: Options that are never numbers. `Config.from_prefixed_env` parses variables as JSON, so a key of digits and
#: a switch of 0 or 1 arrive as int.
_NEVER_NUMBERS: Final = frozenset({"api_key", "user_agent", "keep_alive", "persistent", "ssl_verify"})


def read_app_config(app: Flask) -> Layer:
    """Read the options of an app's configuration; strings are converted to the type of the option.

    Raises:
        ConfigurationError: A key is unknown, its value cannot be converted, the table is not a mapping, or an
            option has two different values; the message names the key.
    """
    problem = _problem_of_table(app)
    if problem is not None:
        raise ConfigurationError(problem)
    layer: Layer = {}
    for name, value, origin in list(_entries(app)):  # a list: a generator's frame has the plain values
        if name not in NAMES:
            raise _unknown(name, origin)
        if name == "api_key" and (value is None or (isinstance(value, str) and not value.strip())):
            continue  # not set: the next source has it
        converted = _convert(name, value, origin)
        if name in layer and layer[name][0] != converted:
            raise ConfigurationError(
                f"{layer[name][1].name} and {origin.name} have different values; remove one of them",
                option=name,
            )
        layer.setdefault(name, (converted, origin))
    return layer


def _entries(app: Flask) -> Iterator[tuple[str, Any, Origin]]:
    """The options as name in lower case, masked value and origin; single keys first."""
    for key, value in app.config.items():
        if isinstance(key, str) and key.startswith(PREFIX):
            name = key[len(PREFIX) :].lower()
            yield name, _masked(name, value), Origin("app.config", key)
    for key, value in (app.config.get(TABLE) or {}).items():
        name = str(key).lower()
        yield name, _masked(name, value), Origin("app.config", f'{TABLE}["{key}"]')


def _problem_of_table(app: Flask) -> str | None:
    """Why the table cannot be read, or None. Does not raise, so that no traceback has its locals."""
    table = app.config.get(TABLE)
    if table is None or isinstance(table, Mapping):
        return None
    return f"{TABLE} must be a table of options, such as {{'API_KEY': …}}, not {type(table).__name__}"


def _masked(name: str, value: Any) -> Any:
    if name in _NEVER_NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return mask_option(name, value, known=["client_scope"])


def _convert(name: str, value: Any, origin: Origin) -> Any:
    if name == "client_scope" or not isinstance(value, str):
        return value
    try:
        return convert_option(name, value)
    except ConfigurationError as error:
        raise named(error, origin) from None


def _unknown(name: str, origin: Origin) -> ConfigurationError:
    in_table = origin.name.startswith(f"{TABLE}[")
    known = name.removeprefix(PREFIX.lower()) if in_table else name
    hint = suggestion(
        known, NAMES, render=lambda near: near.upper() if in_table else f"{PREFIX}{near.upper()}"
    )
    return ConfigurationError(f"{origin.name}: unknown option; {hint}", option=name)
