"""Special forms for annotations, from the standard library where available.

They are imported at run time so that `typing.get_type_hints` can read the annotations. pydantic accepts the
standard library's `TypedDict` since Python 3.12.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from typing import Self, TypedDict, Unpack
else:
    from typing_extensions import Self, TypedDict, Unpack

__all__ = ["Self", "TypedDict", "Unpack"]
