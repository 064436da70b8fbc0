"""The account of the key, as pages show it."""

from __future__ import annotations

from typing import Any

from octaspace.types import Account

from ..sdk.json_access import single_line

__all__ = ["initials", "read_account"]


def read_account(data: Any) -> Account:
    """Read ``GET /accounts``; missing fields are None, a missing id is an empty string.

    Raises:
        octaspace.UnexpectedShapeError: The answer is not an object.
    """
    return Account.from_api({"account_uuid": "", **data} if isinstance(data, dict) else data)


def initials(email: str | None) -> str:
    """Two letters in place of the avatar, which is never loaded: ``ue`` for ``user@example.com``."""
    name, _, host = single_line(email).partition("@")
    letters = [part[0] for part in (name, host) if part and part[0].isalnum()]
    return "".join(letters).upper() or "?"
