"""openapi.yaml as a judge: is this answer one that the specification allows?"""

from __future__ import annotations

import copy
import json
from datetime import datetime
from functools import cache
from typing import Any

import requests
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from octaspace.sandbox.api.app import SPECIFICATION

_METHODS = ("get", "post", "patch", "put", "delete")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return (
        not isinstance(value, str) or datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    )


@cache
def specification() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SPECIFICATION.read_text())
    return loaded


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path template and the operation itself, by operationId."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in specification()["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    }


def problems(operation_id: str, answer: requests.Response) -> list[str]:
    """What the specification has against an answer; nothing when it is allowed.

    Stricter than the specification in one thing: a field that it does not know counts as a problem, because a
    misspelt field would pass otherwise.
    """
    _, _, operation = operations()[operation_id]
    described = operation["responses"].get(str(answer.status_code))
    if described is None:
        return [f"{operation_id} knows no status {answer.status_code}"]
    found = [name for name in ("X-Request-Id",) if name not in answer.headers]
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    if (
        answer.status_code >= 400 and not answer.content and not media
    ):  # The body of an error may be empty (Q16).
        return found
    if media not in described["content"]:
        return [*found, f"{operation_id} {answer.status_code} does not come as {media!r}"]
    if media.endswith("json"):
        found += json_problems(operation_id, answer.status_code, answer.content)
    return found


def json_problems(operation_id: str, status: int, content: bytes) -> list[str]:
    """The same for the JSON of an answer only."""
    method, path, _ = operations()[operation_id]
    parts = ("paths", path, method.lower(), "responses", str(status), "content", "application/json", "schema")
    pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
    validator = Draft202012Validator(
        {"$ref": f"urn:specification#/{pointer}"}, registry=_registry(), format_checker=_FORMATS
    )
    value = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    return [
        f"{operation_id} {status} at {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(value)
    ]


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@cache
def _registry() -> Registry[Any]:
    strict = copy.deepcopy(specification())
    _close(strict["components"]["schemas"])
    resource: Resource[Any] = DRAFT202012.create_resource(strict)
    registry: Registry[Any] = Registry()
    return registry.with_resource("urn:specification", resource)


def _close(schema: Any) -> None:
    """Let every object have the fields it names, and no others."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _close(each)
    elif isinstance(schema, list):
        for each in schema:
            _close(each)
