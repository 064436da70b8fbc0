"""Gunicorn's settings: `gunicorn -c playground/gunicorn.conf.py 'playground:create_app()'`."""

# ruff: noqa: N999 - Gunicorn's own name for this file.
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playground.process import ProcessSettings

bind = os.environ.get("PLAYGROUND_BIND", "127.0.0.1:3000")
workers = int(os.environ.get("PLAYGROUND_WORKERS", "2"))
threads = int(os.environ.get("PLAYGROUND_THREADS", "8"))
worker_class = "gthread"

# Longer than the longest call; a request under way when we are told to stop is still answered.
timeout = 120
graceful_timeout = 30
keepalive = 5

# Right either way, because importing opens nothing; but a reload on HUP should read new code.
preload_app = False

# Its default path is one per user: a second instance would take the first one's over.
control_socket_disable = True

# Without query strings and referrers, which say what somebody looked for.
accesslog = "-"
access_log_format = '%(t)s %(p)s "%(m)s %(U)s" %(s)s %(B)s B %(M)s ms'


def on_starting(server: Any) -> None:
    """Refuse an address given by `-b` on the command line as we refuse one in the environment."""
    for address in server.cfg.bind:
        ProcessSettings.read({**os.environ, "PLAYGROUND_BIND": address}, state_dir=Path())


def worker_exit(server: Any, worker: Any) -> None:
    """Close the connections of the worker's clients."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["playground"].close()
