"""Browser tests do nothing that Chromium carries out a moment later than the test expects.

While a navigation that a click has started is being committed, Chromium refuses a reload ("Not attached to an
active page"). Before that, it reloads the old page. A request just after `Page.route` may reach the server.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_TESTS = Path(__file__).parents[1] / "browser"
_NAVIGATIONS = {"reload", "goto", "go_back", "go_forward"}
_CLICKS = {"click", "dblclick"}
#: Statements that do not wait for the browser.
_SERVER_SIDE = ("clock.", "sandbox.")


def method(statement: ast.stmt) -> str:
    """The name of the method that a statement calls."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        return function.attr if isinstance(function, ast.Attribute) else ""
    return ""


def early_navigations(source: str) -> Iterator[int]:
    """The lines of navigations that follow a click, and nothing in between waits for the browser."""
    for node in ast.walk(ast.parse(source)):
        clicked = False
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            name = method(statement)
            if clicked and name in _NAVIGATIONS:
                yield statement.lineno
            if name in _CLICKS:
                clicked = True
            elif not ast.unparse(statement).startswith(_SERVER_SIDE):
                clicked = False


def test_the_check_finds_one() -> None:
    assert list(early_navigations("page.get_by_text('x').click()\nclock.advance(5)\npage.reload()")) == [3]
    assert not list(early_navigations("page.click('x')\npage.wait_for_url('**/y')\npage.reload()"))


def test_no_navigation_follows_a_click_at_once() -> None:
    found = [
        f"{path.name}:{line}"
        for path in sorted(_TESTS.glob("*.py"))
        for line in early_navigations(path.read_text())
    ]
    assert found == []


def test_routes_have_taken_effect_before_the_next_step() -> None:
    """`intercept` waits for that. The one page that uses `route` itself is not loaded yet."""
    users = {path.name for path in _TESTS.glob("*.py") if ".route(" in path.read_text()}
    assert users == {"interception.py", "test_watching.py"}
