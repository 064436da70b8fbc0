"""Lines to copy for a browser: the sandbox's own key is part of them, any other key is a variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..app_state import current_app_state
from ..sdk.copied_line import CopiedLine, curl, python_program
from .api_target import SANDBOX_KEY, available_targets
from .state import current_browser

__all__ = ["copied_curl", "copied_program", "shown_key"]


def shown_key(endpoint: str) -> str | None:
    """The key for an endpoint that may be shown: the sandbox's own, unless this browser has typed another."""
    sandbox = available_targets(current_app_state().process).get("sandbox")
    if sandbox is None or endpoint not in sandbox.endpoints:
        return None
    return SANDBOX_KEY if current_browser().with_key(sandbox).key == SANDBOX_KEY else None


def copied_curl(
    method: str,
    endpoint: str,
    path: str,
    *,
    params: Mapping[str, str],
    body: Any,
    public: bool,
    expects: str | None,
) -> CopiedLine:
    """A call as a curl command; arguments as in `playground.sdk.copied_line.curl`.

    A call that has reached no endpoint is for the first one of this browser.
    """
    endpoint = endpoint or current_browser().config.endpoints[0]
    return curl(
        method, endpoint, path,
        params=params, body=body, public=public, expects=expects, key=shown_key(endpoint),
    )  # fmt: skip


def copied_program(line: str, *, endpoint: str, public: bool) -> CopiedLine:
    """A call as a Python program; likewise, arguments as in `playground.sdk.copied_line.python_program`."""
    endpoint = endpoint or current_browser().config.endpoints[0]
    return python_program(line, endpoint=endpoint, public=public, key=shown_key(endpoint))
