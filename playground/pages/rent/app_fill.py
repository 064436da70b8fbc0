"""Fill the rent form with the values of an application.

A value that a person typed is kept: one that is neither empty, nor the default, nor the value of the
application that was filled in before. ``static/js/rent.js`` does the same in the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from octaspace.types import App

from ...domain.safe_links import web_address
from ...formatting import amount, visible
from .variables import read_variables, variables_text

__all__ = ["FILLED", "AppValues", "Difference", "app_values", "default_values", "differences", "fill", "take"]

#: The hidden field with the id of the application whose values were filled in last.
FILLED: Final = "filled"

_PORTS: Final = ("ports", "http_ports")


@dataclass(frozen=True)
class AppValues:
    """What an application provides for the form.

    Attributes:
        texts: Text by field, without `envs`.
        envs: Its environment variables.
        name: Its name.
        description: Its description.
        min_vram: Its minimum VRAM as text; empty when unknown.
        min_disk: Its minimum disk size as text; empty when unknown.
        guide: Address of its guide (Q27); empty when there is none.
        guide_link: The same when a page may link to it; otherwise empty.
    """

    texts: Mapping[str, str]
    envs: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    description: str = ""
    min_vram: str = ""
    min_disk: str = ""
    guide: str = ""
    guide_link: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the script of the page; the variables are pairs, which keep their order."""
        return {**asdict(self), "envs": list(self.envs.items())}


@dataclass(frozen=True)
class Difference:
    """A field whose value differs from that of the application.

    Attributes:
        text: The value of the application; empty for none.
        variables: For `envs`: the variables of the application that differ or are missing.
    """

    text: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def app_values(app: App) -> AppValues:
    """The values of an application. They come from a payload, so invisible characters are replaced."""
    texts = {
        "image": app.image or "",
        "ports": ", ".join(map(str, app.ports)),
        "http_ports": ", ".join(map(str, app.http_ports)),
        "start_command": app.start_command or "",
    }
    if app.min_disk_size is not None:
        texts["disk_size"] = str(max(1, app.min_disk_size))
    return AppValues(
        texts={name: visible(text) for name, text in texts.items()},
        envs={visible(name): visible(re.sub("\r\n?", "\n", text)) for name, text in app.envs.items()},
        name=visible(app.name or "")[:80],
        description=visible(app.description or "")[:300],
        min_vram=f"{amount(app.min_vram_gb)} GB" if app.min_vram_gb else "",
        min_disk=f"{amount(app.min_disk_size)} GB" if app.min_disk_size else "",
        guide=visible(app.guide or ""),
        guide_link=web_address(app.guide) or "",
    )


def default_values(defaults: Mapping[str, str]) -> AppValues:
    """The values of a form without an application."""
    return AppValues(
        {name: defaults[name] for name in ("image", "ports", "http_ports", "start_command", "disk_size")}
    )


def fill(typed: Mapping[str, str], old: AppValues, new: AppValues, base: AppValues) -> dict[str, str]:
    """Fill in the values of an application.

    Args:
        typed: The text of every field.
        old: The values that were filled in before.
        new: The values to fill in.
        base: The values of a form without an application.

    Returns:
        The text of every field.
    """
    result = dict(typed)
    for name, default in base.texts.items():
        if _same(name, typed.get(name, ""), "") or _same(name, typed[name], old.texts.get(name, default)):
            result[name] = new.texts.get(name, default)
    try:
        entries = read_variables(typed.get("envs", ""))
    except ValueError:  # nothing is lost: the lines of the application come after those that were typed
        result["envs"] = _appended(typed["envs"], new.envs)
        return result
    own = {name: value for name, value in entries.items() if old.envs.get(name) != value}
    if own != entries or set(new.envs) - set(own):
        result["envs"] = variables_text({**own, **{n: v for n, v in new.envs.items() if n not in own}})
    return result


def take(typed: Mapping[str, str], name: str, values: AppValues) -> dict[str, str]:
    """Replace the value of one field by that of the application; other variables of `envs` are kept.

    Args:
        typed: The text of every field.
        name: The field.
        values: The values of the application.
    """
    if name == "envs":
        try:
            entries = read_variables(typed.get("envs", ""))
        except ValueError:
            return {**typed, "envs": _appended(typed["envs"], values.envs)}
        return {**typed, "envs": variables_text({**entries, **values.envs})}
    return {**typed, name: values.texts[name]} if name in values.texts else dict(typed)


def differences(typed: Mapping[str, str], values: AppValues) -> dict[str, Difference]:
    """The fields whose values differ from those of the application."""
    found = {
        name: Difference(text)
        for name, text in values.texts.items()
        if not _same(name, typed.get(name, ""), text) and (text or name != "image")
    }
    try:
        entries = read_variables(typed.get("envs", ""))
    except ValueError:
        entries = {}
    variables = {name: value for name, value in values.envs.items() if entries.get(name) != value}
    return {**found, "envs": Difference(variables=variables)} if variables else found


def _same(name: str, one: str, other: str) -> bool:
    return _normal(name, one) == _normal(name, other)


def _normal(name: str, text: str) -> str:
    return " ".join(filter(None, re.split(r"[\s,;]+", text))) if name in _PORTS else text.strip()


def _appended(text: str, variables: Mapping[str, str]) -> str:
    return "\n".join(filter(None, (text.rstrip("\r\n"), variables_text(variables))))
