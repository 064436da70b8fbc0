"""Panels: the calls of a page, made concurrently, each with its own time limit and result.

    panels = load(
        PanelRequest("network", "Network", SdkCall("network.info")),
        PanelRequest("offers", "Offers", SdkCall("services.mr.list"), shape=by_model),
    )
    return render_template("network/index.html", **panels)

A page takes as long as its slowest call. An error affects its own panel only, which shows an error card. With
``?_panel=name`` only that call is made: this is how a panel is reloaded. With ``?_raw=name`` the response is
the panel's JSON as a file, for answers too long to be shown whole.

Each load is a request to the API, unless a panel has `PanelRequest.cached`, as those of the catalogue pages:
it may show an answer of the client's cache, and says its age. With ``?_fresh=1`` the cache is emptied first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from flask import Flask, abort, current_app, request
from flask import Response as Page

from octaspace import AuthenticationError, Client, Error, InvalidResponseError, Response, UnexpectedShapeError

from ..app_state import current_app_state
from ..browser.background import is_background
from ..browser.call_log import CallLog
from ..browser.copied_lines import copied_curl
from ..browser.key_state import note_key_of_calls
from ..browser.state import Browser, current_browser
from ..formatting import pretty_json
from ..sdk.call import SdkCall
from ..sdk.copied_line import CopiedLine
from ..sdk.error_card import UNEXPECTED_SHAPE, Problem, describe, log_unexpected_shape
from ..sdk.json_start import json_start
from ..sdk.recording import RecordedCalls, record_calls
from ..sdk.redaction import without_secrets
from .responses import as_attachment

__all__ = ["Companion", "Panel", "PanelRequest", "load", "register_companion"]

State = Literal["ok", "empty", "error", "skipped"]

#: The query parameters that request a single panel, its answer as a file, and answers not from the cache.
ONLY: Final = "_panel"
RAW: Final = "_raw"
FRESH: Final = "_fresh"

#: Maximum number of characters of an answer's JSON on a page, and of entries it is made from.
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
    """A call that a page needs.

    Attributes:
        name: Name of the panel in the page; letters and underscores.
        title: Its heading.
        line: The call.
        shape: Converts the answer's `data`, or the result of a search, for the template. It raises
            `octaspace.UnexpectedShapeError` for an answer that it cannot read.
        empty: Whether the result of `shape` is empty.
        budget: Time limit in seconds; the one of Settings by default.
        needs: Panels whose data it needs; they are loaded with it when it is reloaded.
        cached: Whether an answer from the cache will do: for lists that are shown with their age.
    """

    name: str
    title: str
    line: SdkCall
    shape: Callable[[Any], Any] = _as_it_is
    empty: Callable[[Any], bool] = _is_empty
    budget: float | None = None
    needs: tuple[str, ...] = ()
    cached: bool = False


@dataclass
class Panel:
    """The result of a `PanelRequest`.

    Attributes:
        request: The request.
        state: ``"ok"``, ``"empty"``, ``"error"``, or ``"skipped"`` when only another panel was requested.
        data: What `PanelRequest.shape` made of the answer; None unless ok or empty.
        answer: The `data` of the answer, unchanged.
        problem: The error card.
        at: When it was loaded, seconds since 1970.
        elapsed: Seconds it took.
        calls: The calls behind it, with their attempts.
        log_id: Number of the last of them in the request log.
    """

    request: PanelRequest
    state: State = "skipped"
    data: Any = None
    answer: Any = None
    problem: Problem | None = None
    at: float = 0.0
    elapsed: float = 0.0
    calls: RecordedCalls = field(default_factory=RecordedCalls)
    log_id: int | None = None

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def title(self) -> str:
        return self.request.title

    @property
    def line(self) -> str:
        """The Python line."""
        return str(self.request.line)

    @property
    def attempts(self) -> int:
        return sum(len(call.attempts) for call in self.calls)

    @property
    def endpoint(self) -> str:
        return self.calls[-1].endpoint if self.calls else ""

    @property
    def request_id(self) -> str | None:
        return self.calls[-1].request_id if self.calls else None

    @property
    def from_cache(self) -> bool:
        """Whether the answer comes from the cache."""
        return self._response is not None and self._response.from_cache

    @property
    def stale(self) -> bool:
        """Whether it is an older answer from the cache, because the API failed."""
        return self._response is not None and self._response.stale

    @property
    def age(self) -> float:
        """Age of the answer in seconds; 0 unless it comes from the cache."""
        return 0.0 if self._response is None else self._response.age

    @property
    def _response(self) -> Response[Any] | None:
        return self.calls[-1].response if self.calls else None

    @cached_property
    def raw(self) -> Any:
        """The answer without secrets; computed on demand, because it copies the whole answer."""
        return without_secrets(self.answer)

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        return 0 if self._response is None else len(self._response.body)

    @cached_property
    def raw_start(self) -> str | None:
        """The beginning of an answer too long to be shown whole, as JSON; None for a shorter one."""
        if self.size <= _SHOWN_CHARACTERS // 2:
            return None
        return json_start(self.answer, _SHOWN_CHARACTERS, _SHOWN_ENTRIES)

    @property
    def key_was_refused(self) -> bool:
        """Whether it failed because the API refused the key, or because there is none."""
        refused = self.problem is not None and self.problem.kind == AuthenticationError.__name__
        return refused and bool(self.calls) and not self.calls[-1].request.public

    @property
    def has_data(self) -> bool:
        return self.state in ("ok", "empty")

    @cached_property
    def curl(self) -> CopiedLine | None:
        """The last call as a curl command, or None without calls."""
        if not self.calls:
            return None
        last = self.calls[-1].request
        return copied_curl(
            last.method, self.calls[-1].address, last.path, params=last.params,
            body=without_secrets(last.body), public=last.public, expects=last.expects,
        )  # fmt: skip


class Companion(Protocol):
    """Part of the layout that may add a call to those of a page, such as the balance in the header."""

    def panel_request(self, browser: Browser, requests: Sequence[PanelRequest]) -> PanelRequest | None:
        """The call to make in addition to `requests`, or None. Its panel is not passed to the page."""
        ...

    def loaded(self, browser: Browser, panels: Iterable[Panel]) -> None:
        """Receive all panels, those of companions included, after their calls."""
        ...


def register_companion(app: Flask, companion: Companion) -> None:
    """Register a companion for every `load` of the app."""
    app.extensions.setdefault(_COMPANIONS, []).append(companion)


def load(*requests: PanelRequest, page: bool = True) -> dict[str, Panel]:
    """Make the calls of a page concurrently.

    Args:
        requests: The calls.
        page: Whether the URL may request a single panel or its answer as a file; False where the response is
            not a page.

    Returns:
        A `Panel` for each request, by name, for the template.
    """
    browser, state = current_browser(), current_app_state()
    raw = request.args.get(RAW) if page else None
    only = request.args.get(ONLY, raw) if page else None
    if only is not None:
        browser.require_state()  # the rest of the page may show another API target
    wanted = _wanted(requests, only, alone=raw is not None)
    panels = {each.name: Panel(each) for each in requests}
    if not wanted:
        return panels
    companions: list[Companion] = current_app.extensions.get(_COMPANIONS, [])
    alone = only is not None and not is_background()  # an automatic refresh may refresh companions as well
    added = [] if alone else [companion.panel_request(browser, wanted) for companion in companions]
    extra = [each for each in added if each is not None]
    wanted += extra
    clients = state.clients
    with (
        clients.lease(browser.config) as asking,
        clients.lease(browser.config, use_cache=True) as caching,
    ):
        if page and FRESH in request.args and any(each.cached for each in wanted):
            caching.clear_cache()
        running = []
        for each in wanted:
            client = caching if each.cached else asking
            timed = client.with_options(total_timeout=each.budget or browser.budget)
            running.append(state.submit(_run, timed, each))
        for future in running:
            panel = future.result()
            panels[panel.name] = panel
    _write_log(browser, [panels[each.name] for each in wanted], {each.name for each in extra})
    note_key_of_calls(browser, [call for each in wanted for call in panels[each.name].calls])
    for companion in companions:
        companion.loaded(browser, panels.values())
    for each in extra:
        del panels[each.name]
    if raw in panels:
        abort(_as_file(panels[raw]))
    return panels


def _wanted(requests: Sequence[PanelRequest], only: str | None, *, alone: bool) -> list[PanelRequest]:
    if only is None:
        return list(requests)
    needed = {name for each in requests if each.name == only and not alone for name in each.needs}
    return [each for each in requests if each.name == only or each.name in needed]


def _as_file(panel: Panel) -> Page:
    """The whole answer as a file, also when it has an unexpected shape.

    A failure without an answer has an error status, so that a browser does not save it as the answer.
    """
    if panel.problem is not None and panel.answer is None:
        text = f"{panel.problem.kind}: {panel.problem.message}\n"
        return current_app.response_class(text, 502, mimetype="text/plain")
    page = current_app.response_class(pretty_json(panel.raw), mimetype="application/json")
    return as_attachment(page, f"{panel.name}.json")


def _run(client: Client, panel_request: PanelRequest) -> Panel:
    panel = Panel(panel_request, at=time.time())
    began = time.monotonic()
    with record_calls() as panel.calls:
        try:
            result = panel_request.line.run(client)
        except UnexpectedShapeError as error:  # raised by a search, which reads the answer
            _set_unreadable(panel, error, None if error.response is None else error.response.data)
        except (Error, ValueError) as error:  # of the call; a ValueError means invalid arguments
            panel.state, panel.problem = "error", describe(error)
            if isinstance(error, InvalidResponseError) and error.response is not None:
                data = error.response.data
                panel.answer = data if isinstance(data, (dict, list)) else None
        else:
            # A search returns offers; the answer itself is in the recorded call.
            response: Any = result if isinstance(result, Response) else panel.calls[-1].response
            panel.answer = response.data
            try:
                panel.data = panel_request.shape(panel.answer if result is response else result)
                panel.state = "empty" if panel_request.empty(panel.data) else "ok"
            except Exception as error:
                _set_unreadable(panel, error, panel.answer)
    panel.elapsed = time.monotonic() - began
    return panel


def _set_unreadable(panel: Panel, error: Exception, answer: Any) -> None:
    """Report an unreadable answer in the panel, the app's log and the request log; keep the raw data."""
    panel.state, panel.data, panel.answer = "error", None, answer
    if isinstance(error, UnexpectedShapeError):
        log_unexpected_shape(panel.request.line.name, error, panel.request_id)
        panel.problem = replace(describe(error), request_id=panel.request_id)
        panel.calls.mark_unreadable(error)
    else:
        # A bug in this app: the page relies on something in the answer that was not checked.
        current_app.logger.exception(
            "The answer to %s could not be shown [request id %s]", panel.request.line.name, panel.request_id
        )
        panel.problem = Problem(
            type(error).__name__,
            "This page cannot show the answer.",
            title=UNEXPECTED_SHAPE,
            request_id=panel.request_id,
            advice="The raw answer is below; the request log has the whole call.",
        )


def _write_log(browser: Browser, panels: list[Panel], companions: Collection[str]) -> None:
    # The calls of companions are automatic.
    log, refreshes = CallLog.for_current_page(browser), CallLog.for_current_page(browser, source="refresh")
    owners = [(panel, call) for panel in panels for call in panel.calls]
    numbers = log.append(
        [
            (refreshes if panel.name in companions else log).row(call, panel.request.line.redacted)
            for panel, call in owners
        ]
    )
    for (panel, _), number in zip(owners, numbers, strict=True):
        panel.log_id = number
