"""What other clients send, and what they need in return: JavaScript, Ruby, Go, Python, and web pages."""

from __future__ import annotations

import pytest

from octaspace.sandbox import SandboxServer

from .api import Api
from .raw_client import RawClient

PREFLIGHT = (
    "Access-Control-Request-Method: POST",
    "Access-Control-Request-Headers: authorization,content-type",
)
PAGES = (
    "http://localhost:5173",
    "http://127.0.0.1:8000",
    "http://app.localhost",
    "http://[::1]:3000",
    "chrome-extension://abcdefghijklmnop",
    "moz-extension://0a1b2c3d",
)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "application/json", "Accept": "application/json"},
        {"Content-Type": "application/vnd.api+json", "Accept": "*/*"},
        {"Accept": "application/json, text/plain, */*", "Accept-Encoding": "gzip, deflate, br, zstd"},
    ],
)
def test_headers_of_a_json_body_do_not_matter(api: Api, headers: dict[str, str]) -> None:
    created = api.call("POST", "/services/vpn", data=b'{"node_id": 9301}', headers=headers)
    assert created.status_code == 201
    assert created.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((), b""),
        (("Content-Length: 0",), b""),
        (("Content-Type: application/json", "Content-Length: 0"), b""),
        (("Content-Type: application/json",), b"null"),
        (("Content-Type: application/json",), b"{}"),
        (("Content-Type: application/json",), b'{"score": 5}'),
    ],
)
def test_stop_with_and_without_a_body(
    raw: RawClient, api: Api, headers: tuple[str, ...], body: bytes
) -> None:
    uuid = api.rent()
    raw.request(f"POST /services/{uuid}/stop", *headers, body=body)
    assert raw.answer().status == 200
    assert api.get(f"/services/{uuid}/info").status_code == 404


def test_a_get_may_have_a_content_type_and_an_empty_body(raw: RawClient) -> None:
    raw.request("GET /services/mr", "Content-Type: application/json", "Content-Length: 0")
    assert raw.answer().status == 200


@pytest.mark.parametrize("origin", PAGES)
def test_a_page_of_this_machine_may_ask_in_advance(
    raw: RawClient, sandbox: SandboxServer, origin: str
) -> None:
    """A preflight has no key."""
    lines = ["OPTIONS /services/mr HTTP/1.1", "Host: localhost", f"Origin: {origin}", *PREFLIGHT, "", ""]
    raw.send("\r\n".join(lines).encode())
    answer = raw.answer()
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    [entry] = sandbox.journal.entries()
    assert (entry.operation, entry.change) == (None, False)


@pytest.mark.parametrize("origin", PAGES)
def test_a_page_of_this_machine_may_read_answers(api: Api, origin: str) -> None:
    for path, status in (("/accounts", 200), ("/nowhere", 404)):
        answer = api.get(path, headers={"Origin": origin})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "null",
        "http://[",
        "",
    ],
)
def test_a_page_from_elsewhere_may_not(raw: RawClient, api: Api, origin: str) -> None:
    raw.request("OPTIONS /services/mr", f"Origin: {origin}", *PREFLIGHT)
    refused = raw.answer()
    assert refused.status == 405
    answer = api.get("/accounts", headers={"Origin": origin})
    assert answer.status_code == 200
    for headers in (refused.headers, answer.headers):
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_a_preflight_for_a_path_that_is_not_there(raw: RawClient) -> None:
    raw.request("OPTIONS /nowhere", "Origin: http://localhost", *PREFLIGHT)
    assert raw.answer().status == 404
