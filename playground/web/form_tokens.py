"""The one-time tokens that forms carry, and what they say about the page that a form comes from."""

from __future__ import annotations

import secrets
from typing import Final

from ..app_state import current_app_state
from ..browser.state import current_browser

__all__ = ["FORGOTTEN", "MAY_HAVE_BEEN_SENT", "may_have_been_sent", "new_token", "stale_form_reason"]

#: The outcome of a form that may have been sent before.
MAY_HAVE_BEEN_SENT: Final = (
    "Nothing was sent now: the storage was restarted or replaced after this page was loaded, and may have "
    "forgotten that this form was sent before. Check whether it was carried out, then load the page again."
)

#: The outcome of a form that the store does not know, because it is another one than that of the form's page.
FORGOTTEN: Final = (
    "The storage was restarted or replaced, and has forgotten whether this form was sent. It may have been "
    "carried out: check before you send another one."
)


def new_token() -> str:
    """A token for a form.

    It also identifies the API target and key for which the form was made, and the generation of the store
    that will know of its use.
    """
    browser = current_browser()
    return f"{secrets.token_urlsafe(12)}.{browser.target_fingerprint}.{browser.store_generation}"


def stale_form_reason(token: str | None) -> str:
    """Why a form must not be processed: its page was made for another API target. Empty when it may.

    A tab may stay open while another one switches the target, or until the browser's state expires; a change
    meant for the sandbox must not be sent to the live API.
    """
    mark = _part(token or "", 1)
    if not mark or mark == current_browser().target_fingerprint:
        return ""
    label = current_browser().api_target.label
    return f"Nothing was sent: this page was loaded for another API or key. This browser now uses {label}."


def may_have_been_sent(token: str) -> bool:
    """Whether a token that the store did not know may have been used before, because the store lost that.

    For a claim, ask after the claim: a store that is restarted before is another generation now, and one that
    is restarted later will be when the form is sent again.

    Raises:
        playground.store.StoreError: The store is unavailable.
    """
    generation = _part(token, 2)
    return bool(generation) and generation != current_app_state().database.generation()


def _part(token: str, number: int) -> str:
    parts = token.split(".")
    return parts[number] if number < len(parts) else ""
