"""The error of an option of an app."""

from __future__ import annotations

import click

from octaspace import ConfigurationError

__all__ = ["OptionError"]


class OptionError(ConfigurationError, click.ClickException):
    """An option of an app cannot be used. The `flask` command prints it as one line, without a traceback."""
