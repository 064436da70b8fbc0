"""A form brings its result into view: the runner, the smoke suite and the lab, with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from .conftest import NewContext

RUNNER = "/playground/diagnostics/runner?method=services.mr.search"
SMOKE = "/playground/diagnostics/smoke"
LAB = "/playground/diagnostics/lab?calls=2&kind=reads&threads=1"

#: Each form with its button.
FORMS = [(RUNNER, "Run"), (SMOKE, "Start the suite"), (LAB, "Send calls")]

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


@pytest.mark.parametrize(("address", "button"), FORMS)
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


@pytest.mark.parametrize(("address", "button"), FORMS)
def test_without_a_script(new_context: NewContext, sandbox: SandboxServer, address: str, button: str) -> None:
    page = new_context(viewport=SMALL, java_script_enabled=False).new_page()
    page.goto(address)
    page.locator(f"button:has-text('{button}'):visible:not(.visually-hidden)").first.click()
    assert page.url.endswith("#result")
    expect_in_view(page)


@pytest.mark.parametrize(("address", "button"), FORMS)
def test_without_a_script_the_status_is_loaded_again(
    new_context: NewContext, sandbox: SandboxServer, address: str, button: str
) -> None:
    """A link to the URL of the page itself, with its anchor, would only scroll."""
    sandbox.faults.add("stall")
    page = new_context(viewport=SMALL, java_script_enabled=False).new_page()
    page.goto(address)
    page.locator(f"button:has-text('{button}'):visible:not(.visually-hidden)").first.click()
    for _ in range(2):
        with page.expect_request(lambda request: request.is_navigation_request(), timeout=10_000):
            page.get_by_role("link", name="Refresh the status").click()
        expect_in_view(page)
    sandbox.faults.remove_all()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_failures_of_the_suite_are_first_wide_and_run_again(
    new_context: NewContext, sandbox: SandboxServer, script: bool
) -> None:
    sandbox.faults.add("status", status=403, path="/apps")
    page = new_context(java_script_enabled=script).new_page()
    page.goto(SMOKE)
    page.get_by_role("button", name="Start the suite").click()

    def ended() -> None:
        if not script:
            refresh = page.get_by_role("link", name="Refresh the status")
            while refresh.count():
                refresh.first.click()
        expect(page.locator("#result")).to_have_text("Last run")

    ended()
    failure = page.locator(".failures > li")
    expect(failure.locator(".failure-message")).to_contain_text("PermissionError")
    widths = [
        page.locator(name).evaluate("e => e.clientWidth") for name in (".failure", "#suite .panel-body")
    ]
    assert widths[0] > 0.9 * widths[1]
    assert failure.bounding_box()["y"] < page.locator("[data-table=suite]").bounding_box()["y"]  # type: ignore[index]
    sandbox.faults.remove_all()
    sandbox.journal.clear()
    page.get_by_role("button", name="Run the failed again").click()
    expect(page.locator("#suite")).to_contain_text("failed calls only")
    ended()
    expect(page.locator(".suite-compared")).to_contain_text("apps.list")
    expect(failure).to_have_count(0)
    assert [entry.path for entry in sandbox.journal.entries()] == ["/apps"]
