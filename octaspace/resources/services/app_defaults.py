"""What an app's entry in the catalogue says of a rental: image, disk, ports, environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import types
from ...json_values import parse_nested
from ...shown import shown
from .arguments import checked_count, checked_envs, checked_ports, checked_text

__all__ = ["app_defaults"]


def app_defaults(catalogue: Any, uuid: str, missing: list[str]) -> dict[str, Any]:
    """What the entry says of the arguments of `MachineRentals.create` that are missing.

    Args:
        catalogue: What ``GET /apps`` answered.
        uuid: The app.
        missing: Names of arguments.

    Returns:
        A value for each of them, as `create` sends it.

    Raises:
        ValueError: The catalogue has no such app, or its entry does not say what is required, or says
            something that cannot be used.
    """
    for item in catalogue if isinstance(catalogue, list) else ():
        if isinstance(item, dict) and item.get("uuid") == uuid:
            break
    else:
        raise ValueError(
            f"app {shown(uuid)} is not in the catalogue (GET /apps): correct the uuid, or pass disk_size, "
            "image, envs, ports and http_ports yourself"
        )
    try:
        defaults = _defaults(types.App.from_api(item), item, missing)
    except ValueError as error:
        raise ValueError(
            f"the catalogue's entry of app {shown(uuid)} cannot be used: {error}; pass what is wrong yourself"
        ) from None
    return {name: defaults[name] for name in missing}


def _defaults(app: types.App, item: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    """Checked as if they had been given: what is sent costs money."""
    defaults: dict[str, Any] = {}
    if "disk_size" in missing:
        defaults["disk_size"] = checked_count("disk_size", app.min_disk_size, "GB")
    if "image" in missing:
        defaults["image"] = checked_text("image", app.image, required=True)
    if "envs" in missing:
        defaults["envs"] = checked_envs("envs", app.envs)
        if len(app.envs) < _entries(item.get("envs")):
            raise ValueError(f"envs must be a mapping of names to text, not {shown(item['envs'])}")
    if "start_command" in missing:
        unread = app.extra.get("start_command")
        defaults["start_command"] = checked_text("start_command", app.start_command or unread or "")
    for name, ports in (("ports", app.ports), ("http_ports", app.http_ports)):
        if name in missing:  # what does not parse is an empty list (Q3)
            defaults[name] = checked_ports(name, ports)
    return defaults


def _entries(envs: Any) -> int:
    """How many variables there are to be read, at least; text may hold an object in JSON (Q31)."""
    if isinstance(envs, str):
        try:
            return _entries(parse_nested(envs)) if envs.strip() else 0
        except ValueError:
            return 1
    return len(envs) if isinstance(envs, (Mapping, list)) else envs is not None
