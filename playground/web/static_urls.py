"""The URL of static files, which changes whenever one of them changes.

The hash is a folder of the path, not a query: scripts import each other by relative URLs, and style sheets
refer to fonts in the same way, so all of them inherit it. Therefore every file can be cached for a year.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

__all__ = ["url_path"]

_FOLDER = Path(__file__).parent.parent / "static"


def url_path() -> str:
    """The path of static files, those of Bootstrap-Flask included."""
    digest = hashlib.sha256(version("Bootstrap-Flask").encode())
    for path in sorted(file for file in _FOLDER.rglob("*") if file.is_file()):
        digest.update(path.relative_to(_FOLDER).as_posix().encode())
        digest.update(path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"
