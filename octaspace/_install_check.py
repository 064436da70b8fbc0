"""Detect two distributions that install a package called `octaspace` into the same directory."""

from __future__ import annotations

import os
import warnings

__all__ = ["warn_on_conflict"]

#: A file that only the other distribution contains.
_MARKER_FILE = "__about__.py"


def warn_on_conflict(folder: str) -> None:
    """Warn if the other distribution's files are in our directory. Costs one `os.path.exists`.

    Args:
        folder: The directory this package was loaded from.
    """
    if os.path.exists(os.path.join(folder, _MARKER_FILE)):
        warnings.warn(
            f"The distributions Flask-OctaSpace and octaspace are both installed in {folder}, and each has "
            "overwritten files of the other. Remove both, then install the one you want: "
            "pip uninstall octaspace Flask-OctaSpace; pip install Flask-OctaSpace",
            RuntimeWarning,
            stacklevel=3,
        )
