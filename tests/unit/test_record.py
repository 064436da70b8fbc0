"""Records behave like frozen dataclasses."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import pprint
import typing

import pytest

from octaspace.record import Record, as_dict, changed, defaults_of, field


class Point(Record):
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)
    _note: str | None = None

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError(self.x)


class Named(Point):
    name: str = "origin"


class Plain(Named):
    pass


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    x: int
    y: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)
    _note: str | None = dataclasses.field(default=None, repr=False, compare=False)


def test_a_record_has_the_signature_repr_and_fields_of_a_dataclass() -> None:
    assert list(inspect.signature(Point).parameters) == list(inspect.signature(Twin).parameters)
    assert repr(Point(1, tags=["a"])) == repr(Twin(1, tags=["a"])).replace("Twin", "Point")
    for ours, theirs in zip(dataclasses.fields(Point), dataclasses.fields(Twin), strict=True):  # type: ignore[arg-type]
        for name in ("name", "type", "default", "default_factory", "repr", "compare", "init"):
            assert getattr(ours, name) == getattr(theirs, name)
    assert typing.get_type_hints(Point) == typing.get_type_hints(Twin)
    assert typing.get_type_hints(Point.__init__) == typing.get_type_hints(Twin.__init__)
    assert pprint.pformat(Point(1)) == "Point(x=1, y=0, tags=[])"


def test_functions_of_dataclasses_accept_a_record() -> None:
    point: typing.Any = Point(1, tags=["a"], _note="n")
    assert dataclasses.is_dataclass(point)
    assert dataclasses.asdict(point) == {"x": 1, "y": 0, "tags": ["a"], "_note": "n"} == as_dict(point)
    assert dataclasses.astuple(point) == (1, 0, ["a"], "n")
    for other in (dataclasses.replace(point, y=2), changed(point, y=2)):
        assert (other.x, other.y, other._note) == (1, 2, "n")
    with pytest.raises(TypeError):
        changed(point, z=1)


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)
    assert not hasattr(point, "__dict__")
    for change in (
        lambda: setattr(point, "x", 2),
        lambda: delattr(point, "x"),
        lambda: setattr(point, "z", 2),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert point.x == 1


def test_records_are_compared_by_their_public_fields() -> None:
    assert Point(1) == Point(1, _note="n") != Point(2)
    assert Point(1) != Named(1)
    assert hash(Point(1, tags=())) == hash(Point(1, tags=(), _note="n"))  # type: ignore[arg-type]
    assert Point(1).tags is not Point(1).tags


def test_records_are_copied_pickled_and_matched() -> None:
    named = Named(1, 2, ["a"], "n", "b")
    for twin in (pickle.loads(pickle.dumps(named)), copy.copy(named), copy.deepcopy(named)):
        assert twin == named
        assert twin._note == "n"
    match named:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_a_subclass_has_the_fields_of_its_base_class() -> None:
    assert repr(Plain(1)) == "Plain(x=1, y=0, tags=[], name='origin')"
    assert defaults_of(Named) == {"y": 0, "_note": None, "name": "origin"}
    with pytest.raises(ValueError, match="-1"):
        Plain(-1)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def test_records_of_records_become_dictionaries() -> None:
    class Pair(Record):
        first: Point
        second: Point | None = None

    assert as_dict(Pair(Point(1))) == {
        "first": {"x": 1, "y": 0, "tags": [], "_note": None},
        "second": None,
    }
