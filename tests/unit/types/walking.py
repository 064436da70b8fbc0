"""Looking through typed payloads: every shape in a shape, and what each left in `extra`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from octaspace import types

#: Every type that reads a payload, public ones first.
TYPES = [
    kind
    for name in types.__all__
    if hasattr(kind := getattr(types, name), "from_api") and kind is not types.NodeOffer
]

#: What each must have; the others need nothing.
REQUIRED: dict[type[Any], dict[str, Any]] = {
    types.Account: {"account_uuid": "acc-1"},
    types.App: {"uuid": "app-1"},
    types.Balance: {"balance": 1},
    types.HttpProxy: {"ip": "198.51.100.1", "port": 3128},
    types.IdleJobLogs: {"data": ""},
    types.MachineOffer: {"node_id": 1},
    types.Node: {"id": 1},
    types.RenderOffer: {"node_id": 1},
    types.Session: {"uuid": "s-1"},
    types.VpnRelay: {"node_id": 1},
}


def shapes(value: Any) -> Iterator[Any]:
    """The value and all shapes within it."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            if field.name not in ("extra", "raw"):
                yield from shapes(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from shapes(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from shapes(each)


def left_over(value: Any) -> dict[str, Any]:
    """Everything that any shape in it left in `extra`, as `Type.field`."""
    return {
        f"{type(shape).__name__}.{name}": content
        for shape in shapes(value)
        for name, content in getattr(shape, "extra", {}).items()
    }
