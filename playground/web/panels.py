"""Panels: the calls of a page, made at the same time, each with a budget and an end of its own.

    panels = load(
        Ask("network", "Network", Line("network.info")),
        Ask("offers", "Offers", Line("services.mr.list"), shape=by_model),
    )
    return render_template("network/index.html", **panels)

A page costs the time of its slowest call. An error of one never touches another: it is a card in its
place. With ``?_panel=name`` only that call is made, which is how a panel is loaded again by itself; with
``?_raw=name`` the answer is its JSON as a file, for those too long to be shown whole.
"""

from __future__ import annotations

import contextvars
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from flask import Response as Page
from flask import abort, current_app, request

from octaspace import Client, Error, Response

from ..app_state import current_parts
from ..browser.state import Browser, current_browser
from ..formatting import pretty_json
from ..sdk.call import Line, curl
from ..sdk.error_card import Problem, describe
from ..sdk.recording import Call, recorded
from ..sdk.redaction import without_secrets
from ..store import RequestLog
from . import balance

__all__ = ["Ask", "Panel", "load"]

State = Literal["ok", "empty", "error", "skipped"]

#: The query parameters that ask for one panel alone, and for its answer as a file.
ONLY: Final = "_panel"
RAW: Final = "_raw"

#: How much of an answer's JSON a page shows, and of how many entries it is made.
_SHOWN_CHARACTERS: Final = 64_000
_SHOWN_ENTRIES: Final = 100

#: Name of the call for the balance in the header.
_HEADER: Final = "header_balance"


def _as_it_is(data: Any) -> Any:
    return data


def _is_empty(data: Any) -> bool:
    return data is None or (isinstance(data, (list, dict, tuple)) and not data)


@dataclass(frozen=True)
class Ask:
    """A call a page wants.

    Attributes:
        name: Name of the panel in the page; letters and underscores.
        title: Its heading.
        line: The call.
        shape: Makes what the template shows from the answer's `data`, or from what a search found; what it
            raises is the panel's error.
        empty: Whether what `shape` made is nothing to show.
        budget: Seconds it may take; by default what Settings say.
        needs: Panels whose data it is shown with; loaded again by itself, it brings them along.
    """

    name: str
    title: str
    line: Line
    shape: Callable[[Any], Any] = _as_it_is
    empty: Callable[[Any], bool] = _is_empty
    budget: float | None = None
    needs: tuple[str, ...] = ()


@dataclass
class Panel:
    """What came of an `Ask`.

    Attributes:
        ask: What was asked.
        state: ``"ok"``, ``"empty"``, ``"error"``, or ``"skipped"`` when only another panel was wanted.
        data: What `Ask.shape` made of the answer; None unless ok or empty.
        answer: The answer's `data` as the API sent it.
        problem: The error card.
        at: When it was loaded, seconds since 1970.
        elapsed: Seconds it took.
        calls: The calls behind it, with their attempts.
        log_id: Number of the last of them in the request log.
    """

    ask: Ask
    state: State = "skipped"
    data: Any = None
    answer: Any = None
    problem: Problem | None = None
    at: float = 0.0
    elapsed: float = 0.0
    calls: list[Call] = field(default_factory=list)
    log_id: int | None = None

    @property
    def name(self) -> str:
        return self.ask.name

    @property
    def title(self) -> str:
        return self.ask.title

    @property
    def line(self) -> str:
        """The Python line."""
        return str(self.ask.line)

    @property
    def attempts(self) -> int:
        return sum(len(call.attempts) for call in self.calls)

    @property
    def endpoint(self) -> str:
        return self.calls[-1].endpoint if self.calls else ""

    @property
    def request_id(self) -> str | None:
        return self.calls[-1].request_id if self.calls else None

    @cached_property
    def raw(self) -> Any:
        """The answer without secrets; made only when a page shows it, for it copies everything."""
        return without_secrets(self.answer)

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        response = self.calls[-1].response if self.calls else None
        return 0 if response is None else len(response.body)

    @cached_property
    def raw_start(self) -> str | None:
        """The beginning of an answer too long to be shown whole, as JSON; None for one that is not."""
        if self.size <= _SHOWN_CHARACTERS // 2:
            return None
        many = isinstance(self.answer, list) and len(self.answer) > _SHOWN_ENTRIES
        some = self.answer[:_SHOWN_ENTRIES] if many else self.answer
        pieces, length = [], 0
        for piece in json.JSONEncoder(indent=2, ensure_ascii=False, default=repr).iterencode(
            without_secrets(some)
        ):
            pieces.append(piece)
            length += len(piece)
            if length > _SHOWN_CHARACTERS:
                return "".join(pieces)[:_SHOWN_CHARACTERS]
        return None if some is self.answer else "".join(pieces)

    @property
    def has_data(self) -> bool:
        return self.state in ("ok", "empty")

    @property
    def curl(self) -> str | None:
        """The last call for a shell, or None when none was made."""
        if not self.calls:
            return None
        asked = self.calls[-1].request
        return curl(
            asked.method, self.endpoint, asked.path,
            params=dict(asked.params), body=without_secrets(asked.body), public=asked.public,
        )  # fmt: skip


