"""What is wrong with the page that is shown: axe, the order of its headings, text that is cut off."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["problems_of"]

_AXE = Axe()

_OPTIONS = {"resultTypes": ["violations"]}

_HEADINGS = """
[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((e) => e.checkVisibility()).map((e) => +e.tagName[1])
"""

#: Boxes that hide a part of their text without saying so by an ellipsis.
_CUT_OFF = """
[...document.querySelectorAll("body *")].filter((e) => {
  const style = getComputedStyle(e);
  if (!["hidden", "clip"].includes(style.overflowX) || style.textOverflow === "ellipsis") return false;
  if (e.clientWidth <= 1 || !e.checkVisibility() || e.closest("svg")) return false;
  return e.scrollWidth > e.clientWidth + 1;
}).map((e) => e.outerHTML.slice(0, 160))
"""

#: WCAG 2.2's 2.5.8: targets of 24 px, or as far from the next. axe's own rule takes what lies under a sticky bar
#: for too small. Links inside a sentence and dots of a picture are exempt.
_TOO_SMALL = """
(() => {
  const floats = (e) => e && (["fixed", "sticky"].includes(getComputedStyle(e).position) || floats(e.parentElement));
  const scrolledAway = (e, x, y) => {
    for (let box = e.parentElement; box; box = box.parentElement) {
      if (box === document.body || getComputedStyle(box).overflowY === "visible") continue;
      const seen = box.getBoundingClientRect();
      if (x < seen.left || x > seen.right || y < seen.top || y > seen.bottom) return true;
    }
    return false;
  };
  const all = [...document.querySelectorAll("a[href], button, summary, select, input:not([type=hidden]), textarea")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".visually-hidden, .skip-link, svg"))
    .filter((e) => !floats(e))
    .map((e) => [e, e.getBoundingClientRect()])
    .filter(([e, box]) => box.width && !scrolledAway(e, box.left + box.width / 2, box.top + box.height / 2));
  const inSentence = (e) => getComputedStyle(e).display === "inline"
    && [...e.parentElement.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const small = all.filter(([e, box]) => (box.width < 23.5 || box.height < 23.5) && !inSentence(e));
  const near = (box, other) => {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const dx = Math.max(other.left - x, 0, x - other.right);
    const dy = Math.max(other.top - y, 0, y - other.bottom);
    return Math.hypot(dx, dy) < 12;
  };
  return small.filter(([e, box]) => all.some(([other, theirs]) =>
    other !== e && !e.contains(other) && !other.contains(e) && !e.labels?.length && near(box, theirs)))
    .map(([e, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${e.outerHTML.slice(0, 160)}`);
})()
"""


def problems_of(page: Page) -> list[str]:
    """Everything that is wrong with it, a line each."""
    found = [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]} {_why(node)}"
        for violation in _AXE.run(page, options=_OPTIONS).response["violations"]
        for node in violation["nodes"][:4]
    ]
    levels = page.evaluate(_HEADINGS)
    if levels.count(1) != 1 or any(after > before + 1 for before, after in zip(levels, levels[1:])):
        found.append(f"order of headings: {levels}")
    found += [f"cut off: {html}" for html in page.evaluate(_CUT_OFF)]
    found += [f"too small to touch: {html}" for html in page.evaluate(_TOO_SMALL)]
    return found


def _why(node: dict[str, list[dict[str, str]]]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]
