"""Introspection of the SDK's methods, and parsing of their arguments."""

from __future__ import annotations

import inspect
import json
from datetime import timezone

import pytest

import octaspace
from octaspace import resources
from playground.pages.runner.arguments import AS_JSON, as_text, for_address, from_form, from_json
from playground.sdk.methods import Method, all_methods, find_method, parse_time, preview
from playground.sdk.parameter_texts import PARAMETER_TEXTS

CHANGES = {
    "accounts.generate_wallet", "nodes.reboot", "nodes.update_prices", "services.mr.create",
    "services.mr.rent", "services.mr.rent_any", "services.render.create", "services.render.rent",
    "services.session.stop", "services.vpn.create", "services.vpn.rent",
}  # fmt: skip


def method(name: str) -> Method:
    found = find_method(name)
    assert found is not None, name
    return found


def test_every_public_method_of_every_resource_is_there() -> None:
    kinds = [
        resources.Accounts, resources.Apps, resources.IdleJobs, resources.Network, resources.Nodes,
        resources.Sessions, resources.services.MachineRentals, resources.services.RenderNodes,
        resources.services.VpnRelays, resources.services.Session,
    ]  # fmt: skip
    public = sum(
        not name.startswith("_") for kind in kinds for name, _ in inspect.getmembers(kind, inspect.isfunction)
    )
    assert len(all_methods()) == public
    assert all(found.doc for found in all_methods())


def test_changes_are_detected_from_the_request() -> None:
    assert {found.name for found in all_methods() if found.change} == CHANGES


def test_a_signature_becomes_fields() -> None:
    create = method("services.mr.create")
    kinds = {part.name: part.kind for part in create.fields}
    assert kinds["node_id"] == "whole"
    assert kinds["envs"] == "map"
    assert kinds["ports"] == "list"
    assert (kinds["name"], kinds["max_duration"], kinds["deadline"]) == ("text", "number", "time")
    assert [part.name for part in create.parameters if part.required] == ["node_id"]
    any_of = {part.name: part for part in method("services.mr.rent_any").parameters}
    assert (any_of["offers"].kind, any_of["offers"].required) == ("list", True)
    assert any_of["on_lease_lost"] not in method("services.mr.rent_any").fields
    assert "GB" in next(part.meaning for part in create.parameters if part.name == "disk_size")
    search = method("services.mr.search")
    assert next(part.choices for part in search.parameters if part.name == "sort") == (
        "price", "reliability", "vram", "download",
    )  # fmt: skip
    ident = method("nodes.download_ident")
    assert {part.name for part in ident.parameters} - {part.name for part in ident.fields} == {
        "to",
        "on_progress",
    }


def test_every_field_has_a_text_and_every_text_a_field() -> None:
    fields = [(found.name, found.group, part) for found in all_methods() for part in found.fields]
    assert [f"{name}.{part.name}" for name, _, part in fields if not part.meaning] == []
    keys = {
        key
        for name, group, part in fields
        for key in (part.name, f"{group}.{part.name}", f"{name}.{part.name}")
    }
    assert set(PARAMETER_TEXTS) - keys == set()


def test_types_are_read_from_the_annotations() -> None:
    returned = {found.name: (found.returns, found.payload, found.many) for found in all_methods()}
    assert returned["nodes.find"] == ("response", "NodeDetail", False)
    assert returned["nodes.list"] == ("response", "Node", True)
    assert returned["services.mr.create"] == ("response", "Created", True)
    assert returned["nodes.reboot"] == ("response", "", False)
    assert returned["services.mr.search"] == ("list", "", False)
    assert returned["services.mr.rent"] == ("session", "", False)
    assert returned["services.session.follow_logs"] == ("lines", "", False)
    assert (
        method("idle_jobs.find").signature
        == "(*, node_id: int | str, job_id: int | str) -> Response[IdleJob]"
    )
    follow = {part.name: part.type for part in method("services.session.follow_logs").parameters}
    assert follow == {
        "uuid": "str", "interval": "float", "timeout": "float | None",
        "on_idle": "Callable[[], object] | None",
    }  # fmt: skip
    sort = next(part for part in method("services.vpn.search").parameters if part.name == "sort")
    assert sort.type == "Literal['price', 'download']"


