"""How Chromium is found and started."""

from __future__ import annotations

import shutil
from typing import Any

__all__ = ["NO_BROWSER", "launch_options"]

#: Debian's name for it first.
_NAMES = ("chromium", "chromium-browser", "google-chrome")

NO_BROWSER = f"no browser: none of {', '.join(_NAMES)} is on the PATH (Debian: apt install chromium)"

#: No sandbox, for it runs as root in containers; and nothing that calls home.
_FLAGS = (
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
