"""Drafts of rentals: the values of the form, stored on the server until the rental is made.

The id of a draft is also the one-time token of the rental. A second submit, in any way, finds the used
token and shows the result of the first.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...browser.state import Browser
from ...domain.offers import Service
from ...web.form_actions import new_token

__all__ = ["RentalDrafts"]


class RentalDrafts:
    """The drafts of one browser; they expire with its other state.

    Args:
        browser: The browser.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def save(self, service: Service, typed: Mapping[str, str]) -> str:
        """Save the values of a form; return the id of the draft."""
        id = new_token()
        self._browser.write_limited(_concern(id), {"service": service, "typed": dict(typed)})
        return id

    def find(self, service: Service, id: str | None) -> dict[str, str] | None:
        """The values for a service; None if the draft does not exist any more."""
        kept = self._browser.read(_concern(id)) if id else {}
        typed: dict[str, str] | None = kept.get("typed") if kept.get("service") == service else None
        return typed

    def drop(self, id: str) -> None:
        """Delete a draft that was carried out: its values may contain secrets."""
        self._browser.drop(_concern(id))


def _concern(id: str) -> str:
    return f"order:{id[:64]}"
