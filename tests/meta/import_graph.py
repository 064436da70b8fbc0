"""The import graph. `python -m tests.meta.import_graph` prints figures of the layout."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The layers of the playground, the highest first. A file imports from lower layers and from its own package.
FLOORS = (
    ("gunicorn.conf", "launcher", "live_check", "reaper"),
    ("app",),
    ("pages",),
    ("jobs", "web"),
    ("browser",),
    ("domain", "app_state"),
    ("secret_key",),
    ("sdk", "settings"),
    ("store",),
    ("formatting",),
)


@dataclass(frozen=True)
class Import:
    """One imported name.

    Attributes:
        path: The importing file, from the root of the repository.
        line: Line of the import.
        name: What is imported, absolute: the module, and behind a dot the name taken from it.
    """

    path: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def imports(folder: str) -> list[Import]:
    """Every import of a folder's files, relative ones resolved."""
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, folder
    return [found for path in files for found in _of_file(path)]


def _of_file(path: Path) -> Iterator[Import]:
    here = path.relative_to(ROOT)
    package = here.parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(here, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *((node.module or "").split(".") if node.module else ())))
            for alias in node.names:
                yield Import(here, node.lineno, f"{module}.{alias.name}")


def room_of(path: Path) -> str:
    """The part of the playground that a file belongs to: its package, or its own name."""
    return path.with_suffix("").parts[1]


def between_rooms() -> list[tuple[str, str, Import]]:
    """The imports between packages of the playground: importing package, imported package, import."""
    found = []
    for one in imports("playground"):
        if one.top == "playground" and one.path.name != "__init__.py":
            here, there = room_of(one.path), one.name.split(".")[1]
            if here != there:
                found.append((here, there, one))
    return found


def main() -> None:
    crossing = between_rooms()
    pairs = Counter((here, there) for here, there, _ in crossing)
    files = [path for path in (ROOT / "playground").iterdir() if path.is_file()]
    print(f"{len(files)} files directly in playground/")
    print(f"{len({here for here, _ in pairs} | {there for _, there in pairs})} rooms")
    print(f"{len(crossing)} imported names between them, {len(pairs)} pairs of rooms")
    for (here, there), count in sorted(pairs.items()):
        print(f"  {here} → {there}: {count}")


if __name__ == "__main__":
    main()
