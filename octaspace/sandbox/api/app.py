"""The simulated API as a WSGI application: keys, routing, JSON in and out."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ..world.world import World
from . import cors
from .operations import Call, Created, Download, Operation, find, split_path
from .problem import ProblemError, invalid, make_nonconforming_body

StartResponse = Callable[..., Any]
#: A key of the live system (Q32): without white space, so without a scheme such as Bearer.
_KEY = re.compile(r"[!-~]{64}")
#: What is the same for every account, and may be kept by clients. Everything else has `no-store`.
_MARKET = frozenset(
    {
        "network_information",
        "list_apps",
        "list_machines_on_offer",
        "list_vpn_relays",
        "list_render_nodes_on_offer",
        "list_render_nodes_by_older_path",
    }
)
SPECIFICATION = Path(__file__).with_name("openapi.yaml")
_Answer = tuple[int, list[tuple[str, str]], bytes]


class SandboxApp:
    """WSGI callable over one `World`.

    It sets `sandbox.carried_out` in the environ: true when the operation was carried out.

    Args:
        world: The state.
        strict_keys: Refuse keys that do not have 64 characters with 401 (Q32).
    """

    def __init__(self, world: World, strict_keys: bool = False) -> None:
        self.world, self.strict_keys = world, strict_keys
        self._turns = itertools.count()

    def restart(self, strict_keys: bool) -> None:
        """Take `strict_keys` as in the constructor, and number the answers from 0."""
        self.strict_keys, self._turns = strict_keys, itertools.count()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        headers += cors.headers(environ)
        headers.append(("Content-Length", str(len(body))))
        if not environ.pop("sandbox.shows_market", False):
            headers.append(("Cache-Control", "no-store"))
        # The server sets the request's id; another WSGI server gets a number.
        request_id = environ.get("sandbox.request_id") or f"req-{next(self._turns):08x}"
        headers.append(("X-Request-Id", request_id))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: dict[str, Any]) -> _Answer:
        segments = _segments(environ)
        method = environ["REQUEST_METHOD"]
        if segments == ["openapi.yaml"] and method in ("GET", "HEAD"):
            return 200, [("Content-Type", "application/yaml")], SPECIFICATION.read_bytes()
        operation, found, allowed = find(method, segments)
        if cors.is_preflight(environ) and allowed:
            return 200, cors.permission(allowed), b""
        try:
            self._check_key(environ, operation)
            if operation is None:
                if not allowed:
                    raise ProblemError(404, error="not found", message="No such path")
                raise ProblemError(
                    405, error="method not allowed", message=f"Use {', '.join(sorted(set(allowed)))}"
                )
            result = operation.run(self.world, Call(found, _query(environ), _body(environ)))
        except ProblemError as problem:
            return self._refuse(problem, allowed)
        environ["sandbox.carried_out"] = _was_carried_out(operation, result)
        environ["sandbox.shows_market"] = operation.id in _MARKET
        if isinstance(result, Download):
            disposition = 'attachment; filename="{}"'.format(
                result.name.replace("\\", "\\\\").replace('"', '\\"')
            )
            headers = [("Content-Type", "application/octet-stream"), ("Content-Disposition", disposition)]
            return 200, headers, result.content
        if isinstance(result, Created):
            return 201, [("Content-Type", "application/json")], _encode(result.content)
        return 200, [("Content-Type", "application/json")], _encode(result)

    def _check_key(self, environ: dict[str, Any], operation: Operation | None) -> None:
        """`invalid` is refused; `readonly` may not change anything; /network needs no key."""
        if operation is not None and operation.id == "network_information":
            return
        key = environ.get("HTTP_AUTHORIZATION", "").strip()
        if not key:
            raise ProblemError(401, error="unauthorized", message="API key is missing")
        if key == "invalid" or (self.strict_keys and key != "readonly" and not _KEY.fullmatch(key)):
            raise ProblemError(401, error="unauthorized", message="Invalid API key")
        if key == "readonly" and operation is not None and operation.change:
            raise ProblemError(403, error="forbidden", message="This key may only read")

    def _refuse(self, problem: ProblemError, allowed: list[str]) -> _Answer:
        headers = []
        if problem.status == 405:
            headers.append(("Allow", ", ".join(sorted(set(allowed)))))
        state = self.world.initial_state
        words = {name: f"{text}{state.note}" for name, text in problem.body.items()}
        body = make_nonconforming_body(problem, next(self._turns)) if state.loose else words
        if body is None:
            return problem.status, headers, b""
        media = "application/problem+json" if "title" in body else "application/json"
        return problem.status, [("Content-Type", media), *headers], _encode(body)


def _segments(environ: dict[str, Any]) -> list[str]:
    raw: str | None = environ.get("REQUEST_URI")
    if raw is None:  # Another WSGI server: only the decoded path is known.
        path = str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")
        return path.removeprefix("/").split("/")
    return split_path(raw.split("?", 1)[0])


def _query(environ: dict[str, Any]) -> dict[str, str]:
    try:
        return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise invalid("too many parameters") from None


def _body(environ: dict[str, Any]) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    raw = environ["wsgi.input"].read(length) if length else b""
    if not raw.strip():
        return None
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("the body is not valid JSON", code="invalid_json") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _encode(value: Any) -> bytes:
    # Half a surrogate pair has no UTF-8; how Python escapes it happens to be how JSON does.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def _was_carried_out(operation: Operation, result: Any) -> bool:
    """Whether a successful answer carried the operation out: a creation then names a session (Q2, Q19)."""
    if isinstance(result, Created):
        return bool(result.content.get("uuid"))
    if operation.id != "rent_machines":
        return True
    return isinstance(result, list) and any(item.get("uuid") for item in result)
