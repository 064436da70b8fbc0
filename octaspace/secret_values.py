"""Values with a masked repr: keys, URLs with a password, and what was passed in place of them.

Frames keep their locals, and error trackers send the reprs of these away. Functions that take a key therefore
mask it before they check anything.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = [
    "ApiKey", "MaskedUrl", "ShortText", "UnusableValue", "mask_key", "mask_short", "mask_url", "type_name",
]  # fmt: skip

#: Up to the last @: also the password in a URL that is refused.
_USER_INFO: Final = re.compile(r"(?<=://).*@", re.DOTALL)

#: From 12 characters on, a part of a key is treated like the key; see `octaspace.key_mask`.
_MAX_SHORT: Final = 11


class ApiKey(str):
    """A key whose repr is masked: in a config, in a headers dict, in a frame's locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class MaskedUrl(str):
    """A URL, or several; the repr shows no user name and no password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(self.masked)

    @property
    def masked(self) -> str:
        """The URL with ``***`` in place of user name and password; ``***`` alone if it is not a URL."""
        # Without a scheme it may be a key that was given as the wrong option.
        return _USER_INFO.sub("***@", str(self)) if "://" in self else "***"


class ShortText(str):
    """The text of an option that takes no long one. The repr of a long text is masked: it may be a key that
    was given as the wrong option.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if len(self) <= _MAX_SHORT else "'***'"


class UnusableValue:
    """Replaces a value that is going to be refused and may contain a secret, such as a key as bytes.

    Attributes:
        kind: The name of the value's type; nothing else is kept.
    """

    __slots__ = ("kind",)

    def __init__(self, value: object) -> None:
        self.kind = type_name(value)

    def __repr__(self) -> str:
        return f"<{self.kind} ***>"


def mask_key(key: Any) -> Any:
    """The key as an `ApiKey`; None as it is; an `UnusableValue` for anything else."""
    if key is None or isinstance(key, (ApiKey, UnusableValue)):
        return key
    # str.__str__ returns the text itself also for a subclass with another __str__, such as an Enum.
    return ApiKey(str.__str__(key)) if isinstance(key, str) else UnusableValue(key)


def mask_url(url: Any) -> Any:
    """The URL as a `MaskedUrl`, or a list of such; None as it is; an `UnusableValue` for anything else."""
    if url is None or isinstance(url, UnusableValue):
        return url
    if isinstance(url, (list, tuple)):
        return [mask_url(one) if isinstance(one, str) else UnusableValue(one) for one in url]
    return MaskedUrl(str.__str__(url)) if isinstance(url, str) else UnusableValue(url)


def mask_short(value: Any) -> Any:
    """The value of an option that takes no long text and no collection, with a masked repr if it is one."""
    if isinstance(value, (bytes, list, tuple, dict, set)):
        return UnusableValue(value)
    return ShortText(str.__str__(value)) if isinstance(value, str) else value


def type_name(value: object) -> str:
    """The name of the type that the user passed."""
    if isinstance(value, UnusableValue):
        return value.kind
    return "str" if isinstance(value, (ApiKey, MaskedUrl, ShortText)) else type(value).__name__
