"""Each worker sends its own spans and metrics: `gunicorn -c gunicorn.conf.py "otlp_app:create_app()"`."""

from __future__ import annotations

from typing import Any

import otlp_app

workers = 2


def post_fork(server: Any, worker: Any) -> None:
    """Start the exporters behind the fork: their threads do not survive one."""
    otlp_app.start_telemetry()
