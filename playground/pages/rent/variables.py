"""Environment variables as the text of a form field, one per line, and back.

A line is ``NAME=value``. A value with line breaks is written as in the environment files of GitHub Actions::

    CERTIFICATE<<END
    first line
    second line
    END
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["read_variables", "variables_text"]

#: Line breaks of a form. Other separators, such as U+2028, are part of a value.
_BREAK: Final = re.compile(r"\r\n|\r|\n")

#: A first line of a value with line breaks; the ``<<`` comes before any ``=``.
_OPENING: Final = re.compile(r"([^=]*?)<<(.*)", re.DOTALL)

_HINT: Final = "A value with line breaks is written as NAME<<END, then its lines, then END."


def read_variables(text: str) -> dict[str, str]:
    """Read the text of the field.

    Raises:
        ValueError: A line is not of one of the two forms, or a name occurs twice. The message has no value:
            a value may be a secret, and messages may be stored.
    """
    variables: dict[str, str] = {}
    lines = _BREAK.split(text)
    number = 0
    while number < len(lines):
        start, line = number, lines[number]
        number += 1
        if not line.strip():
            continue
        opening = _OPENING.fullmatch(line)
        if opening is not None:
            name, end = opening[1].strip(), opening[2].strip()
            if not end or end not in lines[number:]:
                raise ValueError(f"Line {start + 1} begins a value whose end line is missing. {_HINT}")
            stop = lines.index(end, number)
            value, number = "\n".join(lines[number:stop]), stop + 1
        else:
            name, equals, value = line.partition("=")
            name = name.strip() if equals else ""
        if not name:
            raise ValueError(f"Line {start + 1} is not of the form NAME=value. {_HINT}")
        if name in variables:
            raise ValueError(f"Line {start + 1} repeats the name {name[:40]!r}.")
        variables[name] = value
    return variables


def variables_text(variables: Mapping[str, str]) -> str:
    """The text that `read_variables` reads as these variables.

    A name that is empty or contains ``=``, ``<<`` or a line break is left out: it is not the name of an
    environment variable, and the field cannot contain it.
    """
    return "\n".join(
        _entry(name.strip(), value) for name, value in variables.items() if _can_be_written(name)
    )


def _can_be_written(name: str) -> bool:
    return bool(name.strip()) and "=" not in name and "<<" not in name and not _BREAK.search(name)


def _entry(name: str, value: str) -> str:
    lines = _BREAK.split(value)
    if len(lines) == 1:
        return f"{name}={value}"
    end, count = "END", 1
    while end in lines:
        count += 1
        end = f"END{count}"
    return "\n".join((f"{name}<<{end}", *lines, end))
