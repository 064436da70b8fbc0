"""The incident report for support, as Markdown, without the key.

It is pasted where Markdown creates links, images, mentions and issue references. Text of the API, of users
and of configurations is put in code spans, where it has no effect.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from typing import Final, NewType

import octaspace

from ...browser.client_options import OPTIONS
from ...browser.state import Browser
from ...domain.endpoint_health import endpoint_health
from ...formatting import UNKNOWN, option_text, seconds, visible
from ...store import CallRow, WorkerSnapshot
from .series import Series

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
    last: Mapping[str, CallRow],
) -> str:
    """Write the report of one browser.

    Args:
        browser: The browser whose settings are reported.
        workers: The last snapshot of each worker process.
        errors: Calls that failed, latest first.
        latency: Seconds per call over the last minutes.
        last: The last call at each endpoint.
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
def _versions() -> list[tuple[_Markdown, ...]]:
    found = [("Flask-OctaSpace", octaspace.__version__)]
    found += [(name, version(name)) for name in _PACKAGES]
    found.append(("Python", platform.python_version()))
    rows = [tuple(map(_ours, row)) for row in found]
    return [*rows, (_ours("System"), _foreign(platform.platform()))]


def _options(browser: Browser) -> list[tuple[_Markdown, ...]]:
    config = browser.config
    rows: list[tuple[_Markdown, ...]] = []
    for option in OPTIONS:
        value = browser.options.get(option.name, getattr(config, option.name))
        text = option_text(value)
        shown = _foreign(text) if isinstance(value, str) else _ours(text)
        if value != option.default:
            shown = _Markdown(f"{shown} (changed)")
        rows.append((_ours(option.name), shown, _ours(option_text(option.default))))
    return rows


def _health(
    browser: Browser, workers: Sequence[WorkerSnapshot], last: Mapping[str, CallRow]
) -> list[tuple[_Markdown, ...]]:
    rows = []
    for worker in workers:
        for it in endpoint_health(browser.config.endpoints, worker.stats, last):
            pool = worker.stats.get("pools", {}).get(it.url, {})
            state = it.words if it.cooldown is None else f"in cooldown for {seconds(it.cooldown)}"
            figures = [option_text(pool[name]) if name in pool else "-" for name in _POOL]
            rows.append((_process(worker), _foreign(it.url), _ours(state), *map(_ours, figures)))
    return rows


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
            _ours(f"{datetime.fromtimestamp(row.at, timezone.utc):%H:%M:%S}"),
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
