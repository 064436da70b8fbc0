"""The public API: the `__all__` of each module, and the members of its classes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from typing_extensions import is_typeddict

import flask_octaspace
import octaspace

__all__ = ["public_modules", "public_objects", "typed_dicts"]


def public_modules() -> Iterator[ModuleType]:
    """The two packages and each module in them.

    Not the transport, what is named with an underscore, and what is inside of the sandbox: its package lists
    what is public.
    """
    for package in (octaspace, flask_octaspace):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            parts = found.name.split(".")
            inner = parts[1] == "transport" or (parts[1] == "sandbox" and len(parts) > 2)
            if not inner and not any(part.startswith("_") for part in parts):
                yield importlib.import_module(found.name)


def public_objects() -> dict[str, Any]:
    """Objects with annotations by their qualified name: functions, classes and methods.

    A class that is public by what it derives from, or is in an annotation alone, is found in its module.
    """
    found: dict[str, Any] = {}
    for module in public_modules():
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                _add_class(found, thing)
            elif inspect.isroutine(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def typed_dicts() -> dict[str, Any]:
    """Those of `public_objects` that are a TypedDict."""
    return {path: thing for path, thing in public_objects().items() if is_typeddict(thing)}


def _add_class(found: dict[str, Any], kind: type) -> None:
    for each in kind.__mro__:
        path = f"{each.__module__}.{each.__qualname__}"
        if path in found or each.__module__.partition(".")[0] not in ("octaspace", "flask_octaspace"):
            continue
        found[path] = each
        for name, member in vars(each).items():
            if name.startswith("_") and name not in ("__init__", "__enter__", "__exit__", "__new__"):
                continue
            for function in _functions(member):
                found[f"{path}.{name}"] = function


def _functions(member: Any) -> Iterator[Any]:
    if isinstance(member, (classmethod, staticmethod)):
        yield member.__func__
    elif isinstance(member, property):
        yield member.fget
    elif inspect.isfunction(member):
        yield member
