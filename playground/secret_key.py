"""The key that signs cookies: made once, by whichever worker is first, and the same for all."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from .settings import StartError

__all__ = ["kept_secret"]

_HEX_DIGITS: Final = 64


def kept_secret(path: Path) -> str:
    """The key in a file; makes the file, readable by its owner alone, when there is none.

    Args:
        path: The file, in a folder that is there.

    Raises:
        StartError: The file holds no key.
        OSError: It cannot be read or written.
    """
    if not path.exists():
        # Written first and then given its name, which only one worker can do: nobody reads half a key.
        handle, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(_HEX_DIGITS // 2))
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    secret = path.read_text().strip()
    if len(secret) != _HEX_DIGITS:
        raise StartError(f"{path} holds no key; remove it to have one made")
    # Only now: it is a file of ours.
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return secret
