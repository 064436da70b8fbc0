"""The rent form: applications fill it in place, with and without a script, and what was typed is kept."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from .acting import changes
from .conftest import NewContext

FORM = "/playground/services/mr/rent?node_id=9101"
FIELDS = ("image", "disk_size", "ports", "http_ports", "envs", "start_command")

#: Fields that are typed, and the applications that are chosen one after the other.
TYPED = {"image": "mine:2", "envs": "CLI_ARGS=--mine\nTOKEN=very-secret\nCERT<<END\na\n\nb=\nEND"}
CHOSEN = ("Stable Diffusion", "PostgreSQL", "None (any image)", "JupyterLab", "Stable Diffusion")


def values(page: Page) -> dict[str, str]:
    return {name: page.locator(f"#{name}").input_value() for name in FIELDS}


def kept(page: Page) -> list[tuple[str | None, str]]:
    return [(mark.get_attribute("id"), mark.inner_text()) for mark in page.locator(".kept").all()]


def test_script_and_server_fill_the_form_alike(page: Page, new_context: NewContext) -> None:
    plain = new_context(java_script_enabled=False).new_page()
    for each in (page, plain):
        each.goto(FORM)
        for name, text in TYPED.items():
            each.locator(f"#{name}").fill(text)
    for app in CHOSEN:
        page.get_by_label("Application").select_option(app)
        plain.get_by_label("Application").select_option(app)
        plain.get_by_role("button", name="Use this application").click()
        expect(plain.locator("main > .notice-ok")).to_be_visible()
        assert values(page) == values(plain), app
        assert kept(page) == kept(plain), app
    assert values(page)["image"] == "mine:2"
    assert values(page)["disk_size"] == "60"
    for each in (page, plain):
        each.locator("#envs-kept").get_by_role("button", name="Use the application's value").click()
        expect(each.locator("#envs-kept")).to_have_count(0)
    assert values(page) == values(plain)
    assert "CLI_ARGS=--listen" in values(page)["envs"]
    assert "TOKEN=very-secret" in values(page)["envs"]


def test_an_app_is_filled_in_without_a_request_and_is_announced(page: Page) -> None:
    page.goto(FORM)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.locator("#ports").fill("22")
    choice = page.get_by_label("Application")
    choice.focus()
    choice.select_option("Stable Diffusion")
    expect(page.locator("#image")).to_have_value("example/stable-diffusion:2.1")
    expect(choice).to_be_focused()
    for words in ("Filled in: ", "Image", "Disk size", "HTTP ports", "Kept: TCP ports"):
        expect(page.locator("#live-region")).to_contain_text(words)
    expect(page.locator("[data-app-panel]")).to_contain_text("8 GB")
    expect(page.locator("#ports")).to_have_attribute("aria-describedby", "ports-help ports-kept")
    expect(page.get_by_role("button", name="Use this application")).to_be_hidden()
    page.locator("#ports-kept").get_by_role("button").click()
    expect(page.locator("#ports")).to_have_value("5000, 6000")
    expect(page.locator("#ports")).to_be_focused()
    choice.select_option("")
    expect(page.locator("[data-app-panel]")).to_be_hidden()
    assert requests == []
    assert page.url.endswith(FORM)


def test_the_reviewed_request_arrives(page: Page, sandbox: SandboxServer) -> None:
    page.goto(FORM)
    page.get_by_label("Application").select_option("Stable Diffusion")
    page.locator("#envs").fill("TOKEN=very-secret\nCERT<<END\nline 1\nline 2\nEND")
    page.get_by_role("button", name="Review cost").click()
    expect(page.locator("[data-sent=envs]")).to_contain_text("very-secret")
    assert "very-secret" not in page.url
    body = json.loads(page.locator("#body").inner_text())
    assert body[0]["envs"]["CERT"] == "line 1\nline 2"
    page.get_by_role("button", name="Rent now").click()
    expect(page.locator(".state-line")).to_be_visible()
    (sent,) = changes(sandbox)
    assert json.loads(sent.body) == body
