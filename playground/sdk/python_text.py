"""Values as Python code that runs in `bin/console`, which has the modules that the code names."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import os
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MODULES", "python_text", "variable_name"]

#: Modules that the code may name.
MODULES: Final = ("datetime", "decimal", "pathlib", "uuid")


def python_text(value: Any, name: str = "value") -> str:
    """A value as Python code.

    Args:
        value: A value of the SDK's arguments. A value without code, such as a function or an open file,
            becomes the name of a variable, so that the code does not run until it is defined.
        name: Name of the argument, for such a variable.
    """
    try:
        return _code(value, name)
    except RecursionError:  # nested too deeply to be pasted
        return variable_name(name)


def _code(value: Any, name: str) -> str:
    if isinstance(value, enum.Enum):
        return _code(value.value, name)
    if value is None or isinstance(value, bool):
        return repr(value)
    for kind in (int, str, bytes):
        if isinstance(value, kind):
            return kind.__repr__(value)  # not that of a subclass
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else f"float('{float(value)}')"
    if isinstance(value, (bytearray, memoryview)):
        return f"{bytes(value)!r}"
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return _collection(value, name)
    return _object(value) or variable_name(name)


def _object(value: Any) -> str:
    if isinstance(value, decimal.Decimal):
        return f"decimal.Decimal('{value}')"
    if isinstance(value, (datetime.datetime, datetime.time)):
        return _with_offset(value)
    if isinstance(value, (datetime.date, datetime.timedelta)):
        return repr(value)
    if isinstance(value, uuid.UUID):
        return f"uuid.UUID('{value}')"
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return f"pathlib.Path({path!r})" if isinstance(path, str) else repr(path)
    return ""


def _with_offset(value: datetime.datetime | datetime.time) -> str:
    """A time whose zone is its offset: other zones cannot be written as code."""
    offset = value.utcoffset()
    zone = None if offset is None else datetime.timezone(offset)
    return repr(value.replace(tzinfo=zone))


def _collection(value: Any, name: str) -> str:
    if isinstance(value, Mapping):
        inside = (f"{_code(key, name)}: {_code(entry, str(key))}" for key, entry in value.items())
        return "{" + ", ".join(inside) + "}"
    parts = [_code(entry, name) for entry in value]
    if isinstance(value, list):
        return f"[{', '.join(parts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    return "{" + ", ".join(parts) + "}" if parts else "set()"


def variable_name(name: str) -> str:
    """The name of a variable for a value that a copied line leaves out: ``ENVS`` for `envs`."""
    found = re.sub(r"[^A-Z0-9_]+", "_", name.upper()).strip("_")
    return found if found and not found[0].isdigit() else f"VALUE{'_' if found else ''}{found}"
