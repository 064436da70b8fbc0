"""Two distributions bring a package called `octaspace`; installed together, their files mix in one folder."""

from __future__ import annotations

import os
import warnings

__all__ = ["warn_on_conflict"]

#: A file that only the other distribution has.
_FOREIGN = "__about__.py"


def warn_on_conflict(folder: str) -> None:
    """Warn when the other distribution's files lie in our folder. Costs one look at the disk.

    Args:
        folder: Where this package was loaded from.
    """
    if os.path.exists(os.path.join(folder, _FOREIGN)):
        warnings.warn(
            f"The distributions Flask-OctaSpace and octaspace are both installed in {folder}, and each has "
            "overwritten files of the other. Remove both, then install the one you want: "
            "pip uninstall octaspace Flask-OctaSpace; pip install Flask-OctaSpace",
            RuntimeWarning,
            stacklevel=3,
        )
