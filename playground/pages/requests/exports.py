"""The request log as files: JSON as stored, and HAR for browser tools. Neither contains a key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

import octaspace

from ...browser.copied_lines import copied_curl, copied_program
from ...formatting import query_text
from ...sdk.copied_line import CopiedLine
from ...store import CallRow

__all__ = ["as_curl", "as_har", "as_json", "as_python"]


def as_json(rows: Sequence[CallRow]) -> str:
    """Every call with its attempts, latest first."""
    return json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)


def as_har(rows: Sequence[CallRow]) -> str:
    """HTTP Archive 1.2, oldest first; one entry per call, its attempts under ``_attempts``."""
    log = {
        "version": "1.2",
        "creator": {"name": "OctaSpace playground", "version": octaspace.__version__},
        "entries": [_entry(row) for row in reversed(rows)],
    }
    return json.dumps({"log": log}, indent=1, ensure_ascii=False)


def as_curl(row: CallRow) -> CopiedLine | None:
    """A call for a shell; None if the log has not kept all of it."""
    detail = row.detail
    if as_python(row).problem:
        return None
    return copied_curl(
        row.method, row.address, row.path, params=detail["params"], body=detail["body"],
        public=detail["public"], expects=detail["expects"],
    )  # fmt: skip


def as_python(row: CallRow) -> CopiedLine:
    """A whole program that makes the same call."""
    return copied_program(row.line, endpoint=row.address, public=row.detail["public"])


def _entry(row: CallRow) -> dict[str, Any]:
    detail = row.detail
    url = row.address + row.path
    params = [{"name": name, "value": value} for name, value in detail["params"].items()]
    if params:
        url += "?" + query_text(detail["params"])
    asked: dict[str, Any] = {
        "method": row.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": params,
        "headersSize": -1,
        "bodySize": -1,
    }
    if detail["body"] is not None:
        text = json.dumps(detail["body"], ensure_ascii=False)
        asked["postData"] = {"mimeType": "application/json", "text": text}
    answer = detail["answer"]
    headers = detail["headers"]
    milliseconds = row.elapsed * 1000
    return {
        "startedDateTime": datetime.fromtimestamp(row.at, timezone.utc).isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": asked,
        "response": {
            "status": row.status or 0,
            "statusText": _phrase(row.status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "content": {
                "size": detail["size"],
                "mimeType": headers.get("Content-Type", ""),
                "text": answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False),
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": detail["size"],
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_error": row.error,
        "_from_cache": row.cache in ("hit", "stale"),
        "_age": detail["age"],
        "_request_id": row.request_id,
        "_attempts": detail["attempts"],
    }


def _phrase(status: int | None) -> str:
    try:
        return "" if status is None else HTTPStatus(status).phrase
    except ValueError:
        return ""
