"""Checks of every browser test: foreign requests, console, errors, dialogs, horizontal scrolling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, Response, WebError

__all__ = ["Watcher"]

_OWN_SCHEMES = ("data:", "blob:", "about:")

#: Runs in every page, before its scripts. Its console messages fail the test like any error there.
_SIDEWAYS = """
addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const root = document.scrollingElement;
    if (innerWidth >= 320 && root.scrollWidth > root.clientWidth) {
      console.error(`sideways scroll: ${root.scrollWidth} > ${root.clientWidth} in ${location.pathname}`);
    }
  };
  new ResizeObserver(look).observe(document.body);
  addEventListener("resize", look);
  addEventListener("load", look);
});
"""


class Watcher:
    """Collects problems in the contexts it watches."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def watch(self, context: BrowserContext, origin: str) -> None:
        """Listen to every page of a context, those that open later too.

        Args:
            context: The browser.
            origin: The only address that it may ask.
        """
        own = (f"{origin}/", *_OWN_SCHEMES)

        def check_address(request: Request) -> None:
            if not request.url.startswith(own):
                self._note(f"request to another address: {request.url[:200]}")

        context.add_init_script(_SIDEWAYS)
        context.on("request", check_address)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)

    @contextmanager
    def expecting(self, pattern: str) -> Iterator[None]:
        """Ignore problems that match the pattern; there must be at least one.

        Args:
            pattern: Regular expression that is searched for in the problem's text.
        """
        before = len(self.problems)
        yield
        new = self.problems[before:]
        wanted = [text for text in new if re.search(pattern, text)]
        assert wanted, f"expected a problem like {pattern!r}; there were: {new}"
        self.problems[before:] = [text for text in new if text not in wanted]

    def _note(self, text: str) -> None:
        self.problems.append(text)

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"HTTP {response.status}: {response.request.method} {response.url[:200]}")

    def _console(self, message: ConsoleMessage) -> None:
        # Failed requests are reported by the response event, with the method.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self._note(f"console {message.type}: {message.text[:500]}")

    def _error(self, error: WebError) -> None:
        self._note(f"page error: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"dialog: {dialog.type} {dialog.message[:200]}")
        dialog.dismiss()
