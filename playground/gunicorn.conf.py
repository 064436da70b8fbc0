"""Gunicorn's settings: `gunicorn -c playground/gunicorn.conf.py 'playground:create_app()'`."""

# ruff: noqa: N999 - Gunicorn's own name for this file.
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from playground.app_state import private_folder
from playground.settings import ProcessSettings, StartError, is_loopback
from playground.store import StoreError, open_database
from playground.web.access_log import AccessLogger

_INSTANCE = Path(__file__).resolve().parent.parent / "instance"

try:
    _settings = ProcessSettings.read(os.environ, _INSTANCE)
except StartError as error:
    sys.exit(f"Error: {error}")

bind = _settings.bind
workers = _settings.workers
# Those that requests may hold, and one more; see `playground.web.request_slots`.
threads = _settings.thread_counts.total
worker_class = "gthread"

# Longer than the longest call; a request under way when we are told to stop is still answered.
timeout = 120
graceful_timeout = 30
keepalive = 5

# Gunicorn's own limits of a head, in bytes and fields. It has none in time: a thread of gthread waits for the
# rest of a head for as long as the client likes. A proxy in front does not, see docs/nginx.conf.example.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Right either way, because importing opens nothing; but a reload on HUP should read new code.
preload_app = False

# Its default path is one per user: a second instance would take the first one's over.
control_socket_disable = True

# X-Forwarded-… is believed only as PLAYGROUND_PROXY_HOPS says, by the app.
forwarded_allow_ips = ""

# Without query strings and referrers, which say what somebody looked for.
accesslog = "-"
access_log_format = '%(t)s %(p)s "%(m)s %(U)s" %(s)s %(B)s B %(M)s ms'
logger_class = AccessLogger


def on_starting(server: Any) -> None:
    """Refuse what would fail, or be open to others, before there are workers; a RuntimeError is one line."""
    _check_threads(server.cfg)
    addresses = server.cfg.bind
    if addresses != [bind]:
        _check_addresses(server.cfg, addresses)
    settings = ProcessSettings.read(os.environ, _INSTANCE)
    if settings.warning is not None:
        server.log.warning(settings.warning)
    try:
        folder = private_folder(settings.state_dir)
        if folder.stat().st_mode & 0o077:
            server.log.warning("Others can look into the folder of the state, %s: chmod 700 it", folder)
        database = open_database(folder, settings.redis_url, settings.store_bytes)
        database.check()
        database.close()
    except OSError as error:
        raise StartError(f"The state cannot be kept in {settings.state_dir}: {error.strerror}") from None
    except StoreError as error:
        raise StartError(f"The state cannot be kept: {error}") from None


def post_fork(server: Any, worker: Any) -> None:
    """Forget what this file has imported, so that a reload on HUP reads new code, all of it."""
    if not server.cfg.preload_app:
        for name in list(sys.modules):
            if name.partition(".")[0] in ("playground", "flask_octaspace", "octaspace"):
                del sys.modules[name]


def post_worker_init(worker: Any) -> None:
    """Have what no logger sees written without the arguments of requests, too."""
    from playground.web import app_log  # what the worker has imported, not what this file has

    app_log.install_hooks()


def worker_exit(server: Any, worker: Any) -> None:
    """Close the connections of the worker's clients."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["playground"].close()


def _check_threads(cfg: Any) -> None:
    """Threads given by `--threads` would all be held by pages: how many may be goes by the variable."""
    if cfg.threads != threads:
        raise StartError("Give the threads by PLAYGROUND_THREADS instead of --threads")


def _check_addresses(cfg: Any, addresses: list[str]) -> None:
    """Addresses given by `-b`: what the app allows goes by where it listens, so it has to know."""
    for address in addresses:
        ProcessSettings.read({**os.environ, "PLAYGROUND_BIND": address}, _INSTANCE)
    if len(addresses) > 1 and not all(map(is_loopback, addresses)):
        raise StartError("Several addresses that others can reach: give one of them by PLAYGROUND_BIND")
    if cfg.preload_app and not all(map(is_loopback, addresses)):
        raise StartError("With --preload give the address by PLAYGROUND_BIND instead of -b")
    os.environ["PLAYGROUND_BIND"] = addresses[0]
