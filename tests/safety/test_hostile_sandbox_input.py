"""Hostile values in every operation of the sandbox and of its control API."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from octaspace.sandbox import SandboxServer

from ..sandbox.raw_client import RawClient
from ..sandbox.specification import operations

#: In a path or a query, percent-encoded.
TEXTS = (
    "9" * 23, "9" * 400, "9" * 5000, "-1", "1.5", "NaN", "1e999", "%00", "%FF%FE", "%ED%A0%80", "x" * 9000,
    quote("²٣"), "%", "..%2f..", "", "\xff\xfe",
)  # fmt: skip

#: Values of the whole body of a change.
BODIES = (
    b"", b"[]", b"null", b"1e999", b"NaN", b"9" * 5000, b"[" * 10_000, b'{"a":' * 10_000,
    b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900, b"\xff\xfe", b'"\xed\xa0\x80"',
    b'{"\\ud800": "\\ud800"}', b"[" + b'{"node_id": 9101},' * 5000 + b"{}]",
)  # fmt: skip

#: Values of one field in an otherwise valid body.
VALUES = (
    '"' + "x" * 9000 + '"', "9" * 23, "9" * 400, "9" * 5000, "-1", "1e999", "-1e999", "1e308", "[[]]",
    '{"a": {}}', '"\\ud800\\u0000"', "true", "[1e999]", "[" * 900 + "]" * 900, '{"\\ud800": "\\ud800"}',
)  # fmt: skip

FITTING = {
    "rent_machines": {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"},
    "create_vpn": {"node_id": 9301},
    "/_sandbox/faults": {"kind": "status", "status": 503},
    "/_sandbox/reset": {"seed": 7},
}  # fmt: skip

#: Names of fields: of bodies of the API, and of those of the control path.
FIELDS = (
    "id", "node_id", "disk_size", "image", "app", "envs", "ports", "http_ports", "start_command",
    "entrypoint", "organization_id", "project_id", "subkind", "protocol", "multi-gpu-worker", "base",
    "gpu_hour", "score",
)  # fmt: skip
OWN_FIELDS = (
    "kind", "endpoint", "probability", "count", "seconds", "per_second", "status", "methods", "path", "bytes",
    "retry_after", "seed", "dataset", "ready_after",
)  # fmt: skip

QUERY = ("recent", "word", "country", "state", "category", "app", "after", "limit", "endpoint")

CONTROL = (
    ("GET", "/_sandbox/journal"), ("GET", "/_sandbox/summary"), ("GET", "/_sandbox/faults"),
    ("DELETE", "/_sandbox/faults"), ("DELETE", "/_sandbox/faults/{id}"), ("POST", "/_sandbox/faults"),
    ("POST", "/_sandbox/reset"),
)  # fmt: skip


class Asking:
    """Sends requests in sequence and fails on each server error."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._port = sandbox.ports[0]
        self._raw = RawClient(self._port)

    def ask(self, method: str, target: str, body: bytes = b"") -> int:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: sk-raw\r\nX-Sandbox: 1\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._raw.send(head.encode("latin-1") + body)
        answer = self._raw.answer()
        assert answer.status < 500, (method, target[:80], body[:80], answer.body)
        if "json" in answer.headers.get("content-type", "") and answer.body:
            assert isinstance(json.loads(answer.body), (dict, list))
        if answer.headers["connection"] == "close":
            self.close()
            self._raw = RawClient(self._port)
        return answer.status

    def close(self) -> None:
        self._raw.close()


@pytest.fixture
def targets() -> list[tuple[str, str, str]]:
    """Name, method and pattern of the path of each operation and of each address of the control path."""
    api = [(name, method, path) for name, (method, path, _) in operations().items()]
    return api + [(path, method, path) for method, path in CONTROL]


def test_in_paths_and_queries(sandbox: SandboxServer, targets: list[tuple[str, str, str]]) -> None:
    asking = Asking(sandbox)
    read = {
        name: [it["name"] for it in found.get("parameters", ()) if it.get("in") == "query"]
        for name, (_, _, found) in operations().items()
    }
    read |= {path: list(QUERY) for _, path in CONTROL}
    for operation, method, path in targets:
        sandbox.journal.clear()  # it is among the answers
        for text in TEXTS:
            if "{" in path:
                asking.ask(method, re.sub(r"\{[^}]*\}", lambda _: text, path) or "/")  # noqa: B023
            target = re.sub(r"{[^}]*}", "9001", path)
            for name in read[operation]:
                asking.ask(method, f"{target}?{name}={text}&{name}={text}")
            # Those that it does not read are checked together.
            asking.ask(method, f"{target}?{'&'.join(f'{name}={text}' for name in QUERY)}")
        # Faults that were added in the meantime would be applied.
        sandbox.faults.remove_all()
    assert asking.ask("GET", "/network") == 200
    asking.close()


def test_in_bodies(sandbox: SandboxServer, targets: list[tuple[str, str, str]]) -> None:
    asking = Asking(sandbox)
    for name, method, path in targets:
        if method not in ("POST", "PATCH"):
            continue
        target = re.sub(r"\{[^}]*\}", "9001", path)
        for body in BODIES:
            asking.ask(method, target, body)
        fitting = FITTING.get(name, {})
        for field in OWN_FIELDS if name.startswith("/_") else FIELDS:
            start = json.dumps({key: value for key, value in fitting.items() if key != field})[:-1]
            for value in VALUES:
                item = f'{start}{", " if len(start) > 1 else ""}"{field}": {value}}}'
                for whole in (item, f"[{item}]"):
                    asking.ask(method, target, whole.encode())
                sandbox.faults.remove_all()
            sandbox.reset(seed=7, dataset="default", ready_after=4.0)
    assert asking.ask("GET", "/network") == 200
    asking.close()
