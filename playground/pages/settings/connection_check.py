"""Tries a browser's endpoints one by one: reachable, how fast, and whether the key is accepted."""

from __future__ import annotations

import time
from typing import Any, Final

import octaspace

from ...app_state import AppState, current_app_state
from ...browser.call_log import CallLog
from ...browser.state import Browser
from ...sdk.call import SdkCall
from ...sdk.error_card import describe
from ...sdk.recording import Call, record_calls

__all__ = ["try_endpoints"]

_SECONDS: Final = 5.0

_REACH: Final = SdkCall("network.info")
_KEY: Final = SdkCall("accounts.balance")


def try_endpoints(browser: Browser) -> list[dict[str, Any]]:
    """Try each endpoint with separate connections, all at the same time.

    Returns:
        For each endpoint: `endpoint`, `reachable` (``"yes"``, ``"no"``, or ``"not the API"`` when a 2xx is
        not the API's answer, such as a page of HTML), `latency` (seconds or None), `key` (``"accepted"``,
        ``"refused"``, ``"none"`` without one, or ``"unknown"``) and `message` of what failed. The key goes
        only where the API is reachable.
    """
    parts = current_app_state()
    running = [parts.submit(_try, parts, browser, endpoint) for endpoint in browser.api_target.endpoints]
    log = CallLog.for_current_page(browser)
    findings, rows = [], []
    for future in running:
        finding, calls = future.result()
        findings.append(finding)
        for call, line in zip(calls, (_REACH, _KEY), strict=False):
            rows.append(log.row(call, line.redacted))
    log.append(rows)
    return findings


def _try(parts: AppState, browser: Browser, endpoint: str) -> tuple[dict[str, Any], list[Call]]:
    config = browser.config.replace(base_urls=[endpoint], max_retries=0, total_timeout=_SECONDS)
    finding: dict[str, Any] = {
        "endpoint": endpoint, "reachable": "no", "latency": None, "key": "unknown", "message": "",
    }  # fmt: skip
    with parts.clients.one_off(config) as client, record_calls() as calls:
        began = time.monotonic()
        try:
            octaspace.types.Network.from_api(_REACH.run(client).data)
        except octaspace.Error as error:
            finding["message"] = describe(error).message
            if isinstance(error, (octaspace.InvalidResponseError, octaspace.UnexpectedShapeError)):
                finding["reachable"] = "not the API"
            elif isinstance(error, octaspace.ApiError):
                finding["reachable"] = "yes"
        else:
            finding["reachable"] = "yes"
        if finding["reachable"] == "yes":
            finding["latency"] = time.monotonic() - began
            finding.update(_try_key(client, config.api_key))
    return finding, calls


def _try_key(client: octaspace.Client, key: str | None) -> dict[str, str]:
    if key is None:
        return {"key": "none"}
    try:
        _KEY.run(client)
    except (octaspace.AuthenticationError, octaspace.PermissionError) as error:
        return {"key": "refused", "message": describe(error).message}
    except octaspace.Error as error:
        return {"message": describe(error).message}
    return {"key": "accepted"}
