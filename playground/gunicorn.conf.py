"""Gunicorn's settings: `gunicorn -c playground/gunicorn.conf.py 'playground:create_app()'`."""

# ruff: noqa: N999 - Gunicorn's own name for this file.
from __future__ import annotations

import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from playground.app_state import check_rental_ledger, ensure_private_directory
from playground.secret_key import load_or_create_secret
from playground.settings import ProcessSettings, StartError, is_loopback
from playground.store import StoreError, open_database
from playground.web.access_log import AccessLogger, JsonAccessLogger

_INSTANCE = Path(__file__).resolve().parent.parent / "instance"

try:
    _settings = ProcessSettings.read(os.environ, _INSTANCE)
except StartError as error:
    sys.exit(f"Error: {error}")

bind = _settings.bind
workers = _settings.workers
# One more than requests may hold; see `playground.web.request_slots`.
threads = _settings.thread_counts.total
worker_class = "gthread"

# Longer than the longest call. Requests that are running at shutdown are still answered.
timeout = 120
graceful_timeout = 30
keepalive = 5

# Gunicorn's limits of request headers, in bytes and fields. It has no time limit: a thread of gthread waits
# for the rest of the headers indefinitely. A proxy in front has one, see docs/nginx.conf.example.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Both values work, because importing opens nothing; but a reload on HUP has to read new code.
preload_app = False

# Its default path is per user: a second instance would take over that of the first one.
control_socket_disable = True

# X-Forwarded-… headers are handled by the app, according to PLAYGROUND_PROXY_HOPS.
forwarded_allow_ips = ""

# Without query strings and referrers, which contain search terms of users.
accesslog = "-"
access_log_format = '%(t)s %(p)s "%(m)s %(U)s" %(s)s %(B)s B %(M)s ms'
logger_class = JsonAccessLogger if _settings.log_format == "json" else AccessLogger


def on_starting(server: Any) -> None:
    """Refuse invalid or unsafe settings before workers start; a RuntimeError is printed as one line."""
    _check_threads(server.cfg)
    addresses = server.cfg.bind
    if addresses != [bind]:
        _check_addresses(server.cfg, addresses)
    _check_passed_sockets()
    settings = ProcessSettings.read(os.environ, _INSTANCE)
    if settings.warning is not None:
        server.log.warning(settings.warning)
    try:
        folder = ensure_private_directory(settings.state_dir)
        if folder.stat().st_mode & 0o077:
            server.log.warning("Others can read the state folder %s: chmod 700 it", folder)
        if settings.secret_key is None:
            # For all workers, also those that start when the folder is gone.
            os.environ["SECRET_KEY"] = load_or_create_secret(folder / "secret_key")
        with closing(open_database(folder, settings.redis_url, settings.store_bytes)) as database:
            database.check()
            unsafe = database.durability_warning()
            if unsafe is not None:
                server.log.warning(unsafe)
            if settings.redis_url is None:
                # A worker that starts later must not create another file in place of one that was removed.
                os.environ["PLAYGROUND_STORE_GENERATION"] = database.generation()
    except OSError as error:
        raise StartError(
            f"The state cannot be stored in {settings.state_dir}: {error.strerror}; see PLAYGROUND_STATE_DIR"
        ) from None
    except StoreError as error:
        raise StartError(f"The state cannot be stored: {error}") from None
    check_rental_ledger(settings)


def post_fork(server: Any, worker: Any) -> None:
    """Remove the modules imported by this file, so that a reload on HUP reads all code again."""
    if not server.cfg.preload_app:
        for name in list(sys.modules):
            if name.partition(".")[0] in ("playground", "flask_octaspace", "octaspace"):
                del sys.modules[name]


def post_worker_init(worker: Any) -> None:
    """Format log lines of other packages and uncaught exceptions without data of requests.

    `/readyz` is told when the worker shuts down.
    """
    # The modules of the worker, not those that this file imported.
    from playground.settings import ProcessSettings
    from playground.web import app_log
    from playground.web.health import READINESS
    from playground.web.log_format import log_formatter

    app_log.install_hooks(log_formatter(ProcessSettings.read(os.environ, _INSTANCE)))
    readiness = getattr(worker.wsgi, "extensions", {}).get(READINESS)
    if readiness is not None:
        readiness.is_stopping = lambda: not worker.alive


def worker_exit(server: Any, worker: Any) -> None:
    """Close the connections of the worker's clients."""
    # Missing if the app failed to start; a middleware around the app has no extensions.
    state = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("playground")
    if state is not None:
        state.close()


def _check_threads(cfg: Any) -> None:
    """Refuse `--threads`: the limits of request kinds depend on PLAYGROUND_THREADS."""
    if cfg.threads != threads:
        raise StartError("Set PLAYGROUND_THREADS instead of --threads")


def _check_addresses(cfg: Any, addresses: list[str]) -> None:
    """Check the addresses of `-b`: what the app allows depends on the address it listens at."""
    for address in addresses:
        ProcessSettings.read({**os.environ, "PLAYGROUND_BIND": address}, _INSTANCE)
    if len(addresses) > 1 and not all(map(is_loopback, addresses)):
        raise StartError("Several addresses that others can reach: set PLAYGROUND_BIND to one of them")
    if cfg.preload_app and not all(map(is_loopback, addresses)):
        raise StartError("With --preload set PLAYGROUND_BIND instead of -b")
    os.environ["PLAYGROUND_BIND"] = addresses[0]


def _check_passed_sockets() -> None:
    """Refuse a socket of systemd at another address: Gunicorn would listen there without the checks above."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return
    expected = os.environ.get("PLAYGROUND_BIND", bind)
    for number in range(int(os.environ.get("LISTEN_FDS", "0"))):
        with socket.socket(fileno=os.dup(3 + number)) as passed:  # systemd begins at 3
            address = _text_of(passed.getsockname())
        if address != expected:
            raise StartError(
                f"systemd passes a socket at {address}, and PLAYGROUND_BIND is {expected}: "
                "set both to the same"
            )


def _text_of(address: Any) -> str:
    """The address of a socket as in PLAYGROUND_BIND."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
