"""Suggestions for unknown names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["suggestion"]


def suggestion(
    name: str, known: Iterable[str], *, also: Iterable[str] = (), render: Callable[[str], str] = str
) -> str:
    """The end of a message about an unknown name: the closest known name, or all of them.

    Args:
        name: The unknown name.
        known: The known names.
        also: Further known names, which are not listed.
        render: Formats a suggested name, e.g. with a prefix.
    """
    import difflib  # needed for mistakes only

    names = list(known)
    near = difflib.get_close_matches(name, [*names, *also], n=1)
    return f"did you mean {render(near[0])}?" if near else f"known are {', '.join(names)}"
