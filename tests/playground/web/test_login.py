"""The login: required before every page, compared exactly, protected against guessing."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from playground.settings import ProcessSettings
from playground.web import login

from ..browsing import ORIGIN, Visitor
from ..conftest import MakeApp

PASSWORD = "open sesame ünïcode"
LOGIN = "/playground/login"
SETTINGS = "/playground/settings"


class Guest(Visitor):
    """A client that has not logged in, with an IP address."""

    def __init__(self, app: Flask, address: str = "192.0.2.1") -> None:
        super().__init__(app)
        self.address = address

    def enter(self, password: str) -> TestResponse:
        page = self.page(LOGIN)
        data = {"csrf_token": page.select('[name="csrf_token"]')[0]["value"], "password": password}
        return self.client.post(
            LOGIN, data=data, base_url=ORIGIN, environ_overrides={"REMOTE_ADDR": self.address}
        )

    def is_in(self) -> bool:
        return self.get(SETTINGS).status_code == 200

    def id(self) -> str:
        return str(self.session().get("browser"))


@pytest.fixture
def guarded(process: ProcessSettings) -> ProcessSettings:
    return replace(process, password=PASSWORD)


@pytest.fixture
def app(guarded: ProcessSettings, make_app: MakeApp) -> Flask:
    return make_app(guarded)


def test_password_is_required_before_any_page(app: Flask) -> None:
    guest = Guest(app)
    for path in ("/", "/playground/", SETTINGS, "/playground/nothing", "/playground/requests/log.har"):
        assert guest.get(path).headers["Location"] == LOGIN, path
    for path in ("/playground/settings/reset", "/playground/theme"):
        assert guest.client.post(path, base_url=ORIGIN).headers["Location"] == LOGIN, path
        of_script = {"X-Requested-With": "fetch"}
        answer = guest.client.post(path, base_url=ORIGIN, headers=of_script)
        assert (answer.status_code, answer.data) == (401, b"You are logged out.\n")
    assert guest.get("/healthz").data == b"ok\n"
    assert guest.get(f"{app.static_url_path}/css/tokens.css").status_code == 200
    assert "Settings" not in guest.get(LOGIN).get_data(as_text=True)


def test_only_the_exact_password_is_accepted(app: Flask) -> None:
    guest = Guest(app)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " "):
        answer = guest.enter(wrong)
        assert answer.status_code == 401
        assert "Wrong password" in answer.get_data(as_text=True)
        assert not guest.is_in()
    answer = guest.enter(PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/playground/dashboard")
    assert guest.is_in()
    assert not Guest(app).is_in()


def test_login_renews_the_id_and_logout_ends_the_session(app: Flask) -> None:
    guest = Guest(app)
    guest.get(SETTINGS)
    before = guest.id()
    guest.enter(PASSWORD)
    inside = guest.id()
    assert inside != before
    guest.post("/playground/logout")
    assert not guest.is_in()
    thief = Guest(app)
    thief.get(LOGIN)
    for known in (before, inside):
        thief.save_session({**thief.session(), "browser": known})
        assert not thief.is_in(), "an id from before the login, or after the logout, opens nothing"


def test_changed_password_ends_every_login(app: Flask, guarded: ProcessSettings, make_app: MakeApp) -> None:
    guest = Guest(app)
    guest.enter(PASSWORD)
    guest.client.application = make_app(guarded)
    assert guest.is_in(), "a restart alone does not"
    guest.client.application = make_app(replace(guarded, password="another one"))
    assert not guest.is_in()


def test_guessing_is_slowed_down_and_the_password_still_works(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(login, "pause", waits.append)
    guesser = Guest(app)
    assert [guesser.enter(str(guess)).status_code for guess in range(8)] == [401] * 8
    assert len(waits) == 2, "five are free, and so is the first in line"
    assert 0 < waits[0] <= 0.5
    assert 0.5 < waits[1] <= 1.0
    assert Guest(app, "192.0.2.2").enter(PASSWORD).status_code == 303
    assert len(waits) == 2, "who comes from elsewhere does not wait"
    assert Guest(app).enter(PASSWORD).status_code == 303, (
        "not even from the guesser's own address is it refused"
    )
    assert len(waits) == 3
    assert guesser.enter("wrong").status_code == 401
    assert len(waits) == 3, "the count starts at zero again"


def test_too_many_attempts_get_a_retry_after(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(app.extensions["playground"].database, "clock", lambda: now)
    monkeypatch.setattr(login, "pause", lambda seconds: None)
    guesser = Guest(app)
    assert [guesser.enter("wrong").status_code for _ in range(14)] == [401] * 14
    answer = Guest(app).enter("wrong")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Too many wrong passwords from your address. Try again in 1 s." in answer.get_data(as_text=True)


def test_few_threads_wait_at_the_login(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt without a slot is checked when it need not wait, and gets a Retry-After otherwise."""
    seats = app.extensions["playground"].login_slots
    taken = 0
    while seats.acquire(blocking=False):
        taken += 1
    assert taken == 4
    guesser = Guest(app)
    assert [guesser.enter("wrong").status_code for _ in range(7)] == [401] * 6 + [429]
    assert Guest(app, "192.0.2.2").enter(PASSWORD).status_code == 303
    for _ in range(taken):
        seats.release()


def test_failures_are_delayed_when_many_addresses_guess(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(login, "pause", waits.append)
    now = time.time()
    monkeypatch.setattr(app.extensions["playground"].database, "clock", lambda: now)
    for number in range(60):
        assert Guest(app, f"198.51.100.{number}").enter("wrong").status_code == 401
    assert waits == pytest.approx([0.1 * place for place in range(1, 10)], abs=0.001)
    assert Guest(app).enter(PASSWORD).status_code == 303
    assert len(waits) == 9, "the right password is not held back"


def test_login_form_requires_the_csrf_token(app: Flask) -> None:
    answer = Guest(app).client.post(LOGIN, data={"password": PASSWORD}, base_url=ORIGIN)
    assert answer.status_code == 400
    refused = Guest(app).client.post(
        LOGIN, data={"password": PASSWORD}, base_url=ORIGIN, headers={"Origin": "http://evil.example"}
    )
    assert refused.status_code == 403