def load(*asks: Ask, page: bool = True) -> dict[str, Panel]:
    """Make the calls of a page at the same time.

    Args:
        asks: The calls.
        page: Whether the address may ask for one panel or for its answer as a file; False where the answer is
            no page.

    Returns:
        A `Panel` for each, by name; pass them on to the template.
    """
    browser, parts = current_browser(), current_parts()
    raw = request.args.get(RAW) if page else None
    only = request.args.get(ONLY, raw) if page else None
    wanted = _wanted(asks, only, alone=raw is not None)
    panels = {ask.name: Panel(ask) for ask in asks}
    if not wanted:
        return panels
    header = None if only else balance.line_for_header(browser, [str(ask.line) for ask in wanted])
    if header is not None:
        wanted.append(Ask(_HEADER, "Balance", header, budget=balance.PATIENCE))
    with parts.clients.lease(browser.config) as client:
        running = [
            parts.executor.submit(
                contextvars.copy_context().run,
                _run,
                client.with_options(total_timeout=ask.budget or browser.budget),
                ask,
            )
            for ask in wanted
        ]
        for future in running:
            panel = future.result()
            panels[panel.name] = panel
    _write_log(browser, [panels[ask.name] for ask in wanted])
    balance.notice(browser, panels.values())
    panels.pop(_HEADER, None)
    if raw in panels:
        abort(_as_file(panels[raw]))
    return panels


def _wanted(asks: Sequence[Ask], only: str | None, *, alone: bool) -> list[Ask]:
    if only is None:
        return list(asks)
    needed = {name for ask in asks if ask.name == only and not alone for name in ask.needs}
    return [ask for ask in asks if ask.name == only or ask.name in needed]


def _as_file(panel: Panel) -> Page:
    """The whole answer; a failure has an error's status, so that no browser saves it as if it were one."""
    if panel.problem is not None:
        text = f"{panel.problem.kind}: {panel.problem.message}\n"
        return current_app.response_class(text, 502, mimetype="text/plain")
    page = current_app.response_class(pretty_json(panel.raw), mimetype="application/json")
    page.headers["Content-Disposition"] = f'attachment; filename="{panel.name}.json"'
    return page


def _run(client: Client, ask: Ask) -> Panel:
    panel = Panel(ask, at=time.time())
    began = time.monotonic()
    with recorded() as panel.calls:
        try:
            result = ask.line.run(client)
            # A search returns what it found; the answer it found it in is the recorded call's.
            response: Any = result if isinstance(result, Response) else panel.calls[-1].response
            panel.answer = response.data
            panel.data = ask.shape(panel.answer if result is response else result)
            panel.state = "empty" if ask.empty(panel.data) else "ok"
        except (Error, ValueError) as error:
            panel.state, panel.problem = "error", describe(error)
        except Exception as error:
            # An answer of a shape nobody foresaw: the panel says so, the page stays, the raw data too.
            current_app.logger.exception("The answer to %s could not be shown", ask.line.name)
            panel.state = "error"
            panel.problem = Problem(
                type(error).__name__,
                "The answer has a shape this page cannot show.",
                advice="The raw answer is below; the request log has the whole call.",
            )
    panel.elapsed = time.monotonic() - began
    return panel


def _write_log(browser: Browser, panels: list[Panel]) -> None:
    source, page = browser.source.label, request.endpoint or ""
    owners = [(panel, call) for panel in panels for call in panel.calls]
    rows = [call.row(source=source, page=page, line=panel.ask.line.kept) for panel, call in owners]
    numbers = RequestLog(current_parts().database, browser.id).append(rows)
    for (panel, _), number in zip(owners, numbers, strict=True):
        panel.log_id = number
