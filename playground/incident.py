"""The incident report: what somebody who is to help needs to know, as Markdown, without the key."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

import octaspace

from .browser import Browser
from .endpoint_health import endpoint_health
from .formatting import option_text, seconds, visible
from .options import OPTIONS
from .series import Series
from .store import CallRow, Snapshot

__all__ = ["incident_report"]

#: Packages whose versions matter for how calls travel.
_PACKAGES: Final = ("Flask", "requests", "urllib3", "cachetools", "Werkzeug", "gunicorn")

_LONGEST: Final = 300


def incident_report(
    browser: Browser,
    workers: Sequence[Snapshot],
    errors: Sequence[CallRow],
    latency: Series,
    last: Mapping[str, CallRow],
) -> str:
    """Write the report of one browser.

    Args:
        browser: Whose settings count.
        workers: What each worker process last said of its client.
        errors: Calls that failed, latest first.
        latency: Seconds per call over the last minutes.
        last: The last call at each endpoint.
    """
    source = browser.source
    lines = [
        "# OctaSpace incident report",
        "",
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC, from the playground. No key is in it.",
        "",
        f"- Speaking to: {_text(source.label)}, {', '.join(_code(url) for url in source.endpoints)}",
        f"- API key: {f'set, {_text(source.origin)}' if source.key else 'none'}",
        f"- Transport: {'persistent' if browser.config.keep_alive else 'standard'}",
        f"- Latency of the last {latency.count} calls: {_latency(latency)}",
        "",
        "## Versions",
        "",
        *_table(("Package", "Version"), _versions()),
        "## Options",
        "",
        *_table(("Option", "Value", "Default"), _options(browser)),
        "## Endpoints, as each worker process sees them",
        "",
        *_table(
            ("Worker", "Endpoint", "State", "In use", "Size", "Created", "Reused"),
            _health(browser, workers, last),
        ),
        *_table(("Worker", "Attempts", "Retries", "Failovers", "As of"), _counters(workers)),
        f"## Last errors ({len(errors)})",
        "",
        *_errors(errors),
    ]
    return "\n".join(lines).rstrip() + "\n"


@lru_cache(maxsize=1)
def _versions() -> list[tuple[str, ...]]:
    found = [("Flask-OctaSpace", octaspace.__version__)]
    found += [(name, version(name)) for name in _PACKAGES]
    return [*found, ("Python", platform.python_version()), ("System", platform.platform())]


def _options(browser: Browser) -> list[tuple[str, ...]]:
    config = browser.config
    rows: list[tuple[str, ...]] = []
    for option in OPTIONS:
        value = browser.options.get(option.name, getattr(config, option.name))
        mark = " (changed)" if value != option.default else ""
        rows.append((option.name, f"{option_text(value)}{mark}", option_text(option.default)))
    return rows


def _health(
    browser: Browser, workers: Sequence[Snapshot], last: Mapping[str, CallRow]
) -> list[tuple[str, ...]]:
    rows = []
    for worker in workers:
        for it in endpoint_health(browser.config.endpoints, worker.stats, last):
            pool = worker.stats.get("pools", {}).get(it.url, {})
            state = it.words if it.cooldown is None else f"left alone for {seconds(it.cooldown)}"
            figures = [option_text(pool[name]) if name in pool else "-" for name in _POOL]
            rows.append((_process(worker), it.url, state, *figures))
    return rows


_POOL: Final = ("in_use", "size", "created", "reused")


def _counters(workers: Sequence[Snapshot]) -> list[tuple[str, ...]]:
    return [
        (
            _process(worker),
            *(str(worker.stats.get(name, 0)) for name in ("requests", "retries", "failovers")),
            f"{seconds(worker.age)} ago",
        )
        for worker in workers
    ]


def _process(worker: Snapshot) -> str:
    return str(worker.pid) if worker.alive else f"{worker.pid} (gone)"


def _latency(series: Series) -> str:
    if not series.count:
        return "none in the last minutes"
    figures = {
        "min": series.minimum, "median": series.median, "p95": series.p95, "last": series.last,
    }  # fmt: skip
    return ", ".join(f"{name} {seconds(value)}" for name, value in figures.items())


def _errors(errors: Sequence[CallRow]) -> list[str]:
    if not errors:
        return ["None in this browser's log."]
    rows = [
        (
            f"{datetime.fromtimestamp(row.at, timezone.utc):%H:%M:%S}",
            f"{row.method} {row.path}",
            row.error or "",
            str(row.status or "-"),
            str(row.attempts),
            row.endpoint or "-",
            row.request_id or "-",
        )
        for row in errors
    ]
    heads = ("Time (UTC)", "Call", "Error", "Status", "Attempts", "Endpoint", "Request id")
    messages = [f"- {_code(row.detail['message'] or '')}" for row in errors]
    return [*_table(heads, rows), *dict.fromkeys(messages)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows),
        "",
    ]


def _text(value: Any) -> str:
    """Foreign text that stays text in Markdown: one line, nothing that links, shows pictures or is markup."""
    line = " ".join(str(visible(str(value)))[:_LONGEST].split())
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", line)


def _code(value: str) -> str:
    return f"`{' '.join(str(visible(value))[:_LONGEST].replace('`', chr(39)).split())}`"
