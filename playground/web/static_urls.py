"""The address of static files, which changes whenever one of them does.

The hash is a folder of the path, not a query: scripts import each other by relative names, and style
sheets name their fonts so, and all of them inherit it. So every one may be cached for a year.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

__all__ = ["url_path"]

_FOLDER = Path(__file__).parent.parent / "static"


def url_path() -> str:
    """The path below which static files are served, ours and those of Bootstrap-Flask."""
    digest = hashlib.sha256(version("Bootstrap-Flask").encode())
    for path in sorted(file for file in _FOLDER.rglob("*") if file.is_file()):
        digest.update(path.relative_to(_FOLDER).as_posix().encode())
        digest.update(path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"
