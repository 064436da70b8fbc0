"""The fingerprint of an API key: tells accounts apart in a ledger without containing the key."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["account_fingerprint"]

_PURPOSE = b"octaspace rental ledger"
_DIGITS = 32


def account_fingerprint(api_key: str | None) -> str:
    """The fingerprint of a key: an HMAC-SHA-256 with the key, shortened to 128 bits.

    Args:
        api_key: The key; None has a fingerprint too.

    Returns:
        32 hexadecimal digits.
    """
    return hmac.new((api_key or "").encode(), _PURPOSE, hashlib.sha256).hexdigest()[:_DIGITS]
