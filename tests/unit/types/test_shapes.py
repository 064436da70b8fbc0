"""What every type promises: unknown fields kept, clear errors, immutable, picklable, comparable, readable."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import typing
from decimal import Decimal
from typing import Any

import pytest

import octaspace
from octaspace import types

from .walking import REQUIRED, TYPES

EACH = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)


def made(kind: type[Any], /, **fields: Any) -> Any:
    return kind.from_api({**REQUIRED.get(kind, {}), **fields})  # type: ignore[attr-defined]


def test_exports_are_sorted_and_there() -> None:
    assert types.__all__ == sorted(types.__all__)
    assert {kind.__name__ for kind in TYPES} | {"NodeOffer", "Price"} == set(types.__all__)


@EACH
def test_unknown_fields_are_kept(kind: type[Any]) -> None:
    shape = made(kind, brand_new={"deep": [1]}, other=None)
    assert shape.extra == {"brand_new": {"deep": [1]}, "other": None}
    assert made(kind).extra == {}


@EACH
@pytest.mark.parametrize("payload", [None, True, b"{}", object()])
def test_what_is_no_object_is_an_error_that_names_the_type(kind: type[Any], payload: Any) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError,
        match=rf"^{kind.__name__}\.from_api: the payload must be a JSON object, not",
    ):
        kind.from_api(payload)


WRONG = {
    "account_uuid": [5, [], {}, True],
    "balance": ["x", [], {}, True, float("nan")],
    "data": [5, {}, True],
    "id": ["x", "7.5", 7.5, [], {}, True],
    "ip": [5, [], {}, True],
    "node_id": ["x", "7.5", 7.5, [], {}, True],
    "port": ["x", 7.5, -1, 70_000, [], {}, True],
    "uuid": [5, [], {}, True],
}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (kind, field, value)
        for kind, needed in REQUIRED.items()
        for field in needed
        for value in (None, *WRONG[field])
    ],
)
def test_a_wrong_id_is_an_error_that_names_type_and_field(kind: type[Any], field: str, value: Any) -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=rf"^{kind.__name__}\.from_api: {field} must be .+"
    ):
        made(kind, **{field: value})


def test_the_message_says_what_came() -> None:
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"^Node\.from_api: id must be an integer, not 'x'$"
    ):
        types.Node.from_api({"id": "x"})
    with pytest.raises(
        octaspace.UnexpectedShapeError, match=r"^Node\.from_api: id must be an integer: it is missing$"
    ):
        types.Node.from_api({})
    with pytest.raises(octaspace.UnexpectedShapeError, match=r"^Node\.from_api: id .{0,120}$"):
        types.Node.from_api({"id": "x" * 100_000})


#: Attributes that the payload has under another name, or in a price of several.
RENAMED = {
    "mm_roi", "system", "text", "time", "message", "total", "total_memory", "free", "size", "available",
    "cached", "buffered", "min_disk_size", "base", "storage", "traffic",
}  # fmt: skip
OPTIONAL = [
    (kind, field.name)
    for kind in TYPES
    for field in dataclasses.fields(kind)
    if field.name not in RENAMED | {"extra", "amount"} | set(REQUIRED.get(kind, {}))
    and (kind, field.name) != (types.Balance, "currency")
]


@pytest.mark.parametrize(("kind", "name"), OPTIONAL)
def test_an_optional_value_that_cannot_be_read_is_empty_and_kept(kind: type[Any], name: str) -> None:
    unreadable = object()
    shape = made(kind, **{name: unreadable})
    assert shape.extra == {name: unreadable}
    assert getattr(shape, name) in (None, (), {}, "")
    assert dataclasses.replace(shape, extra={}) == made(kind)


NUMBERS = [
    (kind, field.name)
    for kind in TYPES
    for field in dataclasses.fields(kind)
    if field.type in ("int | None", "float | None", "Decimal | None")
    and field.name not in RENAMED - {"total_memory", "free", "size", "total_swap", "free_swap"}
]


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_what_is_no_number_is_no_figure_and_kept(kind: type[Any], name: str) -> None:
    for sent in ("soon", "", "1,5", "1 000", "0x10", "NaN", "5 GB", True, {"value": 5}, [5]):
        shape = made(kind, **{name: sent})
        assert getattr(shape, name) is None
        assert shape.extra == {name: sent}


@EACH
def test_annotations_resolve_at_run_time(kind: type[Any]) -> None:
    assert set(typing.get_type_hints(kind)) >= {field.name for field in dataclasses.fields(kind)}
    assert {"data", "return"} <= set(typing.get_type_hints(kind.from_api))  # type: ignore[attr-defined]


def test_of_a_list_the_readable_entries_are_taken_and_the_whole_list_is_kept() -> None:
    sent = {"gpus": [{"model": "A"}, None, "B"], "features": ["gpu", 5]}
    offer = made(types.MachineOffer, **sent)
    assert offer.gpus == (types.Gpu(model="A"),)
    assert offer.features == ("gpu",)
    assert offer.extra == sent


def test_of_a_mapping_the_readable_entries_are_taken_and_the_whole_mapping_is_kept() -> None:
    sent = {"urls": {"80": "https://a.example", "81": None}, "ports_matrix": {"42000": 22, "x": 1}}
    session = made(types.Session, **sent)
    assert session.urls == {"80": "https://a.example"}
    assert session.ports_matrix == {42000: 22}
    assert session.extra == sent


@EACH
def test_they_are_frozen_and_slotted(kind: type[Any]) -> None:
    shape = made(kind)
    assert not hasattr(shape, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        shape.extra = {}
    with pytest.raises((AttributeError, TypeError)):
        shape.no_such_field = 1


@EACH
def test_they_pickle_copy_compare_and_hash(kind: type[Any]) -> None:
    shape = made(kind, brand_new=[1])
    for twin in (
        pickle.loads(pickle.dumps(shape)),
        copy.deepcopy(shape),
        dataclasses.replace(shape),
        made(kind, brand_new=[1]),
    ):
        assert twin == shape
        assert hash(twin) == hash(shape)
        assert type(twin) is type(shape)
    assert shape != made(kind, brand_new=[2])
    assert len({shape, made(kind, brand_new=[1])}) == 1


def test_the_same_payload_makes_different_things_of_different_types() -> None:
    assert made(types.MachineOffer) != made(types.RenderOffer)


def test_the_repr_shows_what_is_known() -> None:
    node = types.Node.from_api({"id": 9001, "state": "busy", "system": {"gpus": [{"model": "NVIDIA H100"}]}})
    assert repr(node) == ("Node(id=9001, state='busy', system=System(gpus=(Gpu(model='NVIDIA H100'),)))")
    assert repr(types.Balance(5)) == "Balance(amount=5)"
    assert repr(made(types.MachineOffer)) == "MachineOffer(node_id=1)"


def test_the_repr_of_a_session_tells_no_secret() -> None:
    session = made(
        types.Session, config="PrivateKey = hush", user_envs={"POSTGRES_PASSWORD": "hush"}, progress="ready"
    )
    assert session.config == "PrivateKey = hush"
    assert repr(session) == "Session(uuid='s-1', progress='ready')"


def test_states_of_a_node() -> None:
    states = ("online", "offline", "busy", "blocked", None)
    nodes = [types.Node(1, state=state) for state in states]
    assert [node.online for node in nodes] == [True, False, True, False, False]
    assert [node.offline for node in nodes] == [False, True, False, False, True]


def test_graphics_memory_of_an_offer() -> None:
    offer = made(
        types.MachineOffer,
        gpus=[{"model": "RTX 4090", "mem_total_mb": 24564}, {"model": "RTX 4090", "mem_total_mb": "24564"},
              {"model": "H100", "mem_total_mb": 81559}],
    )  # fmt: skip
    assert offer.gpu_models == ("RTX 4090", "H100")
    assert offer.vram_gb == 81.559
    assert offer.total_vram_gb == pytest.approx(130.687)
    partly = made(types.MachineOffer, gpus=[{"model": "A", "mem_total_mb": 8192}, {"model": "B"}])
    assert (partly.vram_gb, partly.total_vram_gb) == (8.192, None)
    assert (made(types.MachineOffer).vram_gb, made(types.MachineOffer).total_vram_gb) == (None, None)


def test_the_deprecated_gpu_field_is_read_where_there_is_no_list() -> None:
    card = {"model": "RTX 4090", "mem_total_mb": 24564}
    by_model = made(types.MachineOffer, gpu={"RTX 4090": [card, card]})
    assert by_model.gpus == (types.Gpu("RTX 4090", 24564),) * 2
    assert made(types.MachineOffer, gpu="RTX 4090").gpus == (types.Gpu("RTX 4090"),)
    both = made(types.MachineOffer, gpus=[card], gpu="RTX 4090")
    assert both.gpus == (types.Gpu("RTX 4090", 24564),)
    assert by_model.extra == both.extra == {}
    odd = made(types.MachineOffer, gpu={"RTX 4090": card})
    assert odd.gpus == ()
    assert odd.extra == {"gpu": {"RTX 4090": card}}
    assert made(types.MachineOffer, gpu=7).extra == {"gpu": 7}


def test_reliability_is_an_object_or_a_percentage() -> None:
    assert made(types.MachineOffer, reliability=99.5).reliability_percent == 99.5
    assert made(types.MachineOffer, reliability="99.5").reliability_percent == 99.5
    block = {"uptime": 96.15, "stability": 95.55, "rating": {"count": 12, "score": 3.6}}
    offer = made(types.MachineOffer, reliability=block)
    assert offer.reliability_percent == 96.15
    assert offer.reliability.rating == types.Rating(12, 3.6)
    assert made(types.MachineOffer).reliability_percent is None


def test_a_free_offer_is_not_an_unknown_price() -> None:
    offer = made(types.MachineOffer, total_price_usd=0, total_price_wei=0, base_usd=3400, base=1)
    assert (offer.price_usd, offer.price_wei) == (Decimal(0), 0)


def test_the_extra_object_of_an_app_is_not_the_extra_of_its_type() -> None:
    app = made(types.App, extra={"min_disk_size": 60, "min_ram": 4}, brand_new=1)
    assert app.min_disk_size == 60
    assert app.extra == {"extra": {"min_ram": 4}, "brand_new": 1}
    assert made(types.App, extra={"min_disk_size": 60}).extra == {}
    assert made(types.App, extra=7).extra == {"extra": 7}


def test_an_app_has_its_image_under_either_name() -> None:
    assert made(types.App, docker_image="alpine:3").image == "alpine:3"
    assert made(types.App, docker_image="alpine:3", image="debian:12").image == "debian:12"
