"""Suggestions for unknown names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["closest", "suggestion"]


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is probably meant, or None: a similar one, or one with all words of the name.

    Args:
        name: The unknown name, in snake case.
        known: The known names.
    """
    import difflib  # needed for mistakes only

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return near[0]
    words = set(name.split("_"))
    return next((one for one in names if words <= set(one.split("_"))), None)


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
    names = list(known)
    near = closest(name, [*names, *also])
    return f"known are {', '.join(names)}" if near is None else f"did you mean {render(near)}?"
