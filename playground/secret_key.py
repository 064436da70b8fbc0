"""The key that signs cookies: created once by the first process, and shared by all."""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from .settings import StartError

__all__ = ["load_or_create_secret"]

_HEX_DIGITS: Final = 64
_KEY: Final = re.compile(rb"[0-9a-f]{%d}" % _HEX_DIGITS)

_REMOVE: Final = "remove it to create a new key, which logs every browser out, or set SECRET_KEY"


def load_or_create_secret(path: Path) -> str:
    """Read the key from a file. A missing file is created, readable by its owner only.

    Args:
        path: The file, in an existing folder.

    Raises:
        StartError: It cannot be read or created, or does not contain a key; one line that names the file.
    """
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except IsADirectoryError:
        raise StartError(f"{path} is a directory, not the key that signs cookies: {_REMOVE}") from None
    except PermissionError:
        raise StartError(
            f"{path}, the key that signs cookies, cannot be used by this user: make the user that runs the "
            "playground its owner, with mode 0600, or set SECRET_KEY"
        ) from None
    except OSError as error:
        raise StartError(
            f"{path}, the key that signs cookies, cannot be used: {error.strerror}; set SECRET_KEY to do "
            "without the file"
        ) from None


def _create(path: Path) -> None:
    # Written under a temporary name and then linked, which succeeds for one process only. No reader sees a
    # partial key.
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(_HEX_DIGITS // 2))
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)


def _read(path: Path) -> str:
    if not path.is_dir() and not path.is_file():  # a pipe would never end
        raise StartError(f"{path} is not a file with the key that signs cookies: {_REMOVE}")
    content = path.read_bytes().strip()
    if not _KEY.fullmatch(content):
        raise StartError(f"{path} does not contain a key that signs cookies: {_REMOVE}")
    # Only now: it is known to be a key file.
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o022:
        raise StartError(
            f"Others can replace {path}, the key that signs cookies (mode {mode:04o}): {_REMOVE}"
        )
    if mode & 0o077:
        path.chmod(0o600)
    return content.decode()
