"""Settings of this browser: endpoints, key, and every option of the SDK."""

from __future__ import annotations

from typing import Any, Final, cast

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response
from wtforms import BooleanField, PasswordField, StringField, TextAreaField

from octaspace import Config, ConfigurationError

from ...app_state import current_app_state
from ...browser.api_target import ApiTarget, ApiTargetError, TargetKind, available_targets, check_custom
from ...browser.client_options import CODE_ONLY, GROUPS, OPTIONS, PANEL_BUDGET, OptionError, parse_option
from ...browser.copied_lines import shown_key
from ...browser.state import Browser, current_browser
from ...domain.stop_after import parse_hours
from ...sdk.copied_line import KEY_VARIABLE
from ...web.form_actions import ChangeForm, once, outcome
from .connection_check import try_endpoints, verdict

bp = Blueprint("settings", __name__, url_prefix="/playground/settings")

_HERE = "settings.index"

#: Fields with the hours that rent forms begin with, and what of `Browser.stop_after` each is.
_STOP_AFTER: Final = {"stop_after_other": "other", "stop_after_sandbox": "sandbox"}


class SourceForm(ChangeForm):
    """Endpoints, and the key for exactly these endpoints."""

    kind = StringField()
    base_urls = TextAreaField()
    api_key = PasswordField()
    forget = BooleanField()


@bp.get("")
def index() -> str:
    current_browser().require_state()  # it is what the page shows
    return _page()


@bp.post("/source")
def save_source() -> Response | tuple[str, int]:
    form = SourceForm()
    browser = current_browser()
    try:
        source = _chosen_source(form)
        key = _typed_key(form)
    except _FieldError as error:
        typed = {"kind": form.kind.data, "base_urls": form.base_urls.data}
        return _page(errors={error.field: str(error)}, typed=typed), 422

    def act() -> dict[str, Any]:
        browser.write("source", {"kind": source.kind, "endpoints": source.endpoints})
        if form.forget.data:
            browser.save_key(source, None)
        elif key is not None:
            browser.save_key(source, key)
        now = browser.api_target
        key_words = f"with the key {now.masked_key} ({now.origin})" if now.key else "without a key"
        findings = try_endpoints(browser)  # it is saved whatever comes of it
        well, tested = verdict(findings)
        text = f"Saved. This browser now uses {', '.join(now.endpoints)}, {key_words}. {tested}"
        return {**_outcome(text), "ok": well, "findings": findings}

    return once(form.once.data or "", act, (_HERE, {}))


@bp.post("/options")
def save_options() -> Response | tuple[str, int]:
    form = ChangeForm()
    chosen: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for option in OPTIONS:
        text = request.form.get(option.name, "").strip()
        if not text:
            continue
        try:
            chosen[option.name] = parse_option(option.name, text)
        except OptionError as error:
            errors[option.name] = str(error)
    if errors:
        return _page(errors=errors, typed=request.form.to_dict()), 422

    def act() -> dict[str, Any]:
        current_browser().write("options", chosen)
        names = ", ".join(chosen) or "none; all are at their defaults"
        return _outcome(f"Saved for this browser. Changed options: {names}.")

    return once(form.once.data or "", act, (_HERE, {}))


@bp.post("/rentals")
def save_rentals() -> Response | tuple[str, int]:
    """Save the hours that the rent forms begin with."""
    form = ChangeForm()
    typed = {name: request.form.get(name, "").strip()[:40] for name in _STOP_AFTER}
    errors = {}
    for name, text in typed.items():
        try:
            parse_hours(text)
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        return _page(errors=errors, typed=typed), 422

    def act() -> dict[str, Any]:
        current_browser().write("rentals", {key: typed[name] for name, key in _STOP_AFTER.items()})
        return _outcome("Saved for this browser. Rent forms start with these hours.")

    return once(form.once.data or "", act, (_HERE, {}))


@bp.post("/reset")
def reset() -> Response:
    def act() -> dict[str, Any]:
        current_browser().write("options", {})
        return _outcome("Every option is back at its default. Endpoints and keys are unchanged.")

    return once(ChangeForm().once.data or "", act, (_HERE, {}))


@bp.post("/test")
def test_connection() -> Response:
    def act() -> dict[str, Any]:
        findings = try_endpoints(current_browser())
        well, text = verdict(findings)
        return {**_outcome(text), "ok": well, "findings": findings}

    return once(ChangeForm().once.data or "", act, (_HERE, {}))


class _FieldError(ValueError):
    """What was typed into a field cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _chosen_source(form: SourceForm) -> ApiTarget:
    process = current_app_state().process
    kind = cast(TargetKind, form.kind.data)
    if kind != "custom":
        source = available_targets(process).get(kind)
        if source is None:
            raise _FieldError("kind", "Choose one of these.")
        return source
    urls = [part.strip() for part in (form.base_urls.data or "").replace(",", "\n").splitlines()]
    try:
        endpoints = Config(base_urls=[url for url in urls if url]).endpoints
        check_custom(process, endpoints)
    except (ConfigurationError, ApiTargetError) as error:
        raise _FieldError("base_urls", str(error)) from None
    return ApiTarget("custom", endpoints)


def _typed_key(form: SourceForm) -> str | None:
    """The key typed, or None when the field was left empty, which keeps the one that is saved."""
    key = form.api_key.data
    if not key:
        return None
    try:
        Config(api_key=key)
    except ConfigurationError as error:
        raise _FieldError("api_key", str(error)) from None
    return str(key)


def _python(browser: Browser) -> str:
    """The line that makes a client like this browser's; a key that is not the sandbox's own is a variable."""
    config, base = browser.config, Config()
    shown = shown_key(config.endpoints[0])
    words = [f'os.environ["{KEY_VARIABLE}"]' if shown is None else repr(shown)] * (config.api_key is not None)
    if len(config.endpoints) > 1:
        words.append(f"base_urls={list(config.endpoints)!r}")
    elif config.endpoints != base.endpoints:
        words.append(f"base_url={config.endpoints[0]!r}")
    values = browser.effective_options
    for option in OPTIONS:
        value = values[option.name]
        if value != option.default:
            words.append(f"{option.name}={value!r}")
    # Not the playground's own ledger: the line runs elsewhere, and a URL of Redis may contain a password.
    words.append("rental_ledger='sqlite:///rentals.db'")
    return f"client = octaspace.Client({', '.join(words)})"


def _outcome(text: str) -> dict[str, Any]:
    return {"ok": True, "text": text, "problem": None, "endpoint": _HERE, "values": {}}


def _page(errors: dict[str, str] | None = None, typed: dict[str, Any] | None = None) -> str:
    browser: Browser = current_browser()
    parts = current_app_state()
    there = available_targets(parts.process)
    base = parts.clients.base_config
    result = outcome()
    return render_template(
        "settings/index.html",
        errors=errors or {},
        typed=typed or {},
        source=browser.api_target,
        sources={kind: browser.with_key(source) for kind, source in there.items()},
        allowed=parts.process.allowed_endpoints,
        groups=[(name, [option for option in OPTIONS if option.group == name]) for name in GROUPS],
        code_only=CODE_ONLY,
        chosen=browser.options,
        stop_after={name: browser.stop_after[key] for name, key in _STOP_AFTER.items()},
        here={
            **{option.name: getattr(base, option.name) for option in OPTIONS},
            "total_timeout": PANEL_BUDGET,
        },
        findings=(result or {}).get("findings"),
        python=_python(browser),
    )
