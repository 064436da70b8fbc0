"""Tries a browser's endpoints one by one: reachable, how fast, and whether the key is accepted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import octaspace

from ...app_state import AppState, current_app_state
from ...browser.call_log import CallLog
from ...browser.key_state import note_key
from ...browser.state import Browser
from ...sdk.call import SdkCall
from ...sdk.error_card import describe
from ...sdk.recording import Call, record_calls

__all__ = ["try_endpoints", "verdict"]

#: Time limit for both reads of an endpoint together, in seconds.
_SECONDS: Final = 5.0

#: The second read has at least this much of it.
_LEAST_SECONDS: Final = 0.5

_REACH: Final = SdkCall("network.info")
_KEY: Final = SdkCall("accounts.balance")


def try_endpoints(browser: Browser) -> list[dict[str, Any]]:
    """Try each endpoint with separate connections, all at the same time, and note whether the key is refused.

    Returns:
        For each endpoint: `endpoint`, `reachable` (``"yes"``, ``"no"``, or ``"not the API"`` when a 2xx is
        not the API's answer, such as a page of HTML), `latency` (seconds or None), `key` (``"accepted"``,
        ``"refused"``, ``"none"`` without one, or ``"unknown"``), `status` of a refusal (401 or 403, else
        None) and `message` of what failed. The key goes only where the API is reachable.
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
    accepted = any(finding["key"] == "accepted" for finding in findings)
    note_key(browser, accepted=accepted, refused=any(finding["status"] == 401 for finding in findings))
    return findings


def _try(parts: AppState, browser: Browser, endpoint: str) -> tuple[dict[str, Any], list[Call]]:
    config = browser.config.replace(base_urls=[endpoint], max_retries=0, total_timeout=_SECONDS)
    finding: dict[str, Any] = {
        "endpoint": endpoint, "reachable": "no", "latency": None, "key": "unknown", "status": None,
        "message": "",
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
            left = max(_LEAST_SECONDS, _SECONDS - finding["latency"])
            finding.update(_try_key(client.with_options(total_timeout=left), config.api_key))
    return finding, calls


def _try_key(client: octaspace.Client, key: str | None) -> dict[str, Any]:
    if key is None:
        return {"key": "none"}
    try:
        _KEY.run(client)
    except (octaspace.AuthenticationError, octaspace.PermissionError) as error:
        return {"key": "refused", "status": error.status, "message": describe(error).message}
    except octaspace.Error as error:
        return {"message": describe(error).message}
    return {"key": "accepted"}


def verdict(findings: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """Whether a test went well, and its result in words.

    Args:
        findings: See `try_endpoints`.
    """
    silent = [finding["endpoint"] for finding in findings if finding["reachable"] == "no"]
    foreign = [finding["endpoint"] for finding in findings if finding["reachable"] == "not the API"]
    words = [f"No answer from {', '.join(silent)}."] if silent else []
    if foreign:
        words.append(f"The answer of {', '.join(foreign)} is not the API's.")
    well, key_words = _key_verdict(findings)
    text = " ".join([*(words or ["Every endpoint answers."]), key_words])
    return well and not words, text


def _key_verdict(findings: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    by_key = {finding["key"]: finding for finding in findings}
    refused = [finding for finding in findings if finding["key"] == "refused"]
    accepting = sum(finding["key"] == "accepted" for finding in findings)
    if refused:
        where = "" if not accepting else f" by {', '.join(finding['endpoint'] for finding in refused)}"
        return False, f"The key was refused{where} ({refused[0]['status']})."
    if accepting:
        return True, "The key is accepted."
    if "none" in by_key:
        return True, "There is no key, so only public calls work."
    if all(finding["reachable"] == "not the API" for finding in findings):
        return False, "The key could not be tested, so it was not sent."
    reason = next(it["message"] for it in findings if it["reachable"] != "not the API")
    return False, f"The key could not be tested: {reason}"
