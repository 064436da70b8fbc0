"""The app and its visitors, as the tests of its pages have them."""

from __future__ import annotations

from ..playground.conftest import (
    app,
    compiled_templates,
    make_app,
    process,
    running_sandbox,
    sandbox,
    visitor,
)

__all__ = ["app", "compiled_templates", "make_app", "process", "running_sandbox", "sandbox", "visitor"]
