"""pydantic over the dataclasses of `octaspace.types`, and over every TypedDict."""

# /// script
# dependencies = ["pydantic"]
# ///

from __future__ import annotations

import dataclasses
import inspect
import logging
import typing

import pydantic
import pytest

import octaspace
from octaspace.sandbox import SandboxServer
from octaspace.types import Account, App, MachineOffer, Node, VpnRelay, payloads
from tests.meta.public_api import typed_dicts

DATACLASSES = [
    kind for _, kind in inspect.getmembers(octaspace.types, inspect.isclass) if dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_annotations_of_each_dataclass_can_be_read(kind: type) -> None:
    assert pydantic.TypeAdapter(kind).json_schema(mode="serialization")["type"] == "object"
    assert set(typing.get_type_hints(kind)) == {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("path", typed_dicts())
def test_each_typed_dict_makes_a_validator(path: str) -> None:
    kind = typed_dicts()[path]
    adapter = pydantic.TypeAdapter(kind)
    if not kind.__required_keys__:
        assert adapter.validate_python({}) == {}
        return
    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python({})
    assert {error["loc"][0] for error in caught.value.errors()} == kind.__required_keys__


@pytest.mark.parametrize("name", payloads.__all__)
def test_each_payload_has_a_schema(name: str) -> None:
    assert pydantic.TypeAdapter(getattr(payloads, name)).json_schema()


def test_options_are_checked_before_a_client_is_made() -> None:
    adapter = pydantic.TypeAdapter(octaspace.config.Options)
    logger = logging.getLogger("mine")
    options = adapter.validate_python({"read_timeout": "7", "base_urls": ["http://one"], "logger": logger})
    with octaspace.Client(**options) as client:
        config = client.config
        assert (config.read_timeout, config.endpoints, config.logger) == (7, ("http://one",), logger)
    with pytest.raises(pydantic.ValidationError, match="pool_size"):
        adapter.validate_python({"pool_size": "many"})


def test_payloads_are_checked(sandbox: SandboxServer) -> None:
    class Offers(pydantic.BaseModel):
        created: payloads.MachineCreated
        disk: payloads.Disk

    with octaspace.Client("sk", base_url=sandbox.url) as client:
        node_id = client.services.mr.search()[0].node_id
        answer = client.services.mr.create(node_id=node_id, disk_size=10, image="ubuntu:24.04")
        disk = client.nodes.list().data[0]["system"]["disk"]
    offers = Offers.model_validate({"created": answer.data, "disk": disk})
    assert offers.created[0]["uuid"] == answer.data[0]["uuid"]
    with pytest.raises(pydantic.ValidationError, match=r"disk\.free"):
        Offers.model_validate({"created": answer.data, "disk": {**disk, "free": "much"}})


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
