"""No module imports itself through other modules, not even for its types.

That a module in a package implies its `__init__` is not counted: every package would be a cycle.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from .import_graph import ROOT, Import, imports

PACKAGES = ("octaspace", "flask_octaspace", "playground")


def module_of(path: Path) -> str:
    """The dotted name of a file's module; a package's ``__init__.py`` has the package's name."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def edges_between(found: Iterable[Import], modules: set[str]) -> dict[str, dict[str, Import]]:
    """By module, the modules that it imports, each with its first import.

    Args:
        found: The imports of the modules.
        modules: All modules; other imports are ignored.
    """
    edges: dict[str, dict[str, Import]] = {module: {} for module in modules}
    for one in found:
        here = module_of(one.path)
        target = one.name if one.name in modules else one.name.rpartition(".")[0]
        if here in modules and target in modules and target != here:
            edges[here].setdefault(target, one)
    return edges


def cycles(edges: dict[str, dict[str, Import]]) -> list[list[str]]:
    """The strongly connected components of more than one module, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in edges[module]:
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            at = stack.index(module)
            component = sorted(stack[at:])
            del stack[at:]
            if len(component) > 1:
                components.append(component)

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return components


def lines_of(component: list[str], edges: dict[str, dict[str, Import]]) -> list[str]:
    """The imports that hold a component together."""
    return [str(one) for module in component for target, one in edges[module].items() if target in component]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_through_others(package: str) -> None:
    modules = {module_of(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
    assert package in modules
    edges = edges_between(imports(package), modules)
    assert sum(map(len, edges.values())) > len(modules) // 2
    found = [lines_of(component, edges) for component in cycles(edges)]
    assert not found, "\n\n".join("\n".join(lines) for lines in found)


def test_a_cycle_is_found_with_its_lines() -> None:
    def one(path: str, line: int, name: str) -> Import:
        return Import(Path(path), line, name)

    modules = {"p", "p.a", "p.b", "p.c", "p.d"}
    edges = edges_between(
        [
            one("p/__init__.py", 1, "p.a.A"),
            one("p/a.py", 2, "p.b"),
            one("p/b.py", 3, "p.c.C"),
            one("p/c.py", 4, "p.a.A"),
            one("p/c.py", 5, "p.d"),
            one("p/d.py", 6, "json.loads"),
        ],
        modules,
    )
    (component,) = cycles(edges)
    assert component == ["p.a", "p.b", "p.c"]
    assert lines_of(component, edges) == [
        "p/a.py:2 imports p.b", "p/b.py:3 imports p.c.C", "p/c.py:4 imports p.a.A",
    ]  # fmt: skip
    edges["p.d"]["p"] = one("p/d.py", 7, "p.A")
    assert cycles(edges) == [["p", "p.a", "p.b", "p.c", "p.d"]]
