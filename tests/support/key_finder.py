"""Find an API key in a text, in any encoding. It shares no code with the key mask."""

from __future__ import annotations

import base64
import html
import re
from urllib.parse import unquote

__all__ = ["key_in"]

_PART = 12


def key_in(text: str, key: str) -> str:
    """Where a text shows a key, or 12 characters from either end of it, in any encoding.

    Returns:
        The surroundings of the first place, as the text reads there; empty when there is none.
    """
    parts = [part.lower() for part in _parts(key)]
    for reading in _readings(text):
        lower = reading.lower()
        for part in parts:
            at = lower.find(part)
            if at >= 0:
                return reading[max(0, at - 80) : at + 60]
    return ""


def _readings(text: str) -> list[str]:
    """The text as browsers and JSON parsers decode it, repeatedly."""
    found = [text]
    for _ in range(3):
        plain = unquote(html.unescape(found[-1]))
        if "\\" in plain:
            plain = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda digits: chr(int(digits[1], 16)), plain)
            plain = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda digits: chr(int(digits[1], 16)), plain)
            plain = plain.replace("\\", "")
        if plain == found[-1]:
            break
        found.append(plain)
    return found


def _parts(key: str) -> set[str]:
    parts = {key[:_PART], key[-_PART:]}
    for before in ("", "a", "ab"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode((before + key).encode()).decode().rstrip("=")[4:-4]
            parts |= {core[:_PART], core[-_PART:]}
    return parts
