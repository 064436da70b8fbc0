"""Errors of Redis in words that repeat no part of a URL and nothing that the server was sent."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Final

__all__ = ["describe_redis_error"]

#: What the operator has to know about an error answer, by its first word.
_MEANINGS: Final = {
    "NOAUTH": "it requires a password",
    "WRONGPASS": "the user name or the password is wrong",
    "NOPERM": "its user lacks the rights for a command or a key",
    "LOADING": "it is still loading its data: try again in a moment",
    "READONLY": "it is a read-only replica: use the address of the primary",
    "MISCONF": "it refuses writes, because it cannot save its data to disk",
    "OOM": "its memory is full",
    "NOREPLICAS": "it refuses writes, because it has too few replicas",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "CLUSTERDOWN": "its cluster is down",
}

#: redis-py removes the first word of these, and has a class for each.
_CODES: Final = {
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
    "NoPermissionError": "NOPERM",
    "BusyLoadingError": "LOADING",
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
}

#: The first word of an error answer: MISCONF, OOM, NOAUTH.
_CODE: Final = re.compile(r"[A-Z]{2,20}")

#: redis-py raises the same class for a missing and for a wrong password.
_NO_PASSWORD: Final = re.compile(r"NOAUTH|authentication required|HELLO must be called", re.IGNORECASE)

#: Within a script, a refusal for lack of rights has the code ERR.
_NO_RIGHTS: Final = re.compile(r"(ERR )?(The user executing the script can't|ACL failure in script)")

_MAX_CAUSES: Final = 8


def describe_redis_error(error: BaseException) -> str:
    """Describe an error of redis-py.

    An answer of Redis may repeat values, and a message of redis-py the host, which may be a part of a
    mistyped password: only the code of an answer, and the cause as the system names it, are used.

    Args:
        error: The exception.

    Returns:
        What went wrong, with the code of the answer or the class of the exception in parentheses.
    """
    kind = type(error).__name__
    code = _code(error)
    if code in _MEANINGS:
        return f"{_MEANINGS[code]} ({code})"
    if code:
        return f"{code} ({kind})"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return f"{cause.reason or 'TLS failed'} ({kind})"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror} ({kind})"
    return kind


def _code(error: BaseException) -> str:
    """The code of an error answer; empty for an error without an answer."""
    kind = type(error).__name__
    code = _CODES.get(kind, "")
    if code == "WRONGPASS" and _NO_PASSWORD.search(str(error)):
        return "NOAUTH"
    if not code and "ResponseError" in {each.__name__ for each in type(error).__mro__}:
        if _NO_RIGHTS.match(str(error)):
            return "NOPERM"
        first = str(error).partition(" ")[0]
        return first if _CODE.fullmatch(first) else ""
    return code


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__
