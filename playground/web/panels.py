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

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from flask import Flask, abort, current_app, request
from flask import Response as Page

from octaspace import Client, Error, InvalidResponseError, Response, UnexpectedShapeError

from ..app_state import current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser, current_browser
from ..formatting import pretty_json
from ..sdk.call import SdkCall, curl
from ..sdk.error_card import UNEXPECTED_SHAPE, Problem, describe, log_unexpected_shape
from ..sdk.recording import Call, recorded
from ..sdk.redaction import without_secrets
from .responses import as_attachment

__all__ = ["Companion", "Panel", "PanelRequest", "load", "register_companion"]

State = Literal["ok", "empty", "error", "skipped"]

#: The query parameters that ask for one panel alone, and for its answer as a file.
ONLY: Final = "_panel"
RAW: Final = "_raw"

#: How much of an answer's JSON a page shows, and of how many entries it is made.
_SHOWN_CHARACTERS: Final = 64_000
_SHOWN_ENTRIES: Final = 100

#: Name of the companions in `app.extensions`.
_COMPANIONS: Final = "playground.panel_companions"


def _as_it_is(data: Any) -> Any:
    return data


def _is_empty(data: Any) -> bool:
    return data is None or (isinstance(data, (list, dict, tuple)) and not data)


@dataclass(frozen=True)
class PanelRequest:
    """A call a page wants.

    Attributes:
        name: Name of the panel in the page; letters and underscores.
        title: Its heading.
        line: The call.
        shape: Makes what the template shows from the answer's `data`, or from what a search found. It raises
            `octaspace.UnexpectedShapeError` for an answer that it cannot read.
        empty: Whether what `shape` made is nothing to show.
        budget: Seconds it may take; by default what Settings say.
        needs: Panels whose data it is shown with; loaded again by itself, it brings them along.
    """

    name: str
    title: str
    line: SdkCall
    shape: Callable[[Any], Any] = _as_it_is
    empty: Callable[[Any], bool] = _is_empty
    budget: float | None = None
    needs: tuple[str, ...] = ()


@dataclass
class Panel:
    """What came of an `PanelRequest`.

    Attributes:
        ask: What was asked.
        state: ``"ok"``, ``"empty"``, ``"error"``, or ``"skipped"`` when only another panel was wanted.
        data: What `PanelRequest.shape` made of the answer; None unless ok or empty.
        answer: The answer's `data` as the API sent it.
        problem: The error card.
        at: When it was loaded, seconds since 1970.
        elapsed: Seconds it took.
        calls: The calls behind it, with their attempts.
        log_id: Number of the last of them in the request log.
    """

    ask: PanelRequest
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


class Companion(Protocol):
    """Part of the frame that may add a call to those of a page, such as the balance in the header."""

    def ask(self, browser: Browser, asks: Sequence[PanelRequest]) -> PanelRequest | None:
        """The call to make in addition to `asks`, or None. Its panel is not passed to the page."""
        ...

    def loaded(self, browser: Browser, panels: Iterable[Panel]) -> None:
        """See all panels, those of companions included, once their calls have ended."""
        ...


def register_companion(app: Flask, companion: Companion) -> None:
    """Have a companion asked at every `load` of the app."""
    app.extensions.setdefault(_COMPANIONS, []).append(companion)


