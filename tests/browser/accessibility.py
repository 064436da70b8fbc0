"""What is wrong with the page that is shown: axe, the order of its headings, cut-off text, small targets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["problems_of"]

_AXE = Axe()
_CHECKS = Path(__file__).with_name("checks.js").read_text(encoding="utf-8")


def problems_of(page: Page) -> list[str]:
    """Everything that is wrong with it, a line each."""
    found = [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]} {_why(node)}"
        for violation in _AXE.run(page).response["violations"]
        for node in violation["nodes"][:4]
    ]
    checks = page.evaluate(_CHECKS)
    levels = checks["headings"]
    if levels.count(1) != 1 or any(after > before + 1 for before, after in pairwise(levels)):
        found.append(f"order of headings: {levels}")
    found += [f"cut off: {html}" for html in checks["cutOff"]]
    found += [f"too small to touch: {html}" for html in checks["tooSmall"]]
    return found


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]
