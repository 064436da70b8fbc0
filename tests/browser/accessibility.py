"""Checks of the current page: axe, heading order, truncated text, small targets, tables and badges."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["colour_problems_of", "layout_problems_of", "problems_of"]

_AXE = Axe()
#: Only violations are wanted in full, which makes it faster.
_ALL: dict[str, Any] = {"resultTypes": ["violations"]}
#: The rules that another theme of the same page can break.
_COLOURS: dict[str, Any] = {**_ALL, "runOnly": ["color-contrast", "link-in-text-block"]}

_CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")


def problems_of(page: Page) -> list[str]:
    """All problems of the page, one per line."""
    page.evaluate(_AXE.axe_script)
    return _violations(page, _ALL) + layout_problems_of(page)


def layout_problems_of(page: Page) -> list[str]:
    """Problems of order and layout, one per line."""
    checks = page.evaluate(_CHECKS)
    found = []
    levels = checks["headings"]
    if levels.count(1) != 1 or any(after > before + 1 for before, after in pairwise(levels)):
        found.append(f"order of headings: {levels}")
    found += [f"cut off: {html}" for html in checks["cutOff"]]
    found += [f"words beyond their box: {html}" for html in checks["overlapping"]]
    found += [f"out of its panel: {html}" for html in checks["spilled"]]
    found += [f"too small to touch: {html}" for html in checks["tooSmall"]]
    found += [f"scrolls by a few pixels: {html}" for html in checks["slightScroll"]]
    found += [f"badge is cut or broken: {html}" for html in checks["brokenBadges"]]
    found += [f"buttons are out of sight: {html}" for html in checks["hiddenActions"]]
    return found


def colour_problems_of(page: Page) -> list[str]:
    """Problems of its colours, after `problems_of` has checked it in another theme."""
    return _violations(page, _COLOURS)


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]} {_why(node)}"
        for violation in page.evaluate("(options) => axe.run(options)", options)["violations"]
        for node in violation["nodes"][:4]
    ]


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]
