"""Options with their origins, combined from several sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, NamedTuple

from octaspace import Config, ConfigurationError
from octaspace.suggestion import suggestion

__all__ = ["NAMES", "Layer", "OptionSources", "Origin", "named"]

#: Every name that an option can be given by.
NAMES: Final = (*(field.name for field in fields(Config)), "persistent", "client_scope")


class Origin(NamedTuple):
    """Where an option was found.

    Attributes:
        source: ``"app.config"``, ``"environment"`` or ``"keyword"``.
        name: The key, the variable or the keyword.
    """

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source} {self.name}"

    @property
    def in_messages(self) -> str:
        """What errors call it: keys and variables are recognized by their names alone."""
        return str(self) if self.source == "keyword" else self.name


#: By option: its value and its origin.
Layer = dict[str, tuple[Any, Origin]]


class OptionSources:
    """Options collected from the weakest source to the strongest."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, Origin] = {}

    def add(self, layer: Mapping[str, tuple[Any, Origin]]) -> None:
        """Add a source, which overrides those before it.

        Raises:
            ConfigurationError: A name is unknown, or `persistent` and `keep_alive` contradict each other.
        """
        layer = dict(layer)
        for name, (_, origin) in layer.items():
            if name not in NAMES:
                message = f"{origin.in_messages}: unknown option; {suggestion(name, NAMES)}"
                raise ConfigurationError(message, option=name)
        if "persistent" in layer:  # another name of keep_alive
            alias = layer.pop("persistent")
            other = layer.setdefault("keep_alive", alias)
            if other[0] != alias[0]:
                raise ConfigurationError(
                    f"{alias[1].in_messages} and {other[1].in_messages} are the same option and have "
                    "different values",
                    option="keep_alive",
                )
        if "base_url" in layer and "base_urls" not in layer:
            # Config prefers base_urls, but here they come from a weaker source.
            self.values.pop("base_urls", None)
            self.origins.pop("base_urls", None)
        for name, (value, origin) in layer.items():
            self.values[name], self.origins[name] = value, origin

    def add_weaker(self, layer: Mapping[str, tuple[Any, Origin]]) -> None:
        """Add a source that overrides nothing."""
        for name, (value, origin) in layer.items():
            self.values.setdefault(name, value)
            self.origins.setdefault(name, origin)


def named(error: ConfigurationError, origin: Origin | None) -> ConfigurationError:
    """The error with the origin of its option in front of the message."""
    message = str(error) if origin is None else f"{origin.in_messages}: {error}"
    return ConfigurationError(message, option=error.option)
