"""Immutable classes with named fields.

They behave like `dataclasses.dataclass(frozen=True)`, and the functions of `dataclasses` accept them. With
dataclasses, `import octaspace` would take a tenth longer: the module loads `inspect` and `ast`, and compiles
six methods for each class.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda kind: kind


__all__ = ["Record", "as_dict", "changed", "defaults_of", "field"]

R = TypeVar("R", bound="Record")


#: In place of the default of a field that has none.
_REQUIRED: Final = object()


class _Created:
    """The default of a field that each object gets a new value of."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory

    def __repr__(self) -> str:
        return f"{getattr(self.factory, '__name__', 'created')}()"


def field(*, default_factory: Callable[[], Any]) -> Any:
    """The default of a field whose value is created for each object.

    Args:
        default_factory: Creates it.
    """
    return _Created(default_factory)


class _ForDataclasses:
    """An attribute that `dataclasses` reads from a class. Created when it does so."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[Record]) -> Any:
        return getattr(_as_dataclass(owner), self._name)


class _RecordType(type):
    """Creates the classes. Their objects have slots instead of a `__dict__`, which `vars` would show."""

    # At run time, annotations here would be those of a record without fields.
    if TYPE_CHECKING:
        #: By field: its annotation.
        _annotations: dict[str, str]
        #: By field: its default; `_REQUIRED` without one.
        _defaults: dict[str, Any]
        #: The fields that are compared and shown.
        _public: tuple[str, ...]
        #: Whether `__init__` is compiled, and not written in the class or in a base class.
        _compiles_init: bool

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> _RecordType:
        own: dict[str, str] = body.get("__annotations__", {})
        records = [base for base in bases if isinstance(base, _RecordType)]
        if own:  # a subclass of a user that adds no field gets a `__dict__`, like any other
            body["__slots__"] = tuple(own)
        defaults = {each: body.pop(each, _REQUIRED) for each in own}
        made = super().__new__(mcs, name, bases, body)
        made._annotations, made._defaults = {}, {}
        for base in reversed(records):
            made._annotations |= base._annotations
            made._defaults |= base._defaults
        made._annotations |= own
        made._defaults |= defaults
        made._public = tuple(each for each in made._defaults if not each.startswith("_"))
        made._compiles_init = "__init__" not in body and all(base._compiles_init for base in records)
        if made._compiles_init and (own or "__post_init__" in body):
            _compile_init(made)
        return made

    @property
    def __match_args__(cls) -> tuple[str, ...]:
        return tuple(cls._defaults)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(metaclass=_RecordType):
    """Base class of a class with fields, which are the annotated names of its body.

    `__init__` takes the fields by position or by name, and calls `__post_init__` at its end if there is one.
    Objects of the same class are equal if their fields are; they can be hashed if their fields can, copied
    and pickled. A field whose name begins with an underscore is neither compared nor shown.
    """

    __slots__ = ()
    __dataclass_fields__ = _ForDataclasses()
    __dataclass_params__ = _ForDataclasses()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _frozen(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise _frozen(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self)._public)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self)._public))

    def __getstate__(self) -> list[Any]:
        return [getattr(self, name) for name in type(self)._defaults]

    def __setstate__(self, state: list[Any]) -> None:
        for name, value in zip(type(self)._defaults, state, strict=True):
            object.__setattr__(self, name, value)

    def __replace__(self: R, /, **values: Any) -> R:
        return changed(self, **values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self)._public)
        return f"{type(self).__qualname__}({shown})"


def defaults_of(kind: type[Record]) -> dict[str, Any]:
    """The default of each field that has the same one for all objects."""
    return {
        name: default
        for name, default in kind._defaults.items()
        if default is not _REQUIRED and not isinstance(default, _Created)
    }


def as_dict(record: Record) -> dict[str, Any]:
    """The values of the fields; a value that is a record becomes a dictionary as well."""
    values = {name: getattr(record, name) for name in type(record)._defaults}
    return {name: as_dict(value) if isinstance(value, Record) else value for name, value in values.items()}


def changed(record: R, **values: Any) -> R:
    """A copy with other values, as `dataclasses.replace`.

    Args:
        record: The original.
        values: The fields that differ.
    """
    return type(record)(**{**{name: getattr(record, name) for name in type(record)._defaults}, **values})


def _compile_init(made: _RecordType) -> None:
    """Compile `__init__`: with one for all classes, each call would loop over the names of the fields."""
    names = list(made._defaults)
    given = [default for default in made._defaults.values() if default is not _REQUIRED]
    lines = [f"def __init__(self, {', '.join(names)}):"]
    for name, default in made._defaults.items():
        value = f"{name}.factory() if {name}.__class__ is _Created else {name}"
        lines.append(f" _set(self, {name!r}, {value if isinstance(default, _Created) else name})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    # The globals of its module: `typing.get_type_hints` looks up the annotations there.
    scope = sys.modules[made.__module__].__dict__
    found: dict[str, Any] = {}
    body = "\n ".join(lines)
    exec(f"def make(_set, _Created):\n {body}\n return __init__", scope, found)  # noqa: S102
    init: Any = found["make"](object.__setattr__, _Created)
    init.__defaults__ = tuple(given) or None
    init.__qualname__ = f"{made.__qualname__}.__init__"
    init.__annotations__ = {**made._annotations, "return": "None"}
    type.__setattr__(made, "__init__", init)


@cache
def _as_dataclass(cls: _RecordType) -> type:
    """A dataclass with the same fields."""
    import dataclasses

    fields = []
    for name, default in cls._defaults.items():
        given: Any = {"repr": name in cls._public, "compare": name in cls._public}
        if isinstance(default, _Created):
            given["default_factory"] = default.factory
        elif default is not _REQUIRED:
            given["default"] = default
        fields.append((name, cls._annotations[name], dataclasses.field(**given)))
    return dataclasses.make_dataclass(cls.__name__, fields, frozen=True)


def _frozen(text: str) -> Exception:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(text)
