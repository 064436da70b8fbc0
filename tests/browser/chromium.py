"""How Chromium is found and started."""

from __future__ import annotations

import shutil
from typing import Any

__all__ = ["NO_BROWSER", "launch_options"]

#: The headless shell first, which is Chromium without windows and needs half the processor time. A whole
#: Chromium draws a window with a toolbar for each context, although it is not visible.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

NO_BROWSER = f"no browser: none of {', '.join(_NAMES)} is on the PATH (Debian: apt install {_NAMES[0]})"

#: No sandbox, for it runs as root in containers; and nothing that calls home. axe makes much garbage: with
#: more room for it, it is collected less often.
_FLAGS = (
    "--js-flags=--min-semi-space-size=32 --single-threaded-gc",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch_options() -> dict[str, Any] | None:
    """Options for Playwright's `chromium.launch`; None when there is no browser."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return None if found is None else {"executable_path": found, "args": list(_FLAGS)}
