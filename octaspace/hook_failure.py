"""Mark what a hook raises behind a request: the request was sent, so a rental may have been made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from .response import Response

__all__ = ["HookFailure", "hook_after_sending", "hook_failure"]

_ATTRIBUTE = "_octaspace_hook_failure"


@dataclass(frozen=True)
class HookFailure:
    """What is known about the request behind which a hook failed.

    Attributes:
        response: Its answer; None if none was received.
    """

    response: Response[Any] | None


@contextmanager
def hook_after_sending(response: Response[Any] | None) -> Iterator[None]:
    """Mark an exception that leaves the block.

    Args:
        response: The answer to the request; None if none was received.
    """
    try:
        yield
    except BaseException as error:
        with suppress(AttributeError, TypeError):  # it has no room for attributes
            setattr(error, _ATTRIBUTE, HookFailure(response))
        raise


def hook_failure(error: BaseException) -> HookFailure | None:
    """The mark of an exception that a hook raised behind a request, or None."""
    mark = getattr(error, _ATTRIBUTE, None)
    return mark if isinstance(mark, HookFailure) else None
