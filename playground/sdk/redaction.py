"""Removes secrets in bodies and answers from the request log, exports and copied lines.

The API key is not handled here: `flask_octaspace.client.MaskedClient` has masked it before.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = [
    "MAX_LEVELS", "TOO_DEEP", "WITHHELD", "answer_is_secret", "is_secret_field", "is_withheld", "masked",
    "without_secrets",
]  # fmt: skip

WITHHELD: Final = "(left out: may contain secrets)"

#: Maximum nesting depth of an answer that is shown and kept. Python's recursion limit is about 1000 frames,
#: some of which a page uses before it writes JSON; answers of the API have less than ten levels.
MAX_LEVELS: Final = 100
TOO_DEEP: Final = f"(left out: more than {MAX_LEVELS} levels deep)"

#: Fields whose value is a key, or may hold one: VPN configurations, environment variables, passwords.
_SECRET_FIELDS: Final = frozenset(
    {
        "config", "vpn_config", "envs", "env", "user_envs", "password", "passwd", "secret", "token",
        "api_key", "apikey", "private_key", "privatekey", "mnemonic", "seed_phrase", "keystore",
        "authorization",
    }
)  # fmt: skip

#: Shown before the last characters of a key.
_HIDDEN: Final = "••••"

_SECRET_PATHS: Final = re.compile(r"^/nodes/[^/]+/(ident|logs)$")


def answer_is_secret(method: str, path: str) -> bool:
    """Whether the whole answer of a call is left out: ident files, logs of nodes, exported wallets."""
    return bool(_SECRET_PATHS.match(path)) or (method == "POST" and path == "/accounts")


def is_secret_field(name: Any) -> bool:
    """Whether the value of a field is a secret or may contain one."""
    return isinstance(name, str) and name.lower() in _SECRET_FIELDS


def is_withheld(value: Any) -> bool:
    """Whether a value is the note that `without_secrets` puts in the place of another."""
    return isinstance(value, str) and value in (WITHHELD, TOO_DEEP)


def without_secrets(value: Any, levels: int = MAX_LEVELS) -> Any:
    """A copy of JSON data with secret fields replaced by a note.

    Args:
        value: The data.
        levels: Maximum depth that is copied; deeper values are replaced by a note as well.
    """
    if isinstance(value, (dict, list)) and levels == 0:
        return TOO_DEEP
    if isinstance(value, dict):
        return {
            name: WITHHELD
            if is_secret_field(name) and entry not in (None, "", {}, [])
            else without_secrets(entry, levels - 1)
            for name, entry in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(entry, levels - 1) for entry in value]
    return value


def masked(key: str) -> str:
    """A key for display: its last four characters, or none of a short key."""
    return _HIDDEN + (key[-4:] if len(key) >= 12 else "")