def load(*asks: PanelRequest, page: bool = True) -> dict[str, Panel]:
    """Make the calls of a page at the same time.

    Args:
        asks: The calls.
        page: Whether the address may ask for one panel or for its answer as a file; False where the answer is
            no page.

    Returns:
        A `Panel` for each, by name; pass them on to the template.
    """
    browser, parts = current_browser(), current_app_state()
    raw = request.args.get(RAW) if page else None
    only = request.args.get(ONLY, raw) if page else None
    wanted = _wanted(asks, only, alone=raw is not None)
    panels = {ask.name: Panel(ask) for ask in asks}
    if not wanted:
        return panels
    companions: list[Companion] = current_app.extensions.get(_COMPANIONS, [])
    extra = [ask for it in companions if (ask := it.ask(browser, wanted)) is not None] if not only else []
    wanted += extra
    with parts.clients.lease(browser.config) as client:
        running = [
            parts.submit(_run, client.with_options(total_timeout=ask.budget or browser.budget), ask)
            for ask in wanted
        ]
        for future in running:
            panel = future.result()
            panels[panel.name] = panel
    _write_log(browser, [panels[ask.name] for ask in wanted])
    for companion in companions:
        companion.loaded(browser, panels.values())
    for ask in extra:
        del panels[ask.name]
    if raw in panels:
        abort(_as_file(panels[raw]))
    return panels


def _wanted(asks: Sequence[PanelRequest], only: str | None, *, alone: bool) -> list[PanelRequest]:
    if only is None:
        return list(asks)
    needed = {name for ask in asks if ask.name == only and not alone for name in ask.needs}
    return [ask for ask in asks if ask.name == only or ask.name in needed]


def _as_file(panel: Panel) -> Page:
    """The whole answer, also one of an unexpected shape.

    A failure without one has an error's status, so that no browser saves it as if it were the answer.
    """
    if panel.problem is not None and panel.answer is None:
        text = f"{panel.problem.kind}: {panel.problem.message}\n"
        return current_app.response_class(text, 502, mimetype="text/plain")
    page = current_app.response_class(pretty_json(panel.raw), mimetype="application/json")
    return as_attachment(page, f"{panel.name}.json")


def _run(client: Client, ask: PanelRequest) -> Panel:
    panel = Panel(ask, at=time.time())
    began = time.monotonic()
    with recorded() as panel.calls:
        try:
            result = ask.line.run(client)
        except UnexpectedShapeError as error:  # a search has read the answer
            _cannot_be_read(panel, error, None if error.response is None else error.response.data)
        except (Error, ValueError) as error:  # of the call: a ValueError is about its arguments
            panel.state, panel.problem = "error", describe(error)
            if isinstance(error, InvalidResponseError) and error.response is not None:
                data = error.response.data
                panel.answer = data if isinstance(data, (dict, list)) else None
        else:
            # A search returns what it found; the answer it found it in is the recorded call's.
            response: Any = result if isinstance(result, Response) else panel.calls[-1].response
            panel.answer = response.data
            try:
                panel.data = ask.shape(panel.answer if result is response else result)
                panel.state = "empty" if ask.empty(panel.data) else "ok"
            except Exception as error:
                _cannot_be_read(panel, error, panel.answer)
    panel.elapsed = time.monotonic() - began
    return panel


def _cannot_be_read(panel: Panel, error: Exception, answer: Any) -> None:
    """Say so in the panel, in the app's log and in the request log; the page and the raw data stay."""
    panel.state, panel.data, panel.answer = "error", None, answer
    if isinstance(error, UnexpectedShapeError):
        log_unexpected_shape(panel.ask.line.name, error, panel.request_id)
        panel.problem = replace(describe(error), request_id=panel.request_id)
        if panel.calls and panel.calls[-1].error is None:
            panel.calls[-1].error = error
    else:
        # A mistake of ours: the page has read more into the answer than was checked.
        current_app.logger.exception(
            "The answer to %s could not be shown [request id %s]", panel.ask.line.name, panel.request_id
        )
        panel.problem = Problem(
            type(error).__name__,
            "This page cannot show what came.",
            title=UNEXPECTED_SHAPE,
            request_id=panel.request_id,
            advice="The raw answer is below; the request log has the whole call.",
        )


def _write_log(browser: Browser, panels: list[Panel]) -> None:
    log = CallLog.of_page(browser)
    owners = [(panel, call) for panel in panels for call in panel.calls]
    numbers = log.append([log.row(call, panel.ask.line.redacted) for panel, call in owners])
    for (panel, _), number in zip(owners, numbers, strict=True):
        panel.log_id = number
