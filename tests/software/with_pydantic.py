"""pydantic over the dataclasses of `octaspace.types`."""

# /// script
# dependencies = ["pydantic"]
# ///

from __future__ import annotations

import dataclasses
import inspect
import typing

import pydantic
import pytest

import octaspace
from octaspace.sandbox import SandboxServer
from octaspace.types import Account, App, MachineOffer, Node, VpnRelay

DATACLASSES = [
    kind for _, kind in inspect.getmembers(octaspace.types, inspect.isclass) if dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_annotations_of_each_dataclass_can_be_read(kind: type) -> None:
    assert pydantic.TypeAdapter(kind).json_schema(mode="serialization")["type"] == "object"
    assert set(typing.get_type_hints(kind)) == {field.name for field in dataclasses.fields(kind)}


def test_objects_become_json_and_objects_again(sandbox: SandboxServer) -> None:
    with octaspace.Client("sk", base_url=sandbox.url) as client:
        things = [
            Account.from_api(client.accounts.profile().data),
            *(Node.from_api(node) for node in client.nodes.list().data),
            *(App.from_api(app) for app in client.apps.list().data),
            *(MachineOffer.from_api(offer) for offer in client.services.mr.list().data),
            *(VpnRelay.from_api(relay) for relay in client.services.vpn.list().data),
        ]
    assert {type(thing) for thing in things} == {Account, Node, App, MachineOffer, VpnRelay}
    for thing in things:
        adapter = pydantic.TypeAdapter(type(thing))
        assert adapter.validate_json(adapter.dump_json(thing)) == thing


def test_a_field_of_a_model(sandbox: SandboxServer) -> None:
    class Report(pydantic.BaseModel):
        nodes: list[Node]

    with octaspace.Client("sk", base_url=sandbox.url) as client:
        nodes = [Node.from_api(node) for node in client.nodes.list().data]
    report = Report(nodes=nodes)
    assert report.nodes == nodes
    assert Report.model_validate_json(report.model_dump_json()) == report
