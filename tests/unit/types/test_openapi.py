"""The types know every field of the specification, in every variant it allows."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import octaspace
import octaspace.sandbox
from octaspace import types

from .walking import REQUIRED, left_over

SCHEMAS: dict[str, Any] = yaml.safe_load(
    (Path(octaspace.sandbox.__file__).parent / "api" / "openapi.yaml").read_text()
)["components"]["schemas"]

#: Which types read which schema.
READERS: dict[str, tuple[Any, ...]] = {
    "Account": (types.Account,),
    "App": (types.App,),
    "Balance": (types.Balance,),
    "Disk": (types.Disk,),
    "Gpu": (types.Gpu,),
    "IdleJob": (types.IdleJob,),
    "IdleJobLogs": (types.IdleJobLogs,),
    "Location": (types.Location,),
    "MrOffer": (types.MachineOffer, types.RenderOffer),
    "Network": (types.Network,),
    "Node": (types.Node,),
    "NodeDetail": (types.Node,),
    "NodePrices": (types.NodePrices,),
    "Reliability": (types.Reliability,),
    "Session": (types.Session,),
    "SessionLogs": (types.SessionLogs,),
    "SshAccess": (types.SshAccess,),
    "VpnRelay": (types.VpnRelay,),
}

#: What is sent and not read, and answers of one field that need no type.
UNTYPED = {
    "Error", "Wallet", "Created", "MrCreate", "MrCreateItem", "MrCreateResult", "VpnCreate", "RenderCreate",
    "NodePricesUpdate",
}  # fmt: skip

#: Fields whose text has a form that the schema does not tell.
FORMS = {
    "vrf_dt": "2026-11-20T08:15:00Z",
    "currency": "OCTA",
    "docker_image": "image:2",
    "ports_matrix": '{"42000": 22}',
}

#: Redundant fields: the figure has another name as well, or is constant.
REDUNDANT = {"gpu", "currency", "net_down_mbs", "net_up_mbs", "vpn_config"}


def variants(schema: dict[str, Any], name: str = "") -> list[Any]:
    """Sample values, at least one for each alternative of the schema."""
    if "$ref" in schema:
        return variants(SCHEMAS[schema["$ref"].rpartition("/")[2]], name)
    if "oneOf" in schema:
        # What a schema calls unreadable by `not` is kept in `extra`: test_sandbox_payloads.py has it.
        choices = [choice for choice in schema["oneOf"] if "not" not in choice]
        return [value for choice in choices for value in variants(choice, name)]
    kind = schema["type"]
    if kind == "object":
        return list(_objects(schema))
    if kind == "array":
        return [variants(schema["items"])]
    if kind == "string":
        return [_text(schema, name)]
    return {"integer": [7], "number": [7], "boolean": [True], "null": [None]}[kind]  # type: ignore[no-any-return]


def _text(schema: dict[str, Any], name: str) -> str:
    if name in FORMS:
        return FORMS[name]
    if schema.get("format") == "date-time":
        return "2026-11-23T12:00:00Z"
    if schema.get("contentEncoding") == "base64":
        return base64.b64encode(gzip.compress(b"line\n")).decode()
    pattern = schema.get("pattern", "")
    return "[5000,6000]" if pattern.startswith(r"^\[") else "1234567890123456789012" if pattern else "words"


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Objects with every property; between them they have each property in each of its variants."""
    if "additionalProperties" in schema:
        names = schema.get("propertyNames")
        name = "8080" if names is None else names.get("enum", ["2026-8-10"])[0]
        yield {name: variants(schema["additionalProperties"])[0]}
        return
    columns = {name: variants(part, name) for name, part in schema["properties"].items()}
    for row in itertools.zip_longest(*columns.values()):
        yield {
            name: column[0] if value is None and None not in column else value
            for (name, column), value in zip(columns.items(), row, strict=True)
        }
    if not columns:
        yield {}


CASES = [
    (name, reader, payload)
    for name, readers in READERS.items()
    for reader in readers
    for payload in variants(SCHEMAS[name])
]


def test_every_schema_is_read_or_known_not_to_be() -> None:
    assert set(SCHEMAS) == set(READERS) | UNTYPED


@pytest.mark.parametrize(("name", "reader", "payload"), CASES)
def test_no_field_of_the_specification_lands_in_extra(name: str, reader: Any, payload: Any) -> None:
    assert left_over(reader.from_api(payload)) == {}


def texts(value: Any) -> Any:
    """The same with every number as text (Q9)."""
    if isinstance(value, dict):
        return {name: texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [texts(each) for each in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def nulls(value: Any) -> Any:
    """The same with null for every scalar."""
    if isinstance(value, dict):
        return {name: nulls(each) for name, each in value.items()}
    return [nulls(each) for each in value] if isinstance(value, list) else None


def figures(value: Any) -> list[Any]:
    """Every number, time and flag in it, in order; what may be a number or words stays out."""
    if dataclasses.is_dataclass(value):
        names = [each.name for each in dataclasses.fields(value)]
        left_out = {"raw", "era", "termination_reason"}
        return [(name, figures(getattr(value, name))) for name in names if name not in left_out]
    if isinstance(value, Mapping):
        return [(key, figures(each)) for key, each in value.items()]
    return [figures(each) for each in value] if isinstance(value, tuple) else [value]


OBJECTS = [(name, reader, payload) for name, reader, payload in CASES if isinstance(payload, dict)]


@pytest.mark.parametrize(("name", "reader", "payload"), OBJECTS)
def test_numbers_as_text_are_the_same_figures(name: str, reader: Any, payload: dict[str, Any]) -> None:
    read = reader.from_api(texts(payload))
    assert figures(read) == figures(reader.from_api(payload)), name
    assert left_over(read) == {}


@pytest.mark.parametrize(("name", "reader", "payload"), OBJECTS)
def test_null_is_the_same_as_absent_at_any_depth(name: str, reader: Any, payload: dict[str, Any]) -> None:
    needed = REQUIRED.get(reader, {})
    read = reader.from_api({**nulls(payload), **needed})
    # "nvidia" is the name of a list of cards, and no scalar (Q22).
    assert set(_leaves(read)) <= {*needed.values(), None, "", "OCTA", "nvidia"}, name


def _leaves(value: Any) -> Iterator[Any]:
    if dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            if each.name != "extra":
                yield from _leaves(getattr(value, each.name))
    elif isinstance(value, (tuple, Mapping)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(each)
    else:
        yield value


@pytest.mark.parametrize(("name", "reader", "payload"), OBJECTS)
def test_every_field_of_the_specification_makes_a_difference(
    name: str, reader: Any, payload: dict[str, Any]
) -> None:
    payload = {field: value for field, value in payload.items() if field not in REDUNDANT}
    whole = reader.from_api(payload)
    for field in [field for field, value in payload.items() if value not in (None, {})]:
        without = {key: each for key, each in payload.items() if key != field}
        if field in REQUIRED.get(reader, {}):
            with pytest.raises(octaspace.UnexpectedShapeError, match=f"{field} must be .*: it is missing"):
                reader.from_api(without)
        else:
            assert reader.from_api(without) != whole, f"{name}.{field} is read and thrown away"
