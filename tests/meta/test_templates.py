"""Rules for the playground's templates that no rendered page shows by itself."""

from __future__ import annotations

import re

import pytest

from .import_graph import ROOT

TEMPLATES = ROOT / "playground" / "templates"
STATIC = ROOT / "playground" / "static"

ASSET = re.compile(r"url_for\('static', filename='([^'~{]+)'\)")
NOTICE = re.compile(r"<(p|div) class=\"notice [^>]*>(.*?)</\1>", re.DOTALL)


def test_static_files_exist() -> None:
    named = {name for path in TEMPLATES.rglob("*.html") for name in ASSET.findall(path.read_text())}
    assert "js/outcome.js" in named
    assert not {name for name in named if not (STATIC / name).exists()}


NOTICES = [
    pytest.param(match[2].strip(), id=f"{path.relative_to(TEMPLATES)}:{number}")
    for path in sorted(TEMPLATES.rglob("*.html"))
    for number, match in enumerate(NOTICE.finditer(path.read_text()))
]


@pytest.mark.parametrize("content", NOTICES)
def test_a_notice_is_an_icon_and_one_text(content: str) -> None:
    """Its parts are columns: bold words beside the text, not inside it, are broken to one letter a line."""
    assert content.startswith('<i class="bi') or "<" not in content
