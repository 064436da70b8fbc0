"""The control path of the sandbox over HTTP: faults, journal, health. It is not part of the API."""

from __future__ import annotations

from typing import Any, Final

import requests

__all__ = ["ControlError", "SandboxControl"]

_PATH: Final = "/_sandbox"
_SECONDS: Final = 3.0


class ControlError(RuntimeError):
    """The sandbox refused or did not answer; the message gives the reason."""


class SandboxControl:
    """Uses the control path at the first of these addresses that answers: a fault may close one.

    Args:
        urls: `ProcessSettings.control_urls`.
    """

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls
        self._session = requests.Session()
        # It is on this machine: no proxy, no .netrc.
        self._session.trust_env = False
        self._session.headers["X-Sandbox"] = "1"

    def __enter__(self) -> SandboxControl:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def health(self) -> dict[str, Any]:
        """Seed, data set, and the endpoints with their port, url and whether they listen."""
        return self._ask("GET", "health")

    def faults(self) -> dict[str, Any]:
        """The active faults, and the available kinds with their options."""
        return self._ask("GET", "faults")

    def switch_on(self, kind: str, endpoint: int | None, options: dict[str, Any]) -> dict[str, Any]:
        """Add a fault.

        Args:
            kind: Its kind.
            endpoint: Port of the endpoint, or None for all.
            options: Options of the kind.

        Raises:
            ControlError: The sandbox refuses it.
        """
        return self._ask("POST", "faults", json={"kind": kind, "endpoint": endpoint, **options})

    def remove_fault(self, fault: int) -> None:
        """Remove one fault; a fault that does not exist is ignored."""
        self._ask("DELETE", f"faults/{fault}", missing={})

    def remove_all_faults(self) -> int:
        """Remove all faults; return their number."""
        removed: int = self._ask("DELETE", "faults")["removed"]
        return removed

    def last_entry(self) -> int:
        """Number of the latest entry of the journal."""
        last: int = self._ask("GET", "journal?limit=1")["last"]
        return last

    def journal(self, after: int) -> dict[str, Any]:
        """Entries of the journal after a number: `entries`, `last`, and whether there are `more`."""
        return self._ask("GET", f"journal?after={after}&limit=1000")

    def _ask(self, method: str, path: str, *, json: Any = None, missing: Any = None) -> dict[str, Any]:
        problem: Exception | None = None
        for url in self._urls:
            try:
                answer = self._session.request(
                    method, f"{url}{_PATH}/{path}", json=json, timeout=_SECONDS, allow_redirects=False
                )
                found: dict[str, Any] = answer.json()
            except (requests.RequestException, ValueError) as error:
                problem = error
                continue
            if answer.status_code == 404 and missing is not None:
                return dict(missing)
            if not answer.ok:
                raise ControlError(str(found.get("error", answer.status_code)))
            return found
        raise ControlError("The sandbox does not answer.") from problem
