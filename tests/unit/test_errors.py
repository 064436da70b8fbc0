from __future__ import annotations

import builtins
import copy
import pickle
from typing import Any

import pytest

import octaspace
from octaspace import Response, errors
from octaspace.errors import Error, api_error
from octaspace.key_mask import KeyMask

TREE = {
    "Error": "Exception",
    "ConfigurationError": "Error", "NetworkError": "Error", "ConnectionError": "NetworkError",
    "TimeoutError": "NetworkError", "ProvisionRejectedError": "Error",
    "UnexpectedShapeError": "Error", "ApiError": "Error",
    "RentalLedgerError": "Error", "LeaseLostError": "Error",
    "AuthenticationError": "ApiError", "PermissionError": "ApiError", "NotFoundError": "ApiError",
    "ValidationError": "ApiError", "RateLimitError": "ApiError", "InvalidResponseError": "ApiError",
    "ServerError": "ApiError", "BadGatewayError": "ServerError", "ServiceUnavailableError": "ServerError",
    "GatewayTimeoutError": "ServerError",
}  # fmt: skip

CLASSES = [getattr(octaspace, name) for name in TREE]


def answer(
    status: int, data: Any = None, headers: dict[str, str] | None = None, body: bytes = b""
) -> Response[Any]:
    return Response(status=status, headers=headers or {}, data=data, body=body, url="http://h/nodes")


def test_the_tree_is_that_of_the_contract() -> None:
    for name, parent in TREE.items():
        assert getattr(octaspace, name).__bases__[0].__name__ == parent
    assert issubclass(octaspace.TimeoutError, builtins.TimeoutError)
    assert issubclass(octaspace.ConnectionError, builtins.ConnectionError)
    assert {
        kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Error)
    } == set(TREE)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "ApiError"), (401, "AuthenticationError"), (403, "PermissionError"), (404, "NotFoundError"),
        (409, "ApiError"), (422, "ValidationError"), (429, "RateLimitError"), (500, "ServerError"),
        (501, "ServerError"), (502, "BadGatewayError"), (503, "ServiceUnavailableError"),
        (504, "GatewayTimeoutError"), (302, "ApiError"), (599, "ServerError"),
    ],
)  # fmt: skip
def test_the_status_decides_the_class(status: int, name: str) -> None:
    error = api_error(answer(status, headers={"X-Request-Id": "r-9"}), method="GET", path="/nodes")
    assert type(error).__name__ == name
    assert (error.status, error.request_id) == (status, "r-9")
    assert f"GET /nodes: {status}" in str(error)
    assert "r-9" in str(error)


@pytest.mark.parametrize(
    ("data", "body", "words"),
    [
        ({"error": "unauthorized", "message": "Invalid API key"}, b"", "unauthorized: Invalid API key"),
        ({"error": "same", "message": "same"}, b"", ": same"),
        ({"message": ["a", "b"]}, b"", "a, b"),
        ({"error": {"message": "inner"}}, b"", "inner"),
        ({"error": {"code": 7, "detail": "text"}}, b"", "code: 7, detail: text"),
        (
            {"errors": {"disk_size": ["must be positive", "is odd"]}},
            b"",
            "disk_size: must be positive, is odd",
        ),
        (["x"], b'["x"]', '["x"]'),
        ({"detail": "not found here"}, b"", ": not found here"),
        ({"title": "Invalid", "detail": "disk_size is 0"}, b"", ": Invalid: disk_size is 0"),
        ({"title": "Invalid", "message": "why", "status": 422}, b"", ": Invalid: why"),
        ({"detail": [{"loc": ["body", "node_id"], "msg": "required"}]}, b"", ": body.node_id: required"),
        ({"detail": [{"msg": "required"}]}, b"", ": required"),
        ({"error": True, "message": "why"}, b"", "422: why"),
        ({"reason": "busy"}, b"", ": busy"),
        ({"msg": "short name"}, b"", ": short name"),
        (
            b"<html>Bad\x1b[31m\nGateway</html>",
            b"<html>Bad\x1b[31m\nGateway</html>",
            "<html>Bad [31m Gateway</html>",
        ),
        ("plain", b"plain", "plain"),
        ({"other": 1}, b"", ": 422"),
        (None, b"", ": 422"),
    ],
)
def test_q16_q30_the_api_message_in_every_shape(data: Any, body: bytes, words: str) -> None:
    message = str(api_error(answer(422, data, body=body), method="POST", path="/services/mr"))
    assert words in message
    assert message.isprintable()


def test_a_large_body_makes_a_short_message() -> None:
    nested: Any = "x"
    for _ in range(5000):
        nested = [nested]
    assert len(str(api_error(answer(500, {"error": nested}), method="GET", path="/"))) < 400
    assert len(str(api_error(answer(500, {"error": "y" * 10**6}), method="GET", path="/"))) < 400


