"""Takes the screenshots of the playground in docs/images.

    python -m docs.take_screenshots                  the screenshots of the documentation
    python -m docs.take_screenshots --all FOLDER     every page, width and theme in full height, for review

It starts Gunicorn and a sandbox with the same code as the browser tests, and Debian's Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from octaspace.sandbox import SandboxServer
from tests.browser.chromium import NO_BROWSER, launch_options
from tests.browser.places import MISSING, PLACES, Place, open_place, place_of
from tests.support.running_playground import RunningPlayground

IMAGES = Path(__file__).with_name("images")

#: Pages without a screenshot, because another one is similar.
_LEFT_OUT = frozenset(
    {
        "services-compare", "services-vpn", "services-render", "rent", "session-recent", "sessions-recent",
        "nodes-prices", "session-vpn", "sessions-stop", "rentals-stop", "rentals-extend", "idle-jobs",
        "runner",
    }
)  # fmt: skip

#: Further screenshots: page, width, theme.
_FURTHER = (
    ("dashboard", 1280, "dark"),
    ("services", 390, "dark"),
    ("session", 390, "dark"),
    ("nodes", 390, "light"),
)

#: Height of a screenshot of the documentation, by width.
_HEIGHTS = {1280: 760, 390: 844}


def main() -> int:
    """Take the screenshots; the exit code is 1 if there is no browser."""
    parser = argparse.ArgumentParser(prog="take_screenshots", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, width and theme, full height")
    folder: Path | None = parser.parse_args().all
    options = launch_options()
    if options is None:
        sys.stderr.write(f"{NO_BROWSER}\n")
        return 1
    with (
        tempfile.TemporaryDirectory() as state,
        RunningPlayground(Path(state), workers=2) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(**options)
        if folder is None:
            _take_for_docs(browser, running)
        else:
            _take_all(browser, running, folder)
        browser.close()
    return 0


def _take_for_docs(browser: Browser, running: RunningPlayground) -> None:
    IMAGES.mkdir(exist_ok=True)
    wanted = [(place.name, 1280, "light") for place in PLACES if place.name not in _LEFT_OUT]
    for name, width, theme in (*wanted, *_FURTHER):
        place = place_of(name)
        page = _new_page(browser, running, width, _HEIGHTS[width], theme)
        _open(page, place, running.sandbox)
        suffix = ("-narrow" if width < 1000 else "") + ("-dark" if theme == "dark" else "")
        page.screenshot(path=IMAGES / f"{name}{suffix}.png")
        page.context.close()


def _take_all(browser: Browser, running: RunningPlayground, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for width in (1440, 390, 320):
        page = _new_page(browser, running, width, 900, "light")
        for place in (*PLACES, MISSING):
            _open(page, place, running.sandbox)
            # As high as the content; otherwise sticky bars would cover parts of the screenshot.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.screenshot(path=folder / f"{place}-{width}-{theme}.png")
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": width, "height": 900})
        page.context.close()


def _new_page(browser: Browser, running: RunningPlayground, width: int, height: int, theme: str) -> Page:
    return browser.new_page(
        base_url=running.url,
        viewport={"width": width, "height": height},
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Kyiv",
    )


def _open(page: Page, place: Place, sandbox: SandboxServer) -> None:
    sandbox.faults.remove_all()
    page.goto("/playground/dashboard")  # loads the balance, which the header then shows on every page
    open_place(page, place, sandbox)
    while (again := page.get_by_role("link", name="Load again")).count():  # not a picture of a kept answer
        again.first.click()
        expect(page.locator("[data-panel][aria-busy=true]")).to_have_count(0)
    scene = _SCENES.get(place.name)
    if scene is not None:
        scene(page)
    page.evaluate("document.fonts.ready")


def _make_reads(page: Page) -> None:
    """Make calls, so that the page shows pools and charts."""
    for call, count in (("nodes.list", "12"), ("network.info", "8"), ("services.mr.list", "16")):
        page.get_by_label("Call", exact=True).select_option(call)
        page.get_by_label("Number of calls").fill(count)
        page.get_by_role("button", name="Run calls").click()
        expect(page.locator("main > .notice")).to_contain_text("calls in")


def _look_around(page: Page) -> None:
    for path in ("dashboard", "services", "nodes", "apps", "requests"):
        page.goto(f"/playground/{path}")


def _run_suite(page: Page) -> None:
    page.get_by_role("button", name="Start the suite").click()
    expect(page.locator("#suite h2")).to_have_text("Last run", timeout=60_000)


def _fire(page: Page) -> None:
    page.get_by_role("button", name="Half of the answers are 503").click()
    expect(page.locator("main > .notice")).to_contain_text("Expected")
    page.get_by_role("button", name="Send calls", exact=True).click()
    expect(page.locator("#lab").get_by_text("finished", exact=True)).to_be_visible(timeout=60_000)
    page.evaluate("document.getElementById('result').closest('.panel').scrollIntoView()")
    page.evaluate("scrollBy(0, -70)")


#: Actions on a page before its screenshot is taken.
_SCENES: dict[str, Callable[[Page], None]] = {
    "diagnostics": _make_reads,
    "requests": _look_around,
    "smoke": _run_suite,
    "lab": _fire,
}


if __name__ == "__main__":
    sys.exit(main())
