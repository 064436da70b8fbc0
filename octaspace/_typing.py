"""Special forms for annotations, from the standard library where it has them.

They are imported at run time, so that `typing.get_type_hints` can read the annotations. pydantic accepts the
`TypedDict` of the standard library from Python 3.12 on.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from typing import Self, TypedDict, Unpack
else:
    from typing_extensions import Self, TypedDict, Unpack

__all__ = ["Self", "TypedDict", "Unpack"]
