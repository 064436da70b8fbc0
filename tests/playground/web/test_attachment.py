"""File downloads: the Content-Disposition header."""

from __future__ import annotations

import pytest
from werkzeug.wrappers import Response

from playground.web.responses import as_attachment


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("panel.json", "panel.json"),
        ("octaspace-smoke-20260102-030405.json", "octaspace-smoke-20260102-030405.json"),
        ('session-a"; x="b\r\nX-Evil: 1.log', "session-a___x__b__X-Evil__1.log"),
        ("session-é\ud800.log", "session-__.log"),
        ("session-../../etc.log", "session-.._.._etc.log"),
        ("x" * 500 + ".log", "x" * 120 + ".log"),
    ],
)
def test_file_name_is_sanitized(name: str, written: str) -> None:
    response = as_attachment(Response(), name)
    assert response.headers["Content-Disposition"] == f'attachment; filename="{written}"'
