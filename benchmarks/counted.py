"""One library in a process whose instructions are counted. It marks the points between which they are.

    python -c 'from benchmarks.counted import main; main()' MODULE ORDER

First the import of the module, if one is given, then the calls of the order, such as
{"contender": "requests", "options": {"url": "http://127.0.0.1:8000", …}, "calls": [["balance", 20, 60]]}:
the name of a call, how often it is made before the count, and how often during it. An `observer` is one of
`benchmarks.observers`.
"""

# No other imports: what is loaded already would be missing in the count of the import.
import os
import sys

__all__ = ["main"]


def mark() -> None:
    """Mark a point for `benchmarks.callgrind`: it counts the instructions from each mark to the next one.

    No other code calls this function of the C library, which does nothing.
    """
    os.getpriority(os.PRIO_PROCESS, 0)


def main() -> None:
    """Import the module of the first argument, and make the calls of the second one."""
    if sys.argv[1]:
        mark()
        __import__(sys.argv[1])
        mark()
    import json

    make_calls(**json.loads(sys.argv[2]))


def make_calls(
    contender: str, options: "dict[str, object]", calls: "list[tuple[str, int, int]]", observer: str = ""
) -> None:
    """Make the calls, with a mark before and after those that are counted."""
    import gc

    from benchmarks.contenders import CONTENDERS

    if observer:
        from benchmarks.observers import OBSERVERS

        options["observers"] = OBSERVERS[observer]()
    library = CONTENDERS[contender](**options)
    for name, before, counted in calls:
        call = getattr(library, name)
        for _ in range(before):
            call()
        # What the calls leave behind is collected once, at their end: a collection at a random moment would
        # be counted in one run and not in another. Objects of the start are not part of it.
        gc.collect()
        gc.freeze()
        gc.disable()
        mark()
        for _ in range(counted):
            call()
        gc.collect()
        mark()
        gc.enable()
    library.close()
