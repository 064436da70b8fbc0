"""The incident report for support, as Markdown, without the key.

It is pasted where Markdown creates links, images, mentions and issue references. Text of the API, of users
and of configurations is put in code spans, where it has no effect.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from typing import Final, NewType

import octaspace

from ...browser.client_options import OPTIONS
from ...browser.state import Browser
from ...domain.endpoint_history import MINUTES
from ...formatting import UNKNOWN, option_text, seconds, visible
from ...store import CallRow, WorkerSnapshot
from .series import Series
from .timeline import Timeline

__all__ = ["incident_report"]

#: Packages whose versions affect calls.
_PACKAGES: Final = ("Flask", "requests", "urllib3", "cachetools", "Werkzeug", "gunicorn")

_LONGEST: Final = 300

#: Text that is Markdown already: only `_ours` and `_foreign` make some.
_Markdown = NewType("_Markdown", str)


def incident_report(
    browser: Browser,
    workers: Sequence[WorkerSnapshot],
    errors: Sequence[CallRow],
    latency: Series,
    timelines: Sequence[Timeline],
) -> str:
    """Write the report of one browser.

    Args:
        browser: The browser whose settings are reported.
        workers: The last snapshot of each worker process.
        errors: Calls that failed, latest first.
        latency: Seconds per call over the last minutes.
        timelines: The history of each endpoint, the worst first.
    """
    source = browser.api_target
    lines = [
        "# OctaSpace incident report",
        "",
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC, from the playground. No key is in it.",
        "",
        f"- API target: {_foreign(source.label)}, {', '.join(_foreign(url) for url in source.endpoints)}",
        f"- API key: {f'set, {_ours(source.origin)}' if source.key else 'none'}",
        f"- Transport: {'persistent' if browser.config.keep_alive else 'standard'}",
        f"- Latency of the last {latency.count} calls: {_latency(latency)}",
        "",
        f"## Endpoints in the last {MINUTES} minutes, all worker processes together",
        "",
        *_table(
            (
                "Endpoint",
                "State",
                "Since (UTC)",
                "Cooling down",
                "Attempts",
                "Errors",
                "Error rate",
                "Median",
                "p95",
                "Cooldowns",
            ),
            [_endpoint(it) for it in timelines],
        ),
        *_minutes(timelines),
        "## Errors by class, seen in the last 12 hours",
        "",
        *_groups(timelines),
        "## Versions",
        "",
        *_table(("Package", "Version"), _versions()),
        "## Options",
        "",
        *_table(("Option", "Value in use", "SDK default"), _options(browser)),
        "total\\_timeout limits a panel. Changes have at least 60 s. Only catalogue pages use the cache.",
        "",
        "## Connections of each worker process",
        "",
        *_table(
            ("Worker", "Endpoint", "Cooling down", "In use", "Size", "Created", "Reused"),
            _connections(browser, workers),
        ),
        *_table(("Worker", "Attempts", "Retries", "Failovers", "As of"), _counters(workers)),
        *_cache(browser, workers),
        f"## Last errors ({len(errors)})",
        "",
        *_errors(errors),
    ]
    return "\n".join(lines).rstrip() + "\n"


@lru_cache(maxsize=1)
def _versions() -> list[tuple[_Markdown, ...]]:
    found = [("Flask-OctaSpace", octaspace.__version__)]
    found += [(name, version(name)) for name in _PACKAGES]
    found.append(("Python", platform.python_version()))
    rows = [tuple(map(_ours, row)) for row in found]
    return [*rows, (_ours("System"), _foreign(platform.platform()))]


def _options(browser: Browser) -> list[tuple[_Markdown, ...]]:
    values = browser.effective_options
    rows: list[tuple[_Markdown, ...]] = []
    for option in OPTIONS:
        value = values[option.name]
        if option.name == "user_agent":
            value = value or "the SDK's own"
        text = option_text(value)
        shown = _foreign(text) if isinstance(value, str) else _ours(text)
        if option.name in browser.options:
            shown = _Markdown(f"{shown} (changed)")
        rows.append((_ours(option.name), shown, _ours(option_text(option.default))))
    return rows


def _endpoint(it: Timeline) -> tuple[_Markdown, ...]:
    health, total = it.health, it.total
    rate = "-" if total.rate is None else f"{100 * total.rate:.0f} %"
    figures = (total.attempts, total.errors, rate, seconds(total.median), seconds(total.p95))
    return (
        _foreign(health.url),
        _ours(health.state),
        _ours(_time(health.failing_since)),
        _ours("no" if health.cooldown is None else seconds(health.cooldown)),
        *map(_ours, figures),
        _ours(len(it.cooldowns)),
    )


def _minutes(timelines: Sequence[Timeline]) -> list[str]:
    """The minutes in which an endpoint failed or cooled down, of each endpoint."""
    rows = [
        (
            _foreign(it.health.url),
            _ours(_time(row.at)),
            _ours(row.minute.attempts),
            _ours(row.minute.errors),
            _ours(seconds(row.minute.median)),
            _ours(seconds(row.minute.p95)),
            _ours(f"{row.cooldown:.0f} s"),
        )
        for it in timelines
        for row in it.rows
        if row.minute.errors or row.cooldown
    ]
    heads = ("Endpoint", "Minute (UTC)", "Attempts", "Errors", "Median", "p95", "Cooling down")
    return _table(heads, rows) or ["No endpoint failed or cooled down.", ""]


def _groups(timelines: Sequence[Timeline]) -> list[str]:
    rows = [
        (
            _foreign(it.health.url),
            _ours(group.words),
            _ours(group.count),
            _ours(group.calls),
            _ours(_time(group.first)),
            _ours(_time(group.last)),
            _foreign(group.message),
        )
        for it in timelines
        for group in it.history.groups
    ]
    heads = ("Endpoint", "Error", "Attempts", "Failed calls", "First (UTC)", "Last (UTC)", "Last message")
    return _table(heads, rows) or ["None.", ""]


def _connections(browser: Browser, workers: Sequence[WorkerSnapshot]) -> list[tuple[_Markdown, ...]]:
    rows = []
    for worker in workers:
        for url in browser.config.endpoints:
            pool = worker.stats.get("pools", {}).get(url, {})
            left = ((worker.stats.get("rotator") or {}).get("cooldown_left") or {}).get(url, 0.0) - worker.age
            figures = [option_text(pool[name]) if name in pool else "-" for name in _POOL]
            cooldown = seconds(left) if left > 0 else "no"
            rows.append((_process(worker), _foreign(url), _ours(cooldown), *map(_ours, figures)))
    return rows


def _cache(browser: Browser, workers: Sequence[WorkerSnapshot]) -> list[str]:
    if not browser.config.cache_ttl:
        return ["Cache: off.", ""]
    rows = []
    for worker in workers:
        cache = worker.stats.get("cache") or {}
        rows.append((_process(worker), *(_ours(cache.get(name, 0)) for name in _CACHE)))
    heads = ("Worker", "From the cache", "Asked the API", "API failed", "Kept answers", "Bytes")
    return _table(heads, rows)


_CACHE: Final = ("hits", "misses", "stale", "entries", "bytes")


def _time(at: float | None) -> str:
    return "-" if at is None else f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M:%S}"


_POOL: Final = ("in_use", "size", "created", "reused")


def _counters(workers: Sequence[WorkerSnapshot]) -> list[tuple[_Markdown, ...]]:
    return [
        (
            _process(worker),
            *(_ours(worker.stats.get(name, 0)) for name in ("requests", "retries", "failovers")),
            _ours(f"{seconds(worker.age)} ago"),
        )
        for worker in workers
    ]


def _process(worker: WorkerSnapshot) -> _Markdown:
    return _ours(worker.pid if worker.alive else f"{worker.pid} (gone)")


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
            _ours(_time(row.at)),
            _foreign(f"{row.method} {row.path}"),
            _ours(row.error or ""),
            _ours(row.status or "-"),
            _ours(row.attempts),
            _foreign(row.endpoint),
            _foreign(row.request_id),
        )
        for row in errors
    ]
    heads = ("Time (UTC)", "Call", "Error", "Status", "Attempts", "Endpoint", "Request id")
    messages = [f"- {_foreign(row.detail['message'])}" for row in errors]
    return [*_table(heads, rows), *dict.fromkeys(messages)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[_Markdown]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _ours(value: object) -> _Markdown:
    """Text of the report itself, with Markdown characters escaped."""
    return _Markdown(re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", str(value)))


def _foreign(value: str | None) -> _Markdown:
    """Foreign text on one line, in a code span; a dash for none.

    A span ends at the same number of backticks that it starts with, so it starts with more than the text
    contains in a row.
    The bar is replaced: it ends a table cell even in code, and parsers differ in how it is escaped.
    """
    line = " ".join(str(visible(value or ""))[:_LONGEST].split()).replace("|", "\u00a6")
    if not line:
        return _Markdown(UNKNOWN)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if "`" in (line[0], line[-1]) else ""
    return _Markdown(f"{fence}{space}{line}{space}{fence}")
