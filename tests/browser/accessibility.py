"""What is wrong with the page that is shown: axe, the order of its headings, cut-off text, small targets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["begin", "found", "layout_problems_of", "problems_of"]

_AXE = Axe()
#: Only violations are wanted in full, which makes it faster.
_ALL: dict[str, Any] = {"resultTypes": ["violations"]}
#: The rules that another theme of the same page can break.
_COLOURS: dict[str, Any] = {**_ALL, "runOnly": ["color-contrast", "link-in-text-block"]}

#: A promise in the page: evaluating it waits.
_BEGIN = """
(options) => {
  window.axeLooks = new Promise((done) => { setTimeout(() => done(axe.run(options)), 0); });
}
"""

_CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")


def problems_of(page: Page) -> list[str]:
    """Everything that is wrong with it, a line each."""
    begin(page)
    return found(page) + layout_problems_of(page)


def begin(page: Page, *, colours_only: bool = False) -> None:
    """Let axe look at the page, and do not wait for it: pages of several processes are looked at together.

    Args:
        page: The page.
        colours_only: Whether it has been looked at, and only its theme is another.
    """
    if not colours_only:
        page.evaluate(_AXE.axe_script)
    page.evaluate(_BEGIN, _COLOURS if colours_only else _ALL)


def found(page: Page) -> list[str]:
    """What axe has found since `begin`, a line each."""
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]} {_why(node)}"
        for violation in page.evaluate("window.axeLooks")["violations"]
        for node in violation["nodes"][:4]
    ]


def layout_problems_of(page: Page) -> list[str]:
    """What is wrong with its order and its places, a line each."""
    checks = page.evaluate(_CHECKS)
    lines = []
    levels = checks["headings"]
    if levels.count(1) != 1 or any(after > before + 1 for before, after in pairwise(levels)):
        lines.append(f"order of headings: {levels}")
    lines += [f"cut off: {html}" for html in checks["cutOff"]]
    lines += [f"words beyond their box: {html}" for html in checks["overlapping"]]
    lines += [f"out of its panel: {html}" for html in checks["spilled"]]
    lines += [f"too small to touch: {html}" for html in checks["tooSmall"]]
    return lines


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]
