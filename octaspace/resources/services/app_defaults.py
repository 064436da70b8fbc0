"""What an app's entry in the catalogue says of a rental: image, disk, ports, environment variables."""

from __future__ import annotations

from typing import Any

from ...shown import shown

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
        ValueError: The catalogue has no such app, or its entry does not say what is required.
    """
    from ...types import App  # loads the types, which only who rents by app should pay for

    for item in catalogue if isinstance(catalogue, list) else ():
        if isinstance(item, dict) and item.get("uuid") == uuid:
            app = App.from_api(item)
            break
    else:
        raise ValueError(
            f"app {shown(uuid)} is not in the catalogue (GET /apps): correct the uuid, or pass disk_size, "
            "image, envs, ports and http_ports yourself"
        )
    for name, value in (("disk_size", app.min_disk_size), ("image", app.image)):
        if value is None and name in missing:
            raise ValueError(f"{name} is missing: the catalogue's entry of app {shown(uuid)} has none")
    values: dict[str, Any] = {
        "disk_size": app.min_disk_size,
        "image": app.image,
        "envs": dict(app.envs),
        "ports": list(app.ports),
        "http_ports": list(app.http_ports),
        "start_command": app.start_command or "",
    }
    return {name: values[name] for name in missing}