def test_call_is_shown_as_python() -> None:
    assert str(method("nodes.find").line({"id": 9})) == "client.nodes.find(9)"
    stop = method("services.session.stop").line({"uuid": "u", "score": 4})
    assert str(stop) == "client.services.session('u').stop(score=4)"
    prices = method("nodes.update_prices").line({"id": 9, "prices": {"base": 5}})
    assert str(prices) == "client.nodes.update_prices(9, base=5)"


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("nodes.find", {"id": ".."}, "id"),
        ("services.session.stop", {"uuid": "u", "score": 9}, "score"),
        ("services.session.info", {"uuid": "a\nb"}, "uuid"),
        ("services.mr.create", {"node_id": 1, "disk_size": -1, "image": "x"}, "disk_size"),
        ("services.mr.rent", {"node_id": 1, "disk_size": 1, "image": ""}, "image"),
        ("services.mr.search", {"max_price_usd": -1}, "max_price_usd"),
        ("services.vpn.create", {"node_id": 1, "subkind": "carrier pigeon"}, "subkind"),
        ("nodes.update_prices", {"id": 1, "prices": {"base": -1}}, "prices"),
        ("services.render.create", {"node_id": 1, "disk_size": 1, "options": {"foo": 1}}, "options"),
    ],
)
def test_sdk_errors_are_assigned_to_fields(name: str, values: dict[str, object], field: str) -> None:
    found = preview(method(name), values)
    assert found.request is None
    assert found.field == field, found.problem
    assert found.change, "an unknown request counts as a change"


def test_preview_captures_the_request() -> None:
    found = preview(method("services.mr.rent"), {"node_id": 7, "disk_size": 5, "image": "x"})
    assert found.request is not None
    assert (found.request.method, found.request.path) == ("POST", "/services/mr")
    assert found.request.body[0]["node_id"] == 7
    assert found.change
    assert not found.reads_first
    by_app = preview(method("services.mr.create"), {"node_id": 7, "app": "an-app"})
    assert by_app.request is not None
    assert (by_app.request.method, by_app.request.path) == ("GET", "/apps")
    assert by_app.change
    assert by_app.reads_first
    reboot = preview(method("nodes.reboot"), {"id": 1})
    assert reboot.request is not None
    assert reboot.request.method == "GET"
    assert reboot.change


def test_a_preview_with_a_deadline_writes_no_entry_and_shows_no_id() -> None:
    order = {"node_id": 7, "disk_size": 5, "image": "x", "name": "nightly", "max_duration": 60}
    for name in ("services.mr.create", "services.mr.rent"):
        found = preview(method(name), order)
        assert found.problem == ""
        assert found.request is not None
        assert found.request.body[0]["envs"] == {}
    del order["node_id"]
    first = preview(method("services.mr.rent_any"), {**order, "offers": [8, 9]})
    assert first.request is not None
    assert first.request.body[0]["node_id"] == 8


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"max_duration": 0}, "max_duration"),
        ({"max_duration": 10**400}, "max_duration"),
        ({"max_duration": float("nan")}, "max_duration"),
        ({"max_duration": float("inf")}, "max_duration"),
        ({"deadline": "2001-01-01T00:00:00Z"}, "deadline"),
        ({"deadline": "2100-01-01T00:00:00"}, "deadline"),
        ({"name": ""}, "name"),
    ],
)
def test_terms_are_checked_before_anything_is_sent(values: dict[str, object], field: str) -> None:
    found = preview(method("services.vpn.create"), {"node_id": 7, **values})
    assert found.request is None
    assert found.field == field, found.problem


