"""Any JSON at all: the types read it or raise ValueError, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import octaspace
from octaspace import types
from octaspace.types.readiness import readiness

from .test_openapi import CASES
from .walking import REQUIRED, TYPES, left_over

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "-1", "1e999", "28.5", "[1,2]", "[[", "2026-11-23T12:00:00Z", "9999-12-31T23:59:59-14:00"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
FIELDS = sorted({name for _, _, payload in CASES if isinstance(payload, dict) for name in payload})
QUIET = settings(max_examples=4 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow])


@QUIET
@given(kind=st.sampled_from(TYPES), payload=JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_arbitrary_json(kind: Any, payload: Any) -> None:
    try:
        read = kind.from_api(payload)
    except octaspace.UnexpectedShapeError as error:
        assert str(error).startswith(f"{kind.__name__}.from_api: ")
    else:
        assert hash(read) == hash(kind.from_api(payload))
        assert isinstance(repr(read), str)


@QUIET
@given(
    kind=st.sampled_from(TYPES), payload=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), JSON)
)
def test_optional_fields_never_break_a_type(kind: Any, payload: dict[str, Any]) -> None:
    needed = REQUIRED.get(kind, {})
    if "currency" in payload and "balance" in needed:
        del payload["currency"]  # another currency is an error on purpose
    before = json.dumps(payload)
    read = kind.from_api({**payload, **needed})
    assert json.dumps(payload) == before
    assert set(read.extra) <= set(payload)
    for name in dir(read):
        if not name.startswith("__"):
            getattr(read, name)  # properties as well


@QUIET
@given(st.sampled_from(CASES), st.data())
def test_one_spoilt_field_of_a_real_payload_spoils_no_other(case: Any, data: st.DataObject) -> None:
    _, kind, payload = case
    if not isinstance(payload, dict) or kind.__name__ in ("IdleJobLogs", "Balance"):
        return
    field = data.draw(st.sampled_from(sorted(set(payload) - set(REQUIRED.get(kind, {})))))
    read = kind.from_api({**payload, field: data.draw(JSON)})
    left = {name.partition(".")[2] for name in left_over(read) if name.startswith(f"{kind.__name__}.")}
    # Two lists of the same cards (Q22), two names of the configuration (Q31): if they differ, both are kept.
    assert left <= {field, {"gpus": "gpu", "config": "vpn_config"}.get(field)}


@QUIET
@given(st.dictionaries(st.sampled_from(["is_ready", "progress", "finished_at", "termination_reason"]), JSON))
def test_readiness_of_anything(info: dict[str, Any]) -> None:
    state = readiness(info)
    session = types.Session.from_api({**info, "uuid": "s-1"})
    if state == "waiting" and info.get("progress") in (None, ""):
        return  # `status` is read in its place only of an answer that names a session
    assert state == ("ended" if session.ended else "ready" if session.ready else "waiting")


@pytest.mark.parametrize(
    "finished_at",
    [None, "", 0, "0", "0.0", 0.0, -1, "-1", False, True, " ", "soon", "0001-01-01T00:00:00Z",
     "0001-01-01T00:00:00+05:00", 5, "5", 1795424428000, 1e90, 10**400, [], {}, [10**5000]],
)  # fmt: skip
@pytest.mark.parametrize("reason", [None, "", 0, "0", 3.5, [], False, 10**400, "low balance"])
def test_a_session_has_ended_where_its_answer_says_so(finished_at: object, reason: object) -> None:
    info = {"uuid": "s-1", "finished_at": finished_at, "termination_reason": reason}
    assert types.Session.from_api(info).ended is (readiness(info) == "ended")
