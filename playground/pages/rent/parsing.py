"""From what was typed to the arguments of `create`; what cannot be used is said at its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from octaspace import Request
from octaspace.types import App

from ...domain.offers import Service
from ...formatting import visible
from ...sdk.call import SdkCall
from ...sdk.methods import find_method, preview
from ...web.url_ids import decoded, encoded
from .fields import FIELDS, RentField

__all__ = ["Order", "app_values", "read_order", "typed_values"]

#: Characters of a field that are read.
_MAX: Final = 20_000

#: Arguments that an app's entry gives where they are not given (Q27).
_EMPTY: Final[dict[str, Any]] = {"envs": {}, "ports": [], "http_ports": []}

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}")
_SWITCH: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class Order:
    """What was typed, read.

    Attributes:
        service: The service.
        typed: Every field as typed.
        arguments: What `create` is called with.
        errors: What is wrong, by field; under ``""`` what belongs to none.
        request: What would be sent; None when something is wrong.
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
    def node_id(self) -> int | None:
        node_id = self.arguments.get("node_id")
        return node_id if isinstance(node_id, int) else None


def typed_values(service: Service, form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a service out of a form, nothing else."""
    return {field.name: form.get(field.name, "")[:_MAX] for field in FIELDS[service]}


def read_order(service: Service, typed: Mapping[str, str]) -> Order:
    """Read every field; the SDK itself has the last word, before anything is sent."""
    arguments: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in FIELDS[service]:
        text = typed.get(field.name, "")
        if field.kind != "variables":  # spaces at the end of a variable's value are part of it
            text = text.strip()
        if not text.strip():
            if field.required:
                errors[field.name] = "Required."
            elif field.name in _EMPTY and typed.get("app", "").strip():
                # What is not given would come from the app's entry, and not be what the form shows.
                arguments[field.name] = _EMPTY[field.name]
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


def app_values(app: App) -> dict[str, str]:
    """What an app fills in."""
    values = {
        "app": encoded(app.uuid),
        "image": app.image or "",
        "ports": ", ".join(map(str, app.ports)),
        "http_ports": ", ".join(map(str, app.http_ports)),
        "envs": "\n".join(f"{name}={text}" for name, text in app.envs.items()),
        "start_command": app.start_command or "",
    }
    if app.min_disk_size is not None:
        values["disk_size"] = str(max(1, app.min_disk_size))
    # Out of a payload: what is filled in must be what is seen.
    return {name: visible(text) for name, text in values.items()}


def _read(field: RentField, text: str) -> Any:
    if field.kind == "number":
        return _whole(text)
    if field.kind == "ports":
        return [_port(part) for part in re.split(r"[\s,;]+", text) if part]
    if field.kind == "variables":
        return _variables(text)
    if field.kind == "app":
        return decoded(text)
    if field.choices is not None:
        if text not in field.choices:
            raise ValueError("Choose one of these.")
        return _SWITCH.get(text, text)
    return text


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a whole number.")
    return int(text)


def _port(text: str) -> int:
    port = _whole(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port: ports are 1 to 65535.")
    return port


def _variables(text: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        # The value is not in the message: it may be a secret, and a message may be kept.
        if not equals or not name.strip():
            raise ValueError(f"Line {number} is not of the form NAME=value.")
        if name.strip() in variables:
            raise ValueError(f"Line {number} names {name.strip()[:40]!r} a second time.")
        variables[name.strip()] = value
    return variables
