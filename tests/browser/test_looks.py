"""Every page, wide, narrow and narrower, light and dark: accessible, in order, nothing cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from playground.navigation import GROUPS
from playground.sandbox import SandboxServer

from .accessibility import problems_of
from .places import PLACES, Place, open_place
from .watching import Watcher

#: Kept for people to look at.
PICTURES = Path(__file__).resolve().parents[2] / "test-artifacts" / "browser"

LOOKS = [(theme, width) for theme in ("light", "dark") for width in (1440, 390, 320)]
PICTURED = (("light", 1440), ("dark", 390))


def test_every_page_of_the_sidebar_is_in_the_table(page: Page) -> None:
    page.goto("/playground/settings")
    links = page.locator(".sidebar nav a").count()
    known = {place.endpoint for place in PLACES if place.endpoint}
    assert known == {entry.endpoint for _, pages in GROUPS for entry in pages}
    assert links == len(known)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_page_in_every_look(place: Place, page: Page, sandbox: SandboxServer, watcher: Watcher) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []

    def look(theme: str, width: int) -> None:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        open_place(page, place, sandbox)
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        problems.extend(f"{theme} {width}: {problem}" for problem in problems_of(page))
        if (theme, width) in PICTURED:
            page.screenshot(path=PICTURES / f"{place}-{width}-{theme}.png", full_page=True)

    for theme, width in LOOKS:
        if place.name == "missing":
            with watcher.expecting("HTTP 404: GET .*/nothing-here"):
                look(theme, width)
        else:
            look(theme, width)
    assert problems == []


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("() => document.querySelector('h1').remove()", "order of headings"),
        ("() => document.querySelector('.page-lead').style.color = '#ddd'", "color-contrast"),
        (
            "() => Object.assign(document.querySelector('.page-lead').style,"
            " { width: '20px', overflow: 'hidden' })",
            "cut off",
        ),
        ("() => document.querySelector('#pool_size').parentElement.previousElementSibling.remove()", "label"),
        (
            "() => document.querySelectorAll('[type=submit]').forEach((e) =>"
            " Object.assign(e.style, { height: '9px', padding: 0, margin: '1px', display: 'block' }))"
            " ?? document.querySelector('#main').prepend(...document.querySelectorAll('[type=submit]'))",
            "too small to touch",
        ),
    ],
    ids=["heading", "contrast", "cut", "label", "small"],
)
def test_a_defect_is_found(page: Page, script: str, problem: str) -> None:
    page.goto("/playground/settings")
    assert problems_of(page) == []
    page.evaluate(script)
    assert [text for text in problems_of(page) if problem in text]
