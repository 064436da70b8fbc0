"""The playground's scripts import names that exist: a browser runs none of a script with a wrong import."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .import_graph import ROOT

STATIC = ROOT / "playground" / "static"
SCRIPTS = sorted((STATIC / "js").glob("*.js"))

IMPORT = re.compile(r"^import (?:\{(?P<names>[^}]*)\} from )?\"(?P<file>[^\"]+)\";", re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def names_of(imported: str) -> set[str]:
    return {name.split(" as ")[0].strip() for name in imported.split(",") if name.strip()}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_imports_exist(script: Path) -> None:
    text = script.read_text()
    found = list(IMPORT.finditer(text))
    assert len(found) == len(re.findall(r"^import\b", text, re.MULTILINE)), "an import of another form"
    for each in found:
        file = script.parent / each["file"]
        assert file.is_file(), f"{script.name} imports {each['file']}, which does not exist"
        missing = names_of(each["names"] or "") - set(EXPORT.findall(file.read_text()))
        assert not missing, f"{script.name} imports {sorted(missing)} from {file.name}"


def test_every_script_is_used() -> None:
    """A script that no template and no other script names is left over."""
    texts = [path.read_text() for path in (ROOT / "playground" / "templates").rglob("*.html")]
    texts += [path.read_text() for path in SCRIPTS]
    unused = [
        script.name
        for script in SCRIPTS
        if not any(re.search(rf"[/']{script.name}\b", text) for text in texts)
    ]
    assert not unused
