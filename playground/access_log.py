"""Gunicorn's access log: the path written as it is asked for, so that no terminal obeys what is in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

__all__ = ["AccessLogger"]


class AccessLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own writes the decoded path: with line ends, and whatever else somebody put into it."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace")
        atoms["U"] = quote(path, safe="/:@~!$&'()*+,;=")
        return atoms
