"""Requests are validated when they are created, because users create them too."""

from __future__ import annotations

from typing import Any

import pytest

from octaspace import Request


@pytest.mark.parametrize(
    ("method", "repeatable"),
    [("GET", True), ("HEAD", True), ("OPTIONS", True), ("PUT", True), ("DELETE", True), ("POST", False),
     ("PATCH", False), ("BREW", False)],
)  # fmt: skip
def test_repeatable_depends_on_the_method(method: str, repeatable: bool) -> None:
    assert Request(method, "/x").repeatable is repeatable
    assert Request(method, "/x", repeatable=not repeatable).repeatable is not repeatable


@pytest.mark.parametrize("method", ["get", "", "G ET", "GET\r\n", "GÉT", None, 7])
def test_an_invalid_method_is_refused(method: Any) -> None:
    with pytest.raises(ValueError, match="method must be an HTTP method in capitals, not"):
        Request(method, "/x")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nodes",
        ".evil.example/",
        "@evil",
        "/a b",
        "/é",
        "/a\r\nX-Evil: 1",
        "/a\n",
        "/\x7f",
        "/a#b",
        None,
        7,
    ],
)
def test_an_invalid_path_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match="path must begin with a slash, be percent-encoded"):
        Request("GET", path)


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/a/./b", "/a/.", "/a/%2e%2E/b", "/.%2e?x"])
def test_a_path_with_dot_segments_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path must not contain \. or \.\."):
        Request("GET", path)


@pytest.mark.parametrize("path", ["/...", "/a..b", "/.a", "/x?y=/../z"])
def test_other_dots_in_a_path_are_accepted(path: str) -> None:
    assert Request("GET", path).path == path


def test_it_is_frozen() -> None:
    request = Request("GET", "/nodes/a%2Fb~(1)")
    with pytest.raises(AttributeError):
        request.path = "/other"  # type: ignore[misc]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.parametrize("repeatable", [None, True, False])
def test_is_read(method: str, repeatable: bool | None) -> None:
    """A GET with side effects (Q1) is not a read, and neither is a repeatable PUT."""
    expected = method in ("GET", "HEAD") and repeatable is not False
    assert Request(method, "/nodes", repeatable=repeatable).is_read is expected


@pytest.mark.parametrize(
    "path", ["/apps", "/network", "/services/mr?a=1", "/services/vpn", "/services/render"]
)
def test_reads_of_the_market_may_be_cached(path: str) -> None:
    assert Request("GET", path, cacheable=True).cacheable


@pytest.mark.parametrize(
    "path",
    ["/accounts", "/accounts/balance", "/sessions", "/nodes", "/nodes/1", "/services/u-1/info",
     "/services/mr/x", "/apps/", "//apps", "/Apps", "/services", "/%61pps"],
)  # fmt: skip
def test_nothing_else_may_be_cached(path: str) -> None:
    with pytest.raises(ValueError, match="must not be cacheable"):
        Request("GET", path, cacheable=True)


@pytest.mark.parametrize(
    "change", [{"method": "POST"}, {"method": "PUT"}, {"method": "GET", "repeatable": False}]
)
def test_a_change_may_not_be_cached(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must not be cacheable"):
        Request(path="/services/mr", cacheable=True, **change)
