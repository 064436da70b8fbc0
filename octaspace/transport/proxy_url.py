"""Proxy URLs in messages, without user and password."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["credentials_of", "without_credentials"]

#: Everything before the last @, because an invalid URL may contain a password as well.
_USER_INFO: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?(?P<user_info>.*)@", re.DOTALL)

#: Characters that end the host for a URL parser.
_DELIMITERS: Final = re.compile(r"[/?#\\@]")

#: A shorter string occurs in messages by chance.
_MIN_CHARACTERS: Final = 3


def without_credentials(proxy: str) -> str:
    """The proxy's URL without its user info.

    Args:
        proxy: The URL as in the environment.
    """
    return _USER_INFO.sub(lambda found: found["scheme"] or "", proxy, count=1)


def credentials_of(proxy: str) -> list[str]:
    """Strings that a message must not contain: user info and password, whole and split at URL delimiters, as
    written and percent-decoded; longest first.

    Args:
        proxy: The URL as in the environment.
    """
    found = _USER_INFO.match(proxy)
    if found is None:
        return []
    user_info = found["user_info"]
    parts = {f"{user_info}@", user_info, user_info.partition(":")[2]}
    parts |= set(_DELIMITERS.split(user_info)) | set(_DELIMITERS.split(user_info.partition(":")[2]))
    parts |= {unquote(part) for part in parts}
    return sorted((part for part in parts if len(part) >= _MIN_CHARACTERS), key=len, reverse=True)