def test_code_and_retry_after() -> None:
    error = api_error(answer(422, {"code": "invalid_parameter"}), method="GET", path="/")
    assert error.code == "invalid_parameter"
    assert api_error(answer(422, {"code": 7}), method="GET", path="/").code is None
    limited = api_error(answer(429, headers={"Retry-After": "7"}), method="GET", path="/")
    assert isinstance(limited, octaspace.RateLimitError)
    assert limited.retry_after == 7.0
    assert octaspace.RateLimitError("x").retry_after is None
    busy = api_error(answer(503, headers={"Retry-After": "7"}), method="GET", path="/")
    assert isinstance(busy, octaspace.ServerError)
    assert busy.retry_after == 7.0


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_pickles_and_copies(kind: type[Error]) -> None:
    error = kind("GET /nodes: broke")
    if not isinstance(
        error, (octaspace.ConfigurationError, octaspace.LeaseLostError, octaspace.NetworkError)
    ):
        error = kind("GET /nodes: broke", response=answer(500, {"code": "c"}, {"X-Request-Id": "r"}))  # type: ignore[call-arg]
    if isinstance(error, octaspace.TimeoutError):
        error = octaspace.TimeoutError("GET /nodes: broke", phase="pool", attempts=3, outcome_unknown=True)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert str(again) == "GET /nodes: broke"
        assert (again.status, again.request_id, again.attempts) == (
            error.status,
            error.request_id,
            error.attempts,
        )
        for name in ("phase", "rejections", "option", "outcome_unknown", "code"):
            assert getattr(again, name, None) == getattr(error, name, None)


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({"error": "bad key sk-secret"}, {}),
        ({"errors": {"key": ["sk-secret"]}}, {}),
        ({"message": "x" * 295 + "sk-secret"}, {}),
        (None, {"Location": "http://elsewhere/?key=sk-secret"}),
        (None, {"X-Request-Id": "of sk-secret"}),
    ],
)
def test_a_key_that_the_api_repeats_is_in_no_message(data: Any, headers: dict[str, str]) -> None:
    response = KeyMask("sk-secret").response(answer(302 if headers else 403, data, headers))
    message = str(api_error(response, method="GET", path="/"))
    assert "sk-" not in message
    assert "*" in message


def test_notes_of_an_error_are_pickled() -> None:
    error = octaspace.ApiError("x", response=answer(404))
    error.__notes__ = ["look there"]  # type: ignore[attr-defined]  # what add_note makes
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["look there"]


def test_a_body_with_an_invalid_charset_raises_our_error() -> None:
    for charset in ("idna", "undefined", "punycode", "\0"):
        headers = {"Content-Type": f"text/html; charset={charset}"}
        error = api_error(answer(502, b"no\xff", headers, b"no\xff"), method="GET", path="/nodes")
        assert str(error) == "GET /nodes: 502: no�"


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_status_request_id_and_response(kind: type[Error]) -> None:
    error = kind("x")
    assert error.status is None
    assert error.request_id is None
    assert error.response is None


def test_an_unexpected_shape_names_type_and_field_and_pickles() -> None:
    with pytest.raises(octaspace.UnexpectedShapeError) as caught:
        octaspace.types.Session.from_api({"uuid": 7})
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert isinstance(error, octaspace.UnexpectedShapeError)
        assert not isinstance(error, ValueError)
        assert (error.type_name, error.field, error.value) == ("Session", "uuid", "7")
        assert (error.status, error.response, error.outcome_unknown) == (None, None, False)
        assert str(error) == str(caught.value)


@pytest.mark.parametrize("key", ["k" * 12, "0123456789" * 3, "sk-" + "ab/+" * 16])
@pytest.mark.parametrize("wrap", [lambda key: key, lambda key: {key: [key]}, lambda key: [{"a": key}], bytes])
def test_a_key_that_the_response_repeats_is_not_in_the_error(key: str, wrap: Any) -> None:
    """A type does not have the key; 12 characters of a key count as the key."""
    value = key.encode() if wrap is bytes else wrap(key)
    for payload in (value, {"uuid": value if isinstance(value, (dict, list)) else [value]}):
        if isinstance(payload, dict) and "uuid" not in payload:
            payload = [payload]
        with pytest.raises(octaspace.UnexpectedShapeError) as caught:
            octaspace.types.Session.from_api(payload)
        said = f"{caught.value} {caught.value.value} {caught.value!r}"
        assert not any(key[at : at + 12] in said for at in range(len(key) - 11))


def test_a_whole_number_that_is_the_key_is_cut() -> None:
    with pytest.raises(octaspace.UnexpectedShapeError) as caught:
        octaspace.types.Session.from_api({"uuid": 987_654_321_012_345_678})
    assert "987654321012" not in str(caught.value)
    assert "9876" in str(caught.value.value)
