"""Files of one node: its log with search, and the downloads of log and identity."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import IO, Any, Final

from flask import Response, render_template, request
from werkzeug.wrappers import Response as Redirect

import octaspace
from octaspace import Client

from ...browser.state import current_browser
from ...domain.log_file import SHOWN_BYTES, LogFile, read_log_file, suffix_of
from ...domain.log_search import search_log
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id
from ...web.admission import uses_download_slot
from ...web.downloads import Fetch, fetch_file, send_file
from ...web.panels import Panel, PanelRequest
from .blueprint import bp

__all__ = ["download_line"]

#: Minimum time limit for the log of a node in seconds: it is fetched whole, because the API has no other way.
_LOG_SECONDS: Final = 20.0


@bp.get("/<id:node_id>/log")
def log(node_id: str) -> str:
    """The beginning and the end of the log, with search."""
    line = download_line(node_id, "logs")
    at, began = time.time(), time.monotonic()
    file = fetch_file(line, _fetch(node_id, "logs"), seconds=max(_LOG_SECONDS, current_browser().budget))
    panel = Panel(PanelRequest("log", "Log", line), at=at, calls=file.calls, log_id=file.log_id)
    if file.content is not None:
        with file.content as content:
            panel.data = read_log_file(content)
        panel.state = "ok" if panel.data.size else "empty"
    else:
        panel.state, panel.problem = "error", file.problem
    panel.elapsed = time.monotonic() - began
    found: LogFile = panel.data or LogFile(0, ".log")
    return render_template(
        "nodes/log.html",
        log=panel,
        id=node_id,
        found=search_log(request.args, found.start, found.end),
        shown_bytes=SHOWN_BYTES,
    )


@bp.post("/<id:node_id>/ident")
@uses_download_slot
def download_ident(node_id: str) -> Response | Redirect:
    return _download(node_id, "ident", _file_name(node_id, "ident"))


@bp.post("/<id:node_id>/logs")
@uses_download_slot
def download_logs(node_id: str) -> Response | Redirect:
    return _download(node_id, "logs", lambda content: _file_name(node_id, "logs", suffix_of(content)))


def _download(node_id: str, kind: str, name: str | Callable[[IO[bytes]], str]) -> Response | Redirect:
    line = download_line(node_id, kind)
    return send_file(line, _fetch(node_id, kind), name=name, to=("nodes.show", {"node_id": node_id}))


def _fetch(node_id: str, kind: str) -> Fetch:
    def fetch(
        client: Client, to: IO[bytes], on_progress: Callable[[int, int | None], None]
    ) -> octaspace.Response[Any]:
        method = client.nodes.download_ident if kind == "ident" else client.nodes.download_logs
        return method(as_id(node_id), to=to, on_progress=on_progress)

    return fetch


def download_line(node_id: str, kind: str) -> SdkCall:
    return SdkCall(f"nodes.download_{kind}", as_id(node_id), to=_file_name(node_id, kind))


def _file_name(node_id: str, kind: str, suffix: str = "") -> str:
    """File name of a download. The name that the API gives is not used."""
    stem = f"node-{re.sub('[^0-9A-Za-z_-]', '_', node_id)[:60]}"
    if kind == "logs" and suffix in ("", ".log"):
        return f"{stem}.log"
    return f"{stem}-{kind}{suffix or '.bin'}"
