"""The web app as the launcher sees it: whether it answers, and its address."""

from __future__ import annotations

import http.client
import urllib.request

from ..browser.api_target import default_target
from ..settings import ProcessSettings

__all__ = ["answers", "description", "url_of"]


def answers(host: str, port: int) -> bool:
    """Whether the app answers at this address."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - every address
    url = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/healthz"
    # Its own name, which it answers to wherever it listens. No proxy: one of the machine is none of
    # the loopback interface's business.
    request = urllib.request.Request(url, headers={"Host": "localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=2):
            return True
    except (OSError, http.client.HTTPException):
        return False


def url_of(settings: ProcessSettings, host: str, port: int) -> str:
    """The address for a browser."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - every address of the machine
        named = sorted(settings.hosts - {"localhost", "127.0.0.1", "[::1]"})
        return f"http://{named[0]}:{port}"
    return f"http://{settings.bind}"


def description(url: str, settings: ProcessSettings, *, shared: bool) -> str:
    """What the launcher prints when the app is up, as one line.

    Args:
        url: The address of the app.
        settings: Its settings.
        shared: Whether its sandbox was started elsewhere.
    """
    target = default_target(settings)
    sandbox = f"{'the shared' if shared else 'its own'} sandbox at {', '.join(settings.sandbox_urls)}"
    if target.is_sandbox:
        return f"The playground is at {url}, and uses {sandbox} (Ctrl-C stops it)"
    urls = ", ".join(target.endpoints)
    return (
        f"The playground is at {url}, and speaks with OCTA_API_KEY to {urls} (Ctrl-C stops it); "
        f"{sandbox} can be chosen in Settings"
    )
