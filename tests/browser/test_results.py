"""A form brings its result into view: the runner and the smoke suite, with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from .conftest import NewContext

RUNNER = "/playground/diagnostics/runner?method=services.mr.search"
SMOKE = "/playground/diagnostics/smoke"

SMALL = {"width": 390, "height": 600}

#: Records how the page was scrolled.
SCROLLS = """
  window.scrolls = [];
  const scroll = Element.prototype.scrollIntoView;
  Element.prototype.scrollIntoView = function (options) {
    window.scrolls.push([this.id, options?.behavior]);
    scroll.call(this, options);
  };
"""


def expect_in_view(page: Page) -> None:
    """The heading of the result is visible, and no header is on top of it."""
    expect(page.locator("#result")).to_be_in_viewport(ratio=1)
    page.wait_for_function(
        """() => {
          const { left, top, width, height } = document.getElementById("result").getBoundingClientRect();
          return document.elementFromPoint(left + width / 4, top + height / 2)?.id === "result";
        }"""
    )


@pytest.mark.parametrize(("address", "button"), [(RUNNER, "Run"), (SMOKE, "Start the suite")])
@pytest.mark.parametrize(("motion", "behavior"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_with_a_script(
    new_context: NewContext, sandbox: SandboxServer, address: str, button: str, motion: str, behavior: str
) -> None:
    page = new_context(viewport=SMALL, reduced_motion=motion).new_page()
    page.add_init_script(SCROLLS)
    page.goto(address)
    page.locator(f"button:has-text('{button}'):visible:not(.visually-hidden)").first.click()
    expect(page.locator("#result")).to_be_focused()
    expect_in_view(page)
    assert [how for what, how in page.evaluate("window.scrolls") if what == "result"] == [behavior]


def test_a_result_that_is_in_view_does_not_scroll(page: Page, sandbox: SandboxServer) -> None:
    page.set_viewport_size({"width": 1440, "height": 1100})
    page.add_init_script(SCROLLS)
    page.goto("/playground/diagnostics/runner?method=network.info")
    page.locator("button:has-text('Run'):visible:not(.visually-hidden)").first.click()
    expect(page.locator("#result")).to_be_focused()
    expect_in_view(page)
    assert page.evaluate("window.scrolls.filter(([id]) => id === 'result')") == []


@pytest.mark.parametrize(("address", "button"), [(RUNNER, "Run"), (SMOKE, "Start the suite")])
def test_without_a_script(new_context: NewContext, sandbox: SandboxServer, address: str, button: str) -> None:
    page = new_context(viewport=SMALL, java_script_enabled=False).new_page()
    page.goto(address)
    page.locator(f"button:has-text('{button}'):visible:not(.visually-hidden)").first.click()
    assert page.url.endswith("#result")
    expect_in_view(page)
