"""The watcher of browser tests: each of its checks detects its problem."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from ..support.waiting import until
from .watching import Watcher

QUIET = "/playground/settings"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("() => fetch('/playground/none').then(() => 1)", "HTTP 404: GET .*/none"),
        ("() => console.warn('careful')", "console warning: careful"),
        ("() => { setTimeout(() => { throw new Error('broken') }, 0) }", "page error: .*broken"),
        ("() => { setTimeout(() => alert('pwned'), 0) }", "dialog: alert pwned"),
        ("() => { document.body.style.width = '4000px' }", "sideways scroll: 4000"),
        (
            "() => document.body.append(Object.assign(document.createElement('script'), { text: '1' }))",
            "console error: .*Content Security Policy",
        ),
        (
            "() => { new Image().src = 'http://127.0.0.1:9/x.png' }",
            "x.png",
        ),
    ],
    ids=["answer", "warning", "error", "dialog", "scroll", "script", "image"],
)
def test_a_defect_is_noticed(page: Page, watcher: Watcher, script: str, problem: str) -> None:
    page.goto(QUIET)
    with watcher.expecting(problem):
        page.evaluate(script)
        # Events arrive while Playwright's loop runs.
        until(lambda: page.wait_for_timeout(20) or watcher.problems)


def test_another_address_is_noticed(page: Page, watcher: Watcher) -> None:
    page.route("http://127.0.0.1:9/*", lambda route: route.fulfill(body="not ours"))
    with watcher.expecting("request to another address: http://127.0.0.1:9/"):
        page.goto("http://127.0.0.1:9/page")
