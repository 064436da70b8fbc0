"""The pictures of the documentation: one of each page, light enough for a repository."""

from __future__ import annotations

import re

import pytest

from playground.web.navigation import GROUPS

from ..support.running_playground import ROOT
from .places import PLACES

IMAGES = ROOT / "docs" / "images"


@pytest.mark.parametrize("entry", [entry for _, pages in GROUPS for entry in pages], ids=lambda it: it.title)
def test_each_page_has_a_picture(entry: object) -> None:
    names = [place.name for place in PLACES if place.endpoint == entry.endpoint]  # type: ignore[attr-defined]
    # A page that is empty at first is shown by the one it leads to.
    further = {"idle-jobs": "idle-job", "runner": "runner-method"}
    assert [name for name in names if (IMAGES / f"{further.get(name, name)}.png").exists()] == names


def test_they_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in IMAGES.glob("*.png")}
    assert [name for name, size in sizes.items() if size > 250_000] == []
    assert sum(sizes.values()) < 3_200_000


def test_what_the_documents_show_is_there() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"!\[[^]]*\]\(([^)\s]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), (document.name, target)
