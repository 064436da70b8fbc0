"""The raw payloads, as editors know them, have the fields of the specification."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from typing_extensions import is_typeddict

from octaspace.types import payloads

from .test_openapi import SCHEMAS

#: Schemas with another name here, and those that are sent and not received.
RENAMED = {"MrOffer": "MachineOffer"}
SENT = {"MrCreate", "MrCreateItem", "VpnCreate", "RenderCreate", "NodePricesUpdate"}
#: Unions here, and error answers, whose fields are not read.
OTHERWISE = {"Error", "MrCreateResult", "IdleJobLogs"}

#: Fields that other clients have seen. The specification need not have them.
SEEN = {
    "Gpu": {"driver_version", "mem_utilization", "display_active", "display_mode"},
    "MrOffer": {
        "blender_cpu_score", "blender_optix_score", "disk_speed_mbs", "currency_usd", "market_price",
        "net_down_mbs", "net_up_mbs",
    },
    "Network": {"render"},
    "Session": {"vpn_config"},
    "VpnRelay": {"net_down_mbs", "net_up_mbs", "reliability", "total_price_usd", "traffic_price"},
}  # fmt: skip

NAMED = sorted(set(SCHEMAS) - SENT - OTHERWISE)


def dictionaries() -> dict[str, Any]:
    return {name: kind for name, kind in vars(payloads).items() if is_typeddict(kind)}


def test_all_is_complete_and_sorted() -> None:
    public = {name for name in vars(payloads) if name[0].isupper() and name not in ("Any", "TypedDict")}
    assert payloads.__all__ == sorted(public)


@pytest.mark.parametrize("schema", NAMED)
def test_each_schema_has_its_fields(schema: str) -> None:
    fields = set(dictionaries()[RENAMED.get(schema, schema)].__annotations__)
    specified = set(SCHEMAS[schema]["properties"])
    assert fields - SEEN.get(schema, set()) <= specified <= fields


@pytest.mark.parametrize("name", dictionaries())
def test_annotations_resolve(name: str) -> None:
    assert get_type_hints(dictionaries()[name])


JSON_TYPES = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    list: "array",
    type(None): "null",
}


@pytest.mark.parametrize("schema", NAMED)
def test_a_field_of_one_plain_type_has_that_type(schema: str) -> None:
    hints = get_type_hints(dictionaries()[RENAMED.get(schema, schema)])
    wrong = {
        name: (hints[name], part["type"])
        for name, part in SCHEMAS[schema]["properties"].items()
        if hints[name] in JSON_TYPES and isinstance(part.get("type"), str)
        and JSON_TYPES[hints[name]] != part["type"]
    }  # fmt: skip
    assert not wrong
