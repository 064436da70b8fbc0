"""Log lines as JSON objects, one a line, for programs that collect logs: PLAYGROUND_LOG_FORMAT=json."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Any, Final

from .app_log import exception_text

__all__ = ["MEMBERS", "JsonFormatter"]

#: Attribute of a record with further members of its line.
MEMBERS: Final = "json_members"


class JsonFormatter(logging.Formatter):
    """Writes each record as one JSON object: time, level, logger, pid and message.

    An exception is in ``exception``, without its arguments. Control characters are escaped, as JSON requires.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
            **getattr(record, MEMBERS, {}),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["exception"] = exception_text(error)
        return json.dumps(line)
