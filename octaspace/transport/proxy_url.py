"""How a message names a proxy: by its address, and never by the user and the password in it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["credentials_of", "without_credentials"]

#: All in front of the last @; what cannot be parsed as a URL may hold a password as well.
_USER_INFO: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<user_info>.*)@", re.DOTALL)

#: Where a parser takes the host to end.
_DELIMITERS: Final = re.compile(r"[/?#\\@]")

#: A shorter text stands in any message by chance.
_MIN_CHARACTERS: Final = 3


def without_credentials(proxy: str) -> str:
    """The proxy's URL without its user info.

    Args:
        proxy: As the environment names it.
    """
    return _USER_INFO.sub(lambda found: found["scheme"] or "", proxy, count=1)


def credentials_of(proxy: str) -> list[str]:
    """What a message must not repeat: user info and password, whole and in the pieces that a parser makes of
    one with a delimiter in it, as written and percent-decoded; longest first.

    Args:
        proxy: As the environment names it.
    """
    found = _USER_INFO.match(proxy)
    if found is None:
        return []
    user_info = found["user_info"]
    parts = {f"{user_info}@", user_info, user_info.partition(":")[2]}
    parts |= set(_DELIMITERS.split(user_info)) | set(_DELIMITERS.split(user_info.partition(":")[2]))
    parts |= {unquote(part) for part in parts}
    return sorted((part for part in parts if len(part) >= _MIN_CHARACTERS), key=len, reverse=True)
