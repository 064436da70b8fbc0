"""Gunicorn's log lines without control characters; of a request they contain only the path."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from .app_log import SafeFormatter
from .json_log import MEMBERS, JsonFormatter

__all__ = ["AccessLogger", "JsonAccessLogger"]


class AccessLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger with escaped paths and without request data.

    The base class writes the decoded path with any line ends in it, unfiltered exceptions, and the request
    line or header that it could not parse.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            # Any other kind comes from the operator's logging configuration.
            if type(handler.formatter) is logging.Formatter:
                handler.formatter.__class__ = SafeFormatter  # with the format that it has

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        # One of the arguments is the URL of the request, with its query.
        paths = [arg.partition("?")[0] if isinstance(arg, str) else arg for arg in args]
        super().exception(msg, *paths, **kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        found = re.match(r"Invalid request from ip=\S*:(?= )", msg) if isinstance(msg, str) else None
        if found is not None:
            # The rest is the part of the request that cannot be parsed.
            kind = sys.exc_info()[0]
            msg, args = "%s %s", (found[0], "it cannot be parsed" if kind is None else kind.__name__)
        super().warning(msg, *args, **kwargs)

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace")
        atoms["U"] = quote(path, safe="/:@~!$&'()*+,;=")
        return atoms


class JsonAccessLogger(AccessLogger):
    """Gunicorn's logger with JSON lines; one of a request has its parts as members as well."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            # Any other kind comes from the operator's logging configuration.
            if type(handler.formatter) in (logging.Formatter, SafeFormatter):
                handler.setFormatter(JsonFormatter())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Log a request: method, path without query, status, bytes of the body, and seconds."""
        if not self.access_log_enabled:
            return
        atoms = self.atoms(resp, req, environ, request_time)
        status = str(atoms["s"])
        members = {
            "method": atoms["m"],
            "path": atoms["U"],
            "status": int(status) if status.isdigit() else status,
            "bytes": atoms["B"],
            "seconds": round(request_time.total_seconds(), 6),
        }
        text = f"{members['method']} {members['path']} {status}"
        self.access_log.info("%s", text, extra={MEMBERS: members})
