"""Import layers: playground → flask_octaspace → octaspace; the sandbox is independent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .import_graph import FLOORS, ROOT, Import, between_rooms, imports

WEB = ("flask", "werkzeug", "jinja2", "blinker", "click")

#: What a ledger of rentals is stored in; loaded when one is opened.
LEDGERS = ("sqlite3", "redis")

#: What each package must not import, as the beginning of a dotted name.
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "octaspace": (*WEB, "flask_octaspace", "playground", "tests"),
    "octaspace/resources": ("requests", "urllib3", "octaspace.transport", "octaspace._", "octaspace.config"),
    "octaspace/types": ("requests", "urllib3"),
    "octaspace/sandbox": ("requests", "urllib3"),
    "flask_octaspace": ("playground", "tests", "requests", "urllib3", "octaspace.sandbox"),
    "playground": ("tests", "urllib3", "octaspace.transport", "octaspace._"),
}

#: About the process that both run in; these import neither.
SHARED = ("octaspace.stop_signals",)

#: Pages that may import another one.
PAGE_IMPORTS = {("services", "rent")}

#: The modules directly in `playground/`.
TOP_FILES = {
    "__init__.py",
    "app.py",
    "app_state.py",
    "formatting.py",
    "gunicorn.conf.py",
    "secret_key.py",
    "settings.py",
}
NOT_ROOMS = {"templates", "static"}


def starts(name: str, beginnings: tuple[str, ...]) -> bool:
    return any(
        name == start or name.startswith(start if start.endswith("_") else f"{start}.")
        for start in beginnings
    )


def listed(wrong: list[Import]) -> str:
    return "\n".join(map(str, wrong))


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_package_layers(folder: str) -> None:
    wrong = [one for one in imports(folder) if starts(one.name, FORBIDDEN[folder])]
    assert not wrong, listed(wrong)


def test_sandbox_and_sdk_are_independent() -> None:
    """They communicate by HTTP only. The pytest plugin uses both and is part of neither, as are `SHARED`."""
    wrong = []
    for one in imports("octaspace"):
        inside = one.path.parts[1] == "sandbox"
        other = one.top == "octaspace" and inside != starts(one.name, ("octaspace.sandbox",))
        if other and not starts(one.name, SHARED):
            wrong.append(one)
    assert not wrong, listed(wrong)
    shared = [one for one in imports("octaspace") if ".".join(one.path.with_suffix("").parts) in SHARED]
    assert shared
    assert not [one for one in shared if one.top == "octaspace"]


def test_playground_layers() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    unknown = {room for here, there, _ in between_rooms() for room in (here, there)} - set(floor)
    assert not unknown
    wrong = [one for here, there, one in between_rooms() if floor[there] <= floor[here]]
    assert not wrong, listed(wrong)


def test_pages_do_not_import_each_other() -> None:
    wrong = []
    for one in imports("playground/pages"):
        here, name = one.path.parts, one.name.split(".")
        if len(here) < 4 or name[:2] != ["playground", "pages"] or len(name) < 3:
            continue
        if name[2] != here[2] and (here[2], name[2]) not in PAGE_IMPORTS:
            wrong.append(one)
    assert not wrong, listed(wrong)


def test_playground_has_only_known_modules() -> None:
    folder = ROOT / "playground"
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == TOP_FILES
    rooms = {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"}
    floors = {room for rooms in FLOORS for room in rooms}
    assert rooms - NOT_ROOMS == floors - {name.removesuffix(".py") for name in TOP_FILES}


def test_every_page_has_its_views_and_its_templates() -> None:
    pages = {path.name for path in (ROOT / "playground" / "pages").iterdir() if (path / "views.py").exists()}
    assert len(pages) >= 15
    for page in pages:
        assert list((ROOT / "playground" / "templates" / page).glob("*.html")), page


def loaded_by(code: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.split()


def test_sdk_import_does_not_load_other_packages() -> None:
    loaded = set(loaded_by("import sys, octaspace; print(*sys.modules)"))
    assert "octaspace" in loaded
    assert not {*WEB, "pytest", *LEDGERS, "opentelemetry"} & loaded
    assert not [name for name in loaded if starts(name, ("octaspace.sandbox",))]


def test_a_client_with_a_ledger_does_not_load_its_storage() -> None:
    code = "import sys, octaspace; octaspace.Client('k', rental_ledger=sys.argv[1]); print(*sys.modules)"
    for url in ("sqlite:///rentals.db", "redis://host/0"):
        loaded = set(loaded_by(code, url))
        assert "octaspace.rentals.ledger" in loaded
        assert not [name for name in loaded if starts(name, (*LEDGERS, "octaspace.types.session"))]


def test_sandbox_import_does_not_need_the_sdk() -> None:
    """With an empty package in place of the SDK it can be imported, and loads no other package."""
    loaded = loaded_by(
        "import sys, types; package = types.ModuleType('octaspace'); package.__path__ = ['octaspace']; "
        "sys.modules['octaspace'] = package; import octaspace.sandbox; print(*sys.modules)"
    )
    ours = {name for name in loaded if starts(name, ("octaspace",))}
    assert "octaspace.sandbox.http.server" in ours
    assert not [name for name in ours - {"octaspace"} if not starts(name, ("octaspace.sandbox",))]
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"octaspace"}
    assert {name for name in foreign if not name.startswith(("_", "sitecustomize"))} == set()


def test_no_module_has_a_generic_name() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
    folders = ("octaspace", "flask_octaspace", "playground", "tests", "benchmarks", "bin")
    wrong = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.stem in empty_names]
    assert not wrong


def test_importing_the_sdk_loads_no_types() -> None:
    """They are a quarter of the import's time, and most programs need few of them."""
    code = (
        "import sys, octaspace; print(*sys.modules); octaspace.types.Node; "
        "print('octaspace.types.node' in sys.modules)"
    )
    loaded = loaded_by(code)
    assert "octaspace.types.node" not in loaded[:-1]
    assert loaded[-1] == "True"
