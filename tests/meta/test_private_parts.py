"""Private parts of other libraries: each one used is in the list of `octaspace.transport.private_parts`."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import flask_octaspace
import octaspace
import playground
from octaspace.transport import private_parts
from tests.support.renamed_parts import MODULES

PACKAGES = (octaspace, flask_octaspace, playground)

#: What Python's own machinery puts into classes.
MACHINERY = re.compile(r"__\w+__|_abc_\w+|_\w+_|_is_(runtime_)?protocol|_unbound_fields|_wtforms_meta")

LISTED = set(re.findall(r"(?<=[.`])(\w+)`(?=[,:])", private_parts.__doc__ or ""))


def is_private(name: str) -> bool:
    return name.startswith("_") and MACHINERY.fullmatch(name) is None


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    paths = (path for package in PACKAGES for path in sorted(Path(package.__path__[0]).rglob("*.py")))
    return [(path, ast.parse(path.read_text())) for path in paths]


def defined(tree: ast.Module) -> Iterator[str]:
    """The names that a module gives to functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            yield from ast.literal_eval(node.value)


def used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "hasattr", "setattr", "delattr")
            and isinstance(node.args[1], ast.Constant)
        ):
            yield str(node.args[1].value), node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((name.name, node.lineno) for name in node.names)


def test_private_attributes_of_other_libraries_are_listed() -> None:
    own = {name for _, tree in sources() for name in defined(tree)}
    wrong = [
        f"{path}:{line}: {name}"
        for path, tree in sources()
        for name, line in used(tree)
        if is_private(name) and name not in own and name not in LISTED
    ]
    assert not wrong, "\n".join(wrong)


def our_classes() -> Iterator[type]:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith(("__main__", "gunicorn.conf")):
                continue
            loaded = importlib.import_module(module.name)
            for kind in vars(loaded).values():
                if inspect.isclass(kind) and kind.__module__ == module.name:
                    yield kind


def is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {package.__name__ for package in PACKAGES}


def names_in(code: types.CodeType) -> set[str]:
    nested = (names_in(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*nested)


def names_of(kind: type) -> set[str]:
    """The names that a class defines and that its functions use."""
    names = set(vars(kind))
    for member in vars(kind).values():
        function = inspect.unwrap(getattr(member, "__func__", member)) if callable(member) else None
        if isinstance(function, types.FunctionType):
            names |= names_in(function.__code__)
    return names


def test_names_that_our_classes_share_with_their_foreign_bases_are_listed() -> None:
    wrong = []
    for kind in our_classes():
        foreign = [base for base in kind.__mro__[1:] if not is_ours(base) and base is not object]
        theirs = set().union(*map(names_of, foreign))
        ours = set().union(*(names_of(base) for base in kind.__mro__ if is_ours(base)))
        wrong += [
            f"{kind.__module__}.{kind.__qualname__}: {name}"
            for name in sorted(ours & theirs)
            if is_private(name) and name not in LISTED
        ]
    assert not wrong, "\n".join(wrong)


def test_the_list_has_the_parts_that_a_test_renames() -> None:
    assert set(MODULES) == LISTED


def test_each_one_in_the_list_is_used() -> None:
    names = {name for _, tree in sources() for name in (*defined(tree), *(name for name, _ in used(tree)))}
    constants = {
        node.value
        for path, tree in sources()
        for node in ast.walk(tree)
        if path.name == "private_parts.py" and isinstance(node, ast.Constant)
    }
    assert names | constants >= LISTED
