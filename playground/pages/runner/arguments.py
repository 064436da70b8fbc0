"""Arguments of a method from a form, from JSON, or from the query.

The fields are parsed here and not by WTForms: they are derived from the signatures of the SDK, and the
same values also come as JSON and in a shared URL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...sdk.methods import Method, Parameter, parse_time
from ...sdk.redaction import is_secret_field

__all__ = ["AS_JSON", "Arguments", "as_text", "for_address", "from_form", "from_json"]

#: Field of the form that holds every argument as one JSON object, and the error that belongs to it.
AS_JSON: Final = "args"

_WHOLE: Final = re.compile(r"[+-]?\d{1,4000}")
_LIKE_JSON: Final = re.compile(r'-?\d|true$|false$|null$|[\["{]')


@dataclass
class Arguments:
    """What was given, and what is wrong with it.

    Attributes:
        values: Arguments by name, those that can be used.
        errors: What is wrong, by the name of the argument; under `AS_JSON` what is wrong with all of it.
    """

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def from_form(method: Method, form: Mapping[str, str]) -> Arguments:
    """Read the fields of a form, one for each parameter, named ``arg-…``; an empty one is not given."""
    given = Arguments()
    for part in method.fields:
        text = form.get(f"arg-{part.name}", "")
        text = text.replace("\r\n", "\n") if part.kind in ("text", "map") else text.strip()
        if not text.strip():
            if part.required:
                given.errors[part.name] = "Required."
            continue
        try:
            given.values[part.name] = _READ[part.kind](part, text)
        except ValueError as error:
            given.errors[part.name] = str(error)
    return given


def from_json(method: Method, text: str) -> Arguments:
    """Read one JSON object with the arguments by name."""
    given = Arguments()
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        given.errors[AS_JSON] = f"Invalid JSON: {error}"
        return given
    if not isinstance(found, dict):
        given.errors[AS_JSON] = "Enter a JSON object, such as {}."
        return given
    known = {part.name: part for part in method.fields}
    spread = next((part for part in method.fields if part.spread), None)
    for name, value in found.items():
        if value is None:
            continue
        if name in known:
            problem = _unfit(known[name], value)
            if problem:
                given.errors[name] = problem
            else:
                given.values[name] = value
        elif spread is not None and name.isidentifier():
            given.values[spread.name] = {**given.values.get(spread.name, {}), name: value}
        else:
            given.errors[AS_JSON] = f"Unknown argument {name!r}. Arguments: {', '.join(known) or 'none'}."
    for part in method.fields:
        if part.required and part.name not in given.values and part.name not in given.errors:
            given.errors[part.name] = "Required."
    return given


def for_address(values: Mapping[str, Any]) -> str:
    """Arguments for a URL: without those that may contain secrets."""
    safe = {name: value for name, value in values.items() if not is_secret_field(name)}
    safe = {
        name: {key: entry for key, entry in value.items() if not is_secret_field(key)}
        if isinstance(value, dict)
        else value
        for name, value in safe.items()
    }
    return json.dumps(safe, ensure_ascii=False, separators=(",", ":")) if safe else ""


def as_text(part: Parameter, value: Any) -> str:
    """A value as its field shows it."""
    if value is None:
        return ""
    if part.kind == "map" and isinstance(value, dict):
        return "\n".join(f"{name}={_entry_text(entry)}" for name, entry in value.items())
    if part.kind == "list" and isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _entry_text(value: Any) -> str:
    # Text that looks like JSON is written as JSON, so that it is read as text again.
    if isinstance(value, str) and not _LIKE_JSON.match(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _whole(part: Parameter, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"Enter a whole number, not {text[:40]!r}.")
    return int(text)


def _number(part: Parameter, text: str) -> int | float:
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"Enter a number, not {text[:40]!r}.") from None


def _switch(part: Parameter, text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"Enter true or false, not {text[:40]!r}.")
    return text == "true"


def _choice(part: Parameter, text: str) -> str:
    if text not in part.choices:
        raise ValueError(f"Choose one of {', '.join(part.choices)}, not {text[:40]!r}.")
    return text


def _time(part: Parameter, text: str) -> str:
    # It stays text, as in JSON and in a URL; `Method.line` makes a datetime of it.
    parse_time(text)
    return text


def _id(part: Parameter, text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text


def _list(part: Parameter, text: str) -> list[int]:
    return [_whole(part, word) for word in re.split(r"[\s,]+", text) if word]


def _map(part: Parameter, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in filter(str.strip, text.split("\n")):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"Enter name=value on each line, not {line.strip()[:40]!r}.")
        found[name.strip()] = value.strip() if part.texts else _loose(value.strip())
    return found


def _loose(text: str) -> Any:
    if not _LIKE_JSON.match(text):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_READ: Final = {
    "text": lambda part, text: text, "whole": _whole, "number": _number, "switch": _switch,
    "choice": _choice, "id": _id, "list": _list, "map": _map, "time": _time,
}  # fmt: skip


def _unfit(part: Parameter, value: Any) -> str:
    """What is wrong with a JSON value for a parameter; empty for nothing."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if part.kind == "time" and isinstance(value, str):
        try:
            parse_time(value)
        except ValueError as error:
            return f"{error}"
    fits, expected = {
        "text": (isinstance(value, str), "text"),
        "whole": (whole, "a whole number"),
        "number": (whole or isinstance(value, float), "a number"),
        "switch": (isinstance(value, bool), "true or false"),
        "choice": (value in part.choices if isinstance(value, str) else False, " or ".join(part.choices)),
        "id": (whole or isinstance(value, str), "text or a whole number"),
        "list": (isinstance(value, list), "a list"),
        "map": (isinstance(value, dict), "an object"),
        "time": (isinstance(value, str), "a time as text"),
    }[part.kind]
    return "" if fits else f"Must be {expected}, not {json.dumps(value)[:40]}."
