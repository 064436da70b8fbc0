"""Every route and form field of the app, read from the app itself, so that new ones are included."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

__all__ = ["Form", "address", "endpoint_of", "form_of", "forms_of", "query_names", "rules"]

#: Code patterns of a view that reads a field.
_READS = re.compile(r'request\.(?:args|form|values)(?:\.get(?:list)?\(|\[)\s*"([\w-]+)"')


@dataclass
class Form:
    """A form of a page.

    Attributes:
        action: Where it is sent.
        fields: Its fields with what they hold at first; of a repeated one the last.
    """

    action: str
    fields: dict[str, str] = field(default_factory=dict)


def rules(app: Flask, method: str) -> list[Rule]:
    """The rules of a method, without static files."""
    found = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]
    return sorted((rule for rule in found if not rule.endpoint.endswith("static")), key=str)


def address(rule: Rule, values: Mapping[str, str], default: str = "no-such-id") -> str:
    """A rule's address.

    Args:
        rule: The rule.
        values: What stands for its parameters, by name, percent-encoded.
        default: What stands for the others.
    """
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda found: values.get(found[1], default), rule.rule)


def query_names(app: Flask, rule: Rule) -> list[str]:
    """Names that the module of a view reads from addresses and forms, and those that every page reads."""
    module = sys.modules[app.view_functions[rule.endpoint].__module__]
    text = inspect.getsource(module)
    return sorted({*_READS.findall(text), "_fresh", "_panel", "_raw", "done", "page", "text"})


def forms_of(html: bytes) -> list[Form]:
    """The forms of a page that are posted."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find_all("form"):
        if isinstance(tag, Tag) and str(tag.get("method", "")).lower() == "post":
            form = Form(str(tag.get("action", "")).partition("?")[0])
            for each in tag.select("input[name], select[name], textarea[name], button[name]"):
                form.fields[str(each["name"])] = _value(each)
            found.append(form)
    return found


def form_of(app: Flask, rule: Rule, seen: Mapping[str, Form]) -> Form:
    """The form of a rule: from a page, else from the names that the view reads."""
    names = dict.fromkeys(query_names(app, rule), "")
    form = seen.get(rule.endpoint)
    return Form(rule.rule, {**names, **({} if form is None else form.fields)})


def endpoint_of(app: Flask, path: str) -> str:
    """The endpoint that answers a POST to a path; empty for none."""
    try:
        return str(app.url_map.bind("127.0.0.1").match(path, method="POST")[0])
    except HTTPException:
        return ""


def _value(tag: Tag) -> str:
    if tag.name == "select":
        chosen = tag.select("option[selected]") or tag.select("option")
        return str(chosen[0].get("value", "")) if chosen else ""
    return tag.get_text() if tag.name == "textarea" else str(tag.get("value", ""))
