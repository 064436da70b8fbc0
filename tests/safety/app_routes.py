"""Every address of the app, out of its own map: a page that is added is tried without being named here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import Rule

__all__ = ["addresses", "rules"]


def rules(app: Flask, method: str) -> list[Rule]:
    """The rules that answer a method, files left out."""
    found = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]
    return sorted((rule for rule in found if not rule.endpoint.endswith("static")), key=str)


def addresses(rule: Rule, values: Mapping[str, list[str]]) -> Iterator[str]:
    """A rule's addresses with each of the values in the places of its parameters.

    Args:
        rule: The rule.
        values: What to put in, by the name of the parameter, encoded already; ``""`` is for those that
            have no entry.
    """
    known = [values.get(name, values[""]) for name in sorted(rule.arguments)]
    for chosen in zip(*known, strict=False) if known else [()]:
        path = rule.rule
        for name, value in zip(sorted(rule.arguments), chosen, strict=True):
            path = _put(path, name, value)
        yield path


def _put(path: str, name: str, value: str) -> str:
    """A pattern such as ``/nodes/<id:node_id>/reboot`` with one of its parameters given."""
    before, _, rest = path.partition("<")
    inside, _, after = rest.partition(">")
    if inside.rpartition(":")[2] == name:
        return before + value + after
    return f"{before}<{inside}>" + _put(after, name, value)


def percent(data: bytes) -> str:
    """Bytes in a path, valid text or not."""
    return quote(data, safe="")
