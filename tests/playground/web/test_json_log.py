"""Log lines as JSON: one line each, without the arguments of exceptions."""

from __future__ import annotations

import json
import logging
import sys

from playground.web.json_log import JsonFormatter


def test_an_exception_is_a_member_without_its_arguments() -> None:
    try:
        raise ValueError("typed text")
    except ValueError:
        record = logging.LogRecord(
            "playground", logging.ERROR, __file__, 1, "It failed:\n%s", ("a\x1b[2J\u2028b",), sys.exc_info()
        )
    text = JsonFormatter().format(record)
    assert text.isascii()
    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == "It failed:\na\x1b[2J\u2028b"
    assert (line["level"], line["logger"]) == ("error", "playground")
    assert line["exception"].splitlines()[0] == "Traceback (most recent call last):"
    assert line["exception"].splitlines()[-1] == "ValueError"
    assert "typed text" not in text
