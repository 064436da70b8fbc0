"""What somebody may have meant who wrote a name that is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["suggestion"]


def suggestion(
    name: str, known: Iterable[str], *, also: Iterable[str] = (), written: Callable[[str], str] = str
) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them.

    Args:
        name: What was written.
        known: The names there are.
        also: Names that are understood as well and are not listed.
        written: How a name is written where this one was, e.g. with a prefix.
    """
    import difflib  # only a mistake needs it

    names = list(known)
    near = difflib.get_close_matches(name, [*names, *also], n=1)
    return f"did you mean {written(near[0])}?" if near else f"known are {', '.join(names)}"
