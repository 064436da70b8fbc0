"""`python -m tests.support.renamed_parts NAME [pytest …]`: rename a part of a library, as a release may.

The attribute is renamed in its classes and in every function of its modules, so that the library still works.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

__all__ = ["MODULES", "rename"]

#: By name: the modules that define and use the part.
MODULES = {
    "_new_conn": ("urllib3.connection", "urllib3.contrib.socks"),
    "_socks_options": ("urllib3.contrib.socks",),
    "sslobj": ("urllib3.util.ssltransport",),
    "incoming": ("urllib3.util.ssltransport",),
    "suppress_ragged_eofs": ("ssl", "urllib3.util.ssltransport"),
    "begin": ("http.client",),
    "chunked": ("http.client",),
    "chunk_left": ("http.client",),
    "length": ("http.client", "urllib3.connectionpool"),  # urllib3 1.26 logs it
    "will_close": ("http.client",),
}


def rename(name: str) -> None:
    """Rename a part of `MODULES` before the SDK is imported."""
    assert "octaspace" not in sys.modules
    for module in map(importlib.import_module, MODULES[name]):
        for member in list(vars(module).values()):
            if getattr(member, "__module__", None) == module.__name__:
                _rename_in(member, name)


def _rename_in(member: Any, name: str) -> None:
    if isinstance(member, type):
        for inner in list(vars(member).values()):
            _rename_in(inner, name)
        if name in vars(member):
            setattr(member, f"{name}_renamed", vars(member)[name])
            delattr(member, name)
    elif isinstance(member, property):
        for function in filter(None, (member.fget, member.fset)):
            _rename_in(function, name)
    else:
        function = getattr(member, "__func__", member)
        if isinstance(function, types.FunctionType):
            function.__code__ = _renamed(function.__code__, name)


def _renamed(code: types.CodeType, name: str) -> types.CodeType:
    names = tuple(f"{name}_renamed" if used == name else used for used in code.co_names)
    inner = tuple(
        _renamed(const, name) if isinstance(const, types.CodeType) else const for const in code.co_consts
    )
    return code.replace(co_names=names, co_consts=inner)


if __name__ == "__main__":
    rename(sys.argv[1])
    import pytest

    sys.exit(pytest.main(sys.argv[2:]))
