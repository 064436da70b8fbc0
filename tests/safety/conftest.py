"""Fixtures for the app and its visitors."""

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