@pytest.mark.parametrize(
    ("text", "hour"), [("2100-01-02T18:00:00+02:00", 16), (" 2100-01-02T16:00:00Z ", 16), ("2100-01-02", 0)]
)
def test_a_deadline_is_a_time_in_the_call_and_text_everywhere_else(text: str, hour: int) -> None:
    given = from_form(method("services.vpn.create"), {"arg-node_id": "7", "arg-deadline": text})
    assert given.errors == {}
    assert given.values["deadline"] == text.strip()
    assert from_json(method("services.vpn.create"), json.dumps(given.values)).values == given.values
    line = str(method("services.vpn.create").line(given.values))
    assert "deadline=datetime.datetime(2100, 1, 2, " in line
    assert parse_time(text).astimezone(timezone.utc).hour == hour or parse_time(text).tzinfo is None


@pytest.mark.parametrize("text", ["soon", "2100-13-01", "2100-01-01T00:00:00+99:00", "4", "\u0664"])
def test_what_is_not_a_time_is_a_field_error(text: str) -> None:
    fields = {"arg-node_id": "7", "arg-deadline": text}
    assert set(from_form(method("services.vpn.create"), fields).errors) == {"deadline"}
    given = from_json(method("services.vpn.create"), json.dumps({"node_id": 7, "deadline": text}))
    assert set(given.errors) == {"deadline"}
    number = from_json(method("services.vpn.create"), '{"node_id": 7, "deadline": 5}')
    assert set(number.errors) == {"deadline"}


def test_form_is_parsed_by_parameter_types() -> None:
    given = from_form(
        method("services.mr.create"),
        {
            "arg-node_id": " 9101 ", "arg-disk_size": "10", "arg-image": "ubuntu:24.04",
            "arg-envs": "A=1\r\nB=x=y", "arg-ports": "22, 80 443",
        },
    )  # fmt: skip
    assert given.errors == {}
    assert given.values == {
        "node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04", "envs": {"A": "1", "B": "x=y"},
        "ports": [22, 80, 443],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields", "wrong"),
    [
        ("nodes.find", {}, {"id"}),
        ("services.mr.create", {"arg-node_id": "x", "arg-ports": "22,y", "arg-envs": "A"},
         {"node_id", "ports", "envs"}),
        ("sessions.list", {"arg-recent": "maybe"}, {"recent"}),
        ("services.mr.search", {"arg-sort": "luck", "arg-max_price_usd": "much"}, {"sort", "max_price_usd"}),
    ],
)  # fmt: skip
def test_missing_and_invalid_values_are_field_errors(
    name: str, fields: dict[str, str], wrong: set[str]
) -> None:
    assert set(from_form(method(name), fields).errors) == wrong


def test_json_arguments_keep_exact_integers() -> None:
    given = from_json(method("nodes.update_prices"), '{"id": 9, "base": 1234567890123456789012}')
    assert given.values == {"id": 9, "prices": {"base": 1234567890123456789012}}
    assert from_json(method("nodes.find"), '{"id": true}').errors.keys() == {"id"}
    assert from_json(method("nodes.find"), "[1]").errors.keys() == {AS_JSON}
    assert from_json(method("nodes.find"), '{"id": 1,').errors.keys() == {AS_JSON}
    assert from_json(method("nodes.find"), '{"id": 1, "idd": 2}').errors.keys() == {AS_JSON}


def test_field_text_round_trips() -> None:
    part = next(part for part in method("nodes.list").fields if part.spread)
    values = {"state": "online", "limit": 5, "text": "5"}
    shown = as_text(part, values)
    assert shown == 'state=online\nlimit=5\ntext="5"'
    assert from_form(method("nodes.list"), {"arg-filters": shown}).values == {"filters": values}


def test_secrets_are_left_out_of_urls() -> None:
    values = {"node_id": 1, "envs": {"PASSWORD": "hunter2"}, "filters": {"token": "t", "page": 2}}
    assert for_address(values) == '{"node_id":1,"filters":{"page":2}}'
    assert octaspace.__version__
