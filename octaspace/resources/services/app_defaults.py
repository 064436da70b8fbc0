"""Defaults for a rental from an app's catalogue entry: image, disk, ports, environment variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ... import types
from ...errors import UnexpectedShapeError
from ...json_values import parse_nested
from ...key_mask import KeyMask
from ...safe_repr import excerpt, safe_repr
from .arguments import checked_count, checked_envs, checked_ports, checked_text

__all__ = ["app_defaults"]

#: Arguments whose field in the catalogue has a different name.
_FIELDS: Final = {"disk_size": "min_disk_size"}


def app_defaults(catalogue: Any, uuid: str, missing: list[str], mask: KeyMask) -> dict[str, Any]:
    """Read the missing arguments of `MachineRentals.create` from an app's entry in the catalogue.

    Args:
        catalogue: The data of ``GET /apps``.
        uuid: The app.
        missing: Names of arguments.
        mask: Masks the key in an answer that an error contains.

    Returns:
        A value for each missing argument, as `create` sends it.

    Raises:
        ValueError: The catalogue has no such app.
        octaspace.UnexpectedShapeError: The catalogue is not a list, or the app's entry lacks a required
            value or has a value that cannot be used.
    """
    if not isinstance(catalogue, list):
        raise UnexpectedShapeError(
            "GET /apps: a list of apps is expected, not an object; nothing was rented",
            type_name=types.App.__name__,
            value=excerpt(mask.data(catalogue)),
        )
    for item in catalogue:
        if isinstance(item, dict) and item.get("uuid") == uuid:
            break
    else:
        raise ValueError(
            f"app {safe_repr(uuid)} is not in the catalogue (GET /apps): correct the uuid, or pass "
            "disk_size, image, envs, ports and http_ports"
        )
    readers = _readers(types.App.from_api(item), item)
    defaults = {}
    for name in missing:
        try:
            defaults[name] = readers[name]()
        except ValueError as error:  # about the entry, not about an argument
            field = _FIELDS.get(name, name)
            raise UnexpectedShapeError(
                mask.text(
                    f"the catalogue's entry of app {safe_repr(uuid)} cannot be used: {error}; "
                    f"nothing was rented: pass {name} yourself"
                ),
                type_name=types.App.__name__,
                field=field,
                value=_shown_field(mask.data(item), field),
            ) from None
    return defaults


def _readers(app: types.App, item: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return a reader of each argument, with the checks of a given argument: a rental costs money."""
    return {
        "disk_size": lambda: checked_count("disk_size", app.min_disk_size, "GB"),
        "image": lambda: checked_text("image", app.image, required=True),
        "envs": lambda: _envs(app, item),
        "start_command": lambda: checked_text(
            "start_command", app.start_command or app.extra.get("start_command") or ""
        ),
        "ports": lambda: checked_ports("ports", app.ports),  # a list that cannot be parsed is empty (Q3)
        "http_ports": lambda: checked_ports("http_ports", app.http_ports),
    }


def _envs(app: types.App, item: Mapping[str, Any]) -> dict[str, str]:
    envs = checked_envs("envs", app.envs)
    if len(app.envs) < _entries(item.get("envs")):
        raise ValueError(f"envs must be a mapping of names to text, not {safe_repr(item['envs'])}")
    return envs


def _shown_field(item: Mapping[str, Any], field: str) -> str | None:
    """Return an excerpt of a field of an entry or of its `extra`."""
    more = item.get("extra")
    value = item.get(field, more.get(field) if isinstance(more, Mapping) else None)
    return None if value is None else excerpt(value)


def _entries(envs: Any) -> int:
    """Return the minimum number of variables to be read; text may contain a JSON object (Q31)."""
    if isinstance(envs, str):
        try:
            return _entries(parse_nested(envs)) if envs.strip() else 0
        except ValueError:
            return 1
    return len(envs) if isinstance(envs, (Mapping, list)) else envs is not None
