"""A sandbox that several playgrounds share: started elsewhere, and checked before the start."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ..settings import StartError

__all__ = ["SharedSandbox", "find_sandbox"]

_SECONDS: Final = 3.0


@dataclass(frozen=True)
class SharedSandbox:
    """A sandbox that answers.

    Attributes:
        control: Base URL of its control API; None if it is not known.
        problem: Why its control API does not answer this machine; None if it does.
    """

    control: str | None
    problem: str | None


@dataclass(frozen=True)
class _Answer:
    status: int
    is_sandbox: bool
    body: dict[str, Any]


def find_sandbox(urls: Sequence[str], control: str | None, name: str) -> SharedSandbox:
    """Check that these addresses are endpoints of one sandbox, and find its control API.

    An endpoint that does not answer is accepted if the sandbox has another one that does: a fault may have
    closed it.

    Args:
        urls: The addresses of its endpoints.
        control: The address of its control API, if it is known.
        name: The option or variable that the addresses are from, for the message.

    Raises:
        StartError: No sandbox answers there, they belong to several, or the API does not answer to this name.
    """
    health: dict[str, Any] | None = None
    problem, silent = None, []
    for url in urls:
        answer = _control_answer(url)
        if answer is None:
            silent.append(url)
            continue
        if not answer.is_sandbox:
            raise StartError(f"{name}: {url} is not a sandbox; start one with bin/sandbox")
        _check_api(url, name)
        if answer.status != 200:
            problem = str(answer.body.get("error", answer.status))
        elif health is not None and _ports(health) != _ports(answer.body):
            raise StartError(f"{name}: {urls[0]} and {url} are endpoints of different sandboxes")
        else:
            health = answer.body
    for url in silent:
        if health is None or urlsplit(url).port not in _ports(health):
            raise StartError(f"{name}: no sandbox answers at {url}; start it first, with bin/sandbox")
    if control is not None:
        answer = _control_answer(control)
        if answer is None or not answer.is_sandbox:
            raise StartError(f"PLAYGROUND_SANDBOX_CONTROL: no sandbox answers at {control}")
        return SharedSandbox(control, None if answer.status == 200 else str(answer.body.get("error")))
    found = str(health["control_url"]).rpartition("/_sandbox")[0] if health is not None else None
    return SharedSandbox(found, problem)


def _ports(health: dict[str, Any]) -> list[int]:
    return [int(endpoint["port"]) for endpoint in health["endpoints"]]


def _check_api(url: str, name: str) -> None:
    """Refuse a control port, and a host name to which the API does not answer. Faults are accepted."""
    answer = _ask(f"{url}/network")
    if answer is not None and answer.status in (404, 421):
        raise StartError(f"{name}: {url} is not an endpoint of the API: {answer.body.get('message')}")


def _control_answer(url: str) -> _Answer | None:
    return _ask(f"{url}/_sandbox/health")


def _ask(url: str) -> _Answer | None:
    """The answer to a GET; None if there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            return _read(answer)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error)
    except (OSError, http.client.HTTPException):
        return None


def _read(answer: Any) -> _Answer:
    try:
        body = json.loads(answer.read(1 << 20))
    except (OSError, ValueError, http.client.HTTPException):
        body = None
    is_sandbox = answer.headers.get("X-Sandbox") == "1" and isinstance(body, dict)
    return _Answer(answer.status, is_sandbox, body if isinstance(body, dict) else {})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
