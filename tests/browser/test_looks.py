"""Every page, wide, narrow and narrower, light and dark: accessible, in order, nothing cut off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer
from playground.web.navigation import GROUPS

from ..support.waiting import until
from .accessibility import colour_problems_of, layout_problems_of, problems_of
from .places import AREAS, MISSING, PLACES, Place, open_place
from .watching import Watcher

#: Each has a layout of its own: other elements are hidden.
WIDTHS = (1440, 390)

#: Between them columns become narrow before they become rows; 320 is the narrowest.
FURTHER_WIDTHS = (1280, 1024, 800, 600, 320)


def test_every_page_of_the_sidebar_is_in_the_table(page: Page) -> None:
    page.goto("/playground/settings")
    links = page.locator(".sidebar nav a").count()
    known = {place.endpoint for place in PLACES if place.endpoint}
    assert known == {entry.endpoint for _, pages in GROUPS for entry in pages}
    assert links == len(known)


@pytest.mark.parametrize("area", AREAS)
def test_pages_in_every_look(area: str, page: Page, sandbox: SandboxServer) -> None:
    problems = {place.name: problems_in_every_look(page, place, sandbox) for place in AREAS[area]}
    assert {name: found for name, found in problems.items() if found} == {}


def test_the_page_of_a_missing_page(page: Page, sandbox: SandboxServer, watcher: Watcher) -> None:
    with watcher.expecting("HTTP 404: GET .*/nothing-here"):
        assert problems_in_every_look(page, MISSING, sandbox) == []


def problems_in_every_look(page: Page, place: Place, sandbox: SandboxServer) -> list[str]:
    """Open it at every width and check it in both themes."""
    problems: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        # Without motion: on their way from one theme to the other, colours have any contrast.
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        open_place(page, place, sandbox)
        problems += [f"light {width}: {problem}" for problem in problems_of(page)]
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        problems += [f"dark {width}: {problem}" for problem in colour_problems_of(page)]
    for width in FURTHER_WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        problems += [f"{width}: {problem}" for problem in layout_problems_of(page)]
    return problems


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_there_before_the_first_paint(page: Page, theme: str) -> None:
    """That of the system when it is auto, otherwise the one that was chosen."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto("/playground/settings")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    other = "dark" if theme == "light" else "light"
    page.get_by_role("button", name=f"{other.capitalize()} theme").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", other)
    until(lambda: f'data-bs-theme="{other}"' in page.request.get("/playground/network").text())


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
