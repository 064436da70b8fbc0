"""What was typed into the form of a rental, kept on the server until it is rented.

An order's id is the one-time token of the rental as well: whoever comes back to the page that asks, by
whatever way, finds the used token, and the second submit shows the result of the first.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...browser.state import Browser
from ...domain.offers import Service
from ...web.form_actions import new_token

__all__ = ["RentalDrafts"]


class RentalDrafts:
    """The orders of one browser; they expire with its other state.

    Args:
        browser: The browser.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def save(self, service: Service, typed: Mapping[str, str]) -> str:
        """Keep what was typed; returns the order's id."""
        id = new_token()
        self._browser.write_limited(_concern(id), {"service": service, "typed": dict(typed)})
        return id

    def find(self, service: Service, id: str | None) -> dict[str, str] | None:
        """What was typed for that service, or None: there is no such order any more."""
        kept = self._browser.read(_concern(id)) if id else {}
        typed: dict[str, str] | None = kept.get("typed") if kept.get("service") == service else None
        return typed

    def drop(self, id: str) -> None:
        """Forget an order that was carried out: what was typed may hold secrets."""
        self._browser.drop(_concern(id))


def _concern(id: str) -> str:
    return f"order:{id[:64]}"
