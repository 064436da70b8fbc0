"""Parse the values of a rent form into the arguments of `create`, with an error for each invalid field.

The values are parsed here and not by WTForms: they come from the query, from a draft or from an app as
well as from a form, and the checks are those of the SDK, made with the request that would be sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from octaspace import Request

from ...domain.offers import Service
from ...domain.stop_after import parse_hours
from ...sdk.call import SdkCall
from ...sdk.methods import find_method, preview
from ...web.url_ids import decoded
from .app_fill import FILLED
from .fields import DEFAULT_NAME, FIELDS, RentField
from .variables import read_variables

__all__ = ["Order", "read_order", "typed_values"]

#: Maximum characters of a field.
_MAX: Final = 20_000

#: Arguments that the entry of an app provides if they are missing (Q27).
_EMPTY: Final[dict[str, Any]] = {"envs": {}, "ports": [], "http_ports": []}

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}")
_SWITCH: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class Order:
    """A parsed rent form.

    Attributes:
        service: The service.
        typed: The text of every field.
        arguments: Arguments for `create`.
        errors: Errors by field; ``""`` for those without a field.
        request: The request that would be sent; None if there is an error.
    """

    service: Service
    typed: Mapping[str, str]
    arguments: Mapping[str, Any]
    errors: Mapping[str, str]
    request: Request | None

    @property
    def line(self) -> SdkCall:
        """The call."""
        return SdkCall(f"services.{self.service}.create", **self.arguments)

    @property
    def max_duration(self) -> float | None:
        """Seconds after which it is stopped, or None."""
        seconds: float | None = self.arguments.get("max_duration")
        return seconds

    @property
    def node_id(self) -> int | None:
        node_id = self.arguments.get("node_id")
        return node_id if isinstance(node_id, int) else None


def typed_values(service: Service, form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a service from a form, and the application that was filled in; others are ignored."""
    names = [field.name for field in FIELDS[service]] + ([FILLED] if service == "mr" else [])
    return {name: form.get(name, "")[:_MAX] for name in names}


def read_order(service: Service, typed: Mapping[str, str]) -> Order:
    """Parse every field, and let the SDK check the arguments without sending anything."""
    arguments: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in FIELDS[service]:
        text = typed.get(field.name, "")
        if field.kind != "variables":  # trailing spaces are part of the value of a variable
            text = text.strip()
        if not text.strip():
            if field.required:
                errors[field.name] = "Required."
            elif field.name in _EMPTY and typed.get("app", "").strip():
                # A missing value would come from the entry of the app, and differ from the form.
                arguments[field.name] = _EMPTY[field.name]
            elif field.name == "name":
                arguments["name"] = DEFAULT_NAME
            continue
        try:
            arguments[field.name] = _read(field, text)
        except ValueError as error:
            errors[field.name] = str(error)
    request = None
    if not errors:
        method = find_method(f"services.{service}.create")
        if method is None:
            raise LookupError(f"the SDK cannot create {service}")
        seen = preview(method, arguments)
        request = seen.request
        if request is None:
            words = re.findall(r"\w+", seen.problem)[:3]
            errors[next((name for name in typed if name in words), "")] = seen.problem
    return Order(service, typed, arguments, errors, request)


def _read(field: RentField, text: str) -> Any:
    if field.kind == "number":
        return _whole(text)
    if field.kind == "hours":
        return parse_hours(text)
    if field.kind == "ports":
        return [_port(part) for part in re.split(r"[\s,;]+", text) if part]
    if field.kind == "variables":
        return read_variables(text)
    if field.kind == "app":
        return decoded(text)
    if field.choices is not None:
        if text not in field.choices:
            raise ValueError("Choose one of the options.")
        return _SWITCH.get(text, text)
    return text


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a whole number.")
    return int(text)


def _port(text: str) -> int:
    port = _whole(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a valid port. Ports are 1 to 65535.")
    return port
