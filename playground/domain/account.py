"""The account of the key, as pages show it."""

from __future__ import annotations

from typing import Any

from octaspace.types import Account

__all__ = ["read_account"]


def read_account(data: Any) -> Account:
    """Read ``GET /accounts``; missing fields are None, a missing id is an empty string.

    Raises:
        octaspace.UnexpectedShapeError: The answer is not an object.
    """
    return Account.from_api({"account_uuid": "", **data} if isinstance(data, dict) else data)
