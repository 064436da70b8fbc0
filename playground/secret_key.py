"""The key that signs cookies: created once by the first worker, and shared by all."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from .settings import StartError

__all__ = ["load_or_create_secret"]

_HEX_DIGITS: Final = 64


def load_or_create_secret(path: Path) -> str:
    """Read the key from a file. A missing file is created, readable by its owner only.

    Args:
        path: The file, in an existing folder.

    Raises:
        StartError: The file does not contain a key.
        OSError: It cannot be read or written.
    """
    if not path.exists():
        # Written under a temporary name and then linked, which succeeds for one worker only. No reader sees a
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
    secret = path.read_text().strip()
    if len(secret) != _HEX_DIGITS:
        raise StartError(f"{path} does not contain a key; remove the file to create a new one")
    # Only now: it is known to be a key file.
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return secret
