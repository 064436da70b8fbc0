"""The form of a rental: every option, filled from offers and apps, and what is wrong said at its field."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer, journal
from playground.domain.offers import SERVICES, Service
from playground.pages.rent.fields import FIELDS
from playground.pages.rent.parsing import read_order

from ...browsing import Visitor, text_of
from .renting import DIFFUSION, MACHINE, SERVICES_PAGE, offers_of, order, rentals


@pytest.mark.parametrize("service", list(SERVICES))
def test_a_form_has_every_option_of_the_sdk(visitor: Visitor, service: Service) -> None:
    page = visitor.page(f"{SERVICES_PAGE}/{service}/rent")
    names = {str(field["name"]) for field in page.select("#main form [name]")} - {
        "csrf_token",
        "step",
        "filled",
    }
    wanted = {
        "mr": {"node_id", "disk_size", "image", "app", "envs", "ports", "http_ports", "start_command",
               "entrypoint", "organization_id", "project_id"},
        "vpn": {"node_id", "subkind", "protocol"},
        "render": {"node_id", "disk_size", "envs", "multi_gpu_worker"},
    }  # fmt: skip
    assert names == wanted[service] | {"name", "max_duration"} == {field.name for field in FIELDS[service]}
    for name in names:
        assert page.select(f'label[for="{name}"]'), name
        assert page.select(f"#{name}-help"), name


def test_using_an_offer_fills_the_form(visitor: Visitor) -> None:
    link = offers_of(visitor.page(f"{SERVICES_PAGE}?tab=render"))[0]
    page = visitor.page(link)
    node = link.rpartition("=")[2]
    assert page.select("#node_id")[0]["value"] == node
    assert f"Node {node}" in text_of(page.select("#panel-offer")[0])
    assert "per hour" in text_of(page.select("#panel-offer")[0])


def test_an_app_fills_the_form_by_way_of_the_offers(visitor: Visitor) -> None:
    offers = visitor.page(f"{SERVICES_PAGE}?tab=mr&app={DIFFUSION}")
    banner = offers.select(".notice-app")[0]
    assert "Stable Diffusion" in text_of(banner)
    assert "8 GB" in text_of(banner)
    narrow = visitor.page(str(banner.select("a")[0]["href"]))
    assert narrow.select("#f-min_vram_gb")[0]["value"] == "8"
    page = visitor.page(offers_of(narrow)[0])
    filled = {
        name: str(page.select(f"#{name}")[0]["value"])
        for name in ("image", "ports", "http_ports", "disk_size")
    }
    assert filled["image"] == "example/stable-diffusion:2.1"
    assert (filled["ports"], filled["http_ports"], filled["disk_size"]) == ("5000, 6000", "8080", "60")
    assert text_of(page.select("#envs")[0]) == "CLI_ARGS=--listen"
    assert page.select("#app option[selected]")[0]["value"] == DIFFUSION
    unknown = visitor.page(f"{SERVICES_PAGE}?app=nobody")
    assert unknown.select('.notice-warn a[href="/playground/services?tab=mr"]')


def fields_of(page: BeautifulSoup) -> dict[str, str]:
    """What a form holds, as a browser would send it."""
    form = page.select("form[data-apps]")[0]
    fields = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[name]")}
    envs = form.select("#envs")[0].get_text().removeprefix("\n")
    chosen = form.select("#app option[selected]")
    return {**fields, "envs": envs, "app": str(chosen[0]["value"]) if chosen else ""}


def sent(visitor: Visitor, page: BeautifulSoup, step: str, **typed: str) -> BeautifulSoup:
    """Press a button of the form, and follow it."""
    fields = {name: text for name, text in fields_of(page).items() if name != "csrf_token"}
    return visitor.follow(visitor.post(f"{SERVICES_PAGE}/mr/rent", step=step, **{**fields, **typed}))


def test_an_app_is_filled_in_and_what_was_typed_is_kept_and_marked(visitor: Visitor) -> None:
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103")
    page = sent(
        visitor, page, "fill", app=DIFFUSION, image="mine:2", ports="22", entrypoint="/bin/sh",
        envs="CLI_ARGS=--mine\nTOKEN=very-secret",
    )  # fmt: skip
    fields = fields_of(page)
    assert fields["node_id"] == "9103"
    assert (fields["image"], fields["ports"], fields["entrypoint"]) == ("mine:2", "22", "/bin/sh")
    assert (fields["disk_size"], fields["http_ports"], fields["filled"]) == ("60", "8080", DIFFUSION)
    assert fields["envs"].split() == ["CLI_ARGS=--mine", "TOKEN=very-secret"]
    marks = {str(mark["id"]): text_of(mark) for mark in page.select(".kept")}
    assert set(marks) == {"image-kept", "ports-kept", "envs-kept"}
    assert "example/stable-diffusion:2.1" in marks["image-kept"]
    assert "5000, 6000" in marks["ports-kept"]
    assert "CLI_ARGS=--listen" in marks["envs-kept"]
    assert "very-secret" not in marks["envs-kept"]
    assert "image-kept" in str(page.select("#image")[0]["aria-describedby"])
    assert "3 values" in text_of(page.select("main > .notice-ok")[0])
    assert page.select("details.more[open]")
    # One value at a time is taken from the application.
    page = sent(visitor, page, "take:image")
    assert fields_of(page)["image"] == "example/stable-diffusion:2.1"
    assert [str(mark["id"]) for mark in page.select(".kept")] == ["ports-kept", "envs-kept"]
    page = sent(visitor, page, "take:envs")
    assert fields_of(page)["envs"].split() == ["CLI_ARGS=--listen", "TOKEN=very-secret"]


def test_another_app_replaces_what_the_first_one_filled_in(visitor: Visitor) -> None:
    postgres = DIFFUSION.replace("801", "807")
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103&app={DIFFUSION}")
    page = sent(visitor, page, "fill", app=postgres, disk_size="70")
    fields = fields_of(page)
    assert (fields["image"], fields["ports"], fields["http_ports"]) == ("postgres:17", "5432", "")
    assert fields["envs"].strip() == "POSTGRES_PASSWORD=change-me"
    assert fields["disk_size"] == "70"
    page = sent(visitor, page, "fill", app="")
    fields = fields_of(page)
    assert (fields["image"], fields["ports"], fields["envs"].strip()) == ("ubuntu:24.04", "", "")
    assert (fields["disk_size"], page.select(".kept")) == ("70", [])


def test_review_of_an_app_that_is_not_filled_in_fills_it_in_first(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    """Without a script: the image of the default must not be rented under the name of an application."""
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103")
    page = sent(visitor, page, "review", app=DIFFUSION)
    assert page.select("form[data-apps]")
    assert fields_of(page)["image"] == "example/stable-diffusion:2.1"
    page = sent(visitor, page, "review")
    assert text_of(page.select('[data-sent="image"]')[0]) == "example/stable-diffusion:2.1"


def test_values_of_a_form_are_in_no_url(visitor: Visitor) -> None:
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103")
    for step in ("fill", "take:envs", "review"):
        fields = {**fields_of(page), "app": DIFFUSION, "envs": "TOKEN=very-secret"}
        answer = visitor.post(
            f"{SERVICES_PAGE}/mr/rent", step=step, **{**fields, "csrf_token": visitor.token()}
        )
        assert "very-secret" not in str(answer.headers["Location"])
        page = visitor.follow(answer)
        links = [str(link["href"]) for link in page.select("a[href]")]
        assert not [link for link in links if "very-secret" in link]


def test_without_the_catalogue_the_app_stays_chosen_and_can_be_rented(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=503, path="/apps", methods=["GET"])
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103&app={DIFFUSION}")
    assert page.select("#app")[0]["value"] == DIFFUSION
    assert "not filled in" in text_of(page.select("main > .notice-warn")[0])
    form = {str(tag["name"]): str(tag.get("value", "")) for tag in page.select("#main form input[name]")}
    answer = visitor.post(
        f"{SERVICES_PAGE}/mr/rent", step="review", **{**form, "csrf_token": visitor.token()}
    )
    assert page.select("#panel-apps .problem")
    assert visitor.follow(answer).select('[data-sent="app"]')


def test_without_the_offers_the_form_and_its_review_say_that_the_price_is_unknown(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=503, path="/services/mr", methods=["GET"])
    page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9103")
    assert page.select("#panel-offer .problem")
    assert page.select("#node_id")[0]["value"] == "9103"
    review = visitor.page(order(visitor, "mr", **{**MACHINE, "disk_size": "9000"}))
    warnings = [text_of(notice) for notice in review.select("main > .notice-warn")]
    assert len(warnings) == 1
    assert "could not be loaded" in warnings[0]
    assert "not among the offers" not in text_of(review)


@pytest.mark.parametrize(
    ("service", "fields", "wrong"),
    [
        ("mr", {"disk_size": "ten"}, {"disk_size": "whole number"}),
        ("mr", {"disk_size": "0"}, {"disk_size": "above 0"}),
        ("mr", {"image": " "}, {"image": "Required"}),
        ("mr", {"node_id": "", "ports": "22, 70000"}, {"node_id": "Required", "ports": "70000"}),
        ("mr", {"http_ports": "http"}, {"http_ports": "whole number"}),
        ("mr", {"envs": "A=1\nnothing"}, {"envs": "Line 2"}),
        ("mr", {"envs": "A=1\nA=2"}, {"envs": "repeats the name"}),
        ("mr", {"organization_id": "-4"}, {"organization_id": "above 0"}),
        ("mr", {"max_duration": "soon"}, {"max_duration": "number of hours"}),
        ("mr", {"max_duration": "0"}, {"max_duration": "more than 0"}),
        ("vpn", {"max_duration": "-1"}, {"max_duration": "number of hours"}),
        ("render", {"max_duration": "90000"}, {"max_duration": "at most 87600"}),
        ("vpn", {"name": "x" * 201}, {"name": "at most 200"}),
        ("vpn", {"subkind": "pptp"}, {"subkind": "one of the options"}),
        ("vpn", {"subkind": "wg", "protocol": "vless"}, {"protocol": "v2ray"}),
        ("render", {"multi_gpu_worker": "perhaps"}, {"multi_gpu_worker": "one of the options"}),
    ],
)
def test_bad_input_is_said_at_its_field_and_nothing_is_lost(
    visitor: Visitor, sandbox: SandboxServer, service: str, fields: dict[str, str], wrong: dict[str, str]
) -> None:
    base = {"node_id": "9301", "subkind": "wg"} if service == "vpn" else {**MACHINE, "envs": "KEEP=me"}
    typed = {**base, **fields}
    page = visitor.page(order(visitor, service, **typed))
    for name, words in wrong.items():
        assert words in text_of(page.select(f"#{name}-error")[0])
        assert f"{name}-error" in str(page.select(f"#{name}")[0]["aria-describedby"])
    assert len(page.select(".field-error")) == len(wrong)
    for name in ("node_id", "disk_size", "image", "ports"):
        if name in typed and page.select(f"#{name}"):
            assert page.select(f"#{name}")[0]["value"] == typed[name]
    if "envs" in typed:
        shown = page.select("#envs")[0].get_text().strip()
        assert shown.splitlines() == typed["envs"].splitlines()
    assert rentals(sandbox) == []


def test_what_is_typed_is_sent_to_the_letter() -> None:
    envs = {
        "FAMILY": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "RTL": "\u200fשלום",
        "SPACES": " a = b ",
        "EMPTY": "",
    }
    typed = {**MACHINE, "envs": "\r\n".join(f"{name}={value}" for name, value in envs.items())}
    # Spaces around the whole field go, those within stay.
    found = read_order("mr", typed)
    assert found.request is not None
    assert found.request.body[0]["envs"] == envs


def test_an_app_of_any_id_is_rented_under_that_id(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ids may be of any length, and the whole body is checked.
    monkeypatch.setattr(journal, "MAX_BODY", 2**20)
    sandbox.reset(dataset="hostile")
    for app_id in [app["uuid"] for app in sandbox.world.initial_state.apps]:
        page = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9101&app={quote(app_id, safe='')}")
        field = str(page.select("#app option[selected]")[0]["value"])
        visitor.post(order(visitor, "mr", **MACHINE, app=field))
        assert json.loads(rentals(sandbox)[-1].body)[0]["app"] == app_id


def default_of(visitor: Visitor, service: str = "vpn") -> str:
    return str(visitor.page(f"{SERVICES_PAGE}/{service}/rent").select("#max_duration")[0]["value"])


def test_stop_after_begins_empty_in_the_sandbox_and_with_four_hours_elsewhere(
    visitor: Visitor, live_visitor: Visitor, sandbox: SandboxServer
) -> None:
    assert [default_of(visitor, service) for service in SERVICES] == [""] * 3
    assert [default_of(live_visitor, service) for service in SERVICES] == ["4"] * 3
    visitor.post("/playground/settings/source", kind="custom", base_urls=sandbox.urls[0], api_key="a-key")
    assert default_of(visitor) == "4"


def test_the_hours_of_settings_are_those_of_this_browser(app: Flask, visitor: Visitor) -> None:
    saved = visitor.post("/playground/settings/rentals", stop_after_other="", stop_after_sandbox="0.5")
    page = visitor.follow(saved)
    assert page.select("#stop_after_sandbox")[0]["value"] == "0.5"
    assert page.select("#stop_after_other")[0]["value"] == ""
    assert default_of(visitor) == "0.5"
    assert default_of(Visitor(app)) == ""
    wrong = visitor.post("/playground/settings/rentals", stop_after_other="soon", stop_after_sandbox="1")
    assert wrong.status_code == 422
    assert b"stop_after_other-error" in wrong.data
    assert default_of(visitor) == "0.5"


def test_a_cleared_field_stays_empty(live_visitor: Visitor) -> None:
    question = order(live_visitor, "mr", **MACHINE, max_duration="")
    page = live_visitor.page(question)
    assert any("no deadline" in text_of(notice) for notice in page.select(".notice-warn"))
    back = str(page.select(".form-actions a")[0]["href"])
    assert live_visitor.page(back).select("#max_duration")[0]["value"] == ""


def test_the_question_says_when_it_is_stopped_and_what_it_costs_until_then(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    page = visitor.page(order(visitor, "mr", **MACHINE, max_duration="2.5"))
    text = text_of(page.select("#main")[0])
    offer = next(offer for offer in sandbox.world.initial_state.mr if offer["node_id"] == 9101)
    assert "After 2 h 30 min" in text
    assert f"${offer['total_price_usd'] * 2.5:.2f}" in text
    assert page.select("#main time")
    assert "max_duration=9000, name='playground')" in text_of(page.select("#sent")[0])
    assert "rental_ledger='sqlite:///rentals.db'" in text
    assert "No deadline" in text_of(visitor.page(order(visitor, "vpn", node_id="9301", subkind="wg")))


@pytest.mark.parametrize(("text", "seconds"), [("4", 14400), ("0.5", 1800), (" .25 ", 900), ("0.0001", 0.36)])
def test_hours_become_seconds(text: str, seconds: float) -> None:
    found = read_order("vpn", {"node_id": "1", "subkind": "wg", "max_duration": text})
    assert found.errors == {}
    assert found.arguments["max_duration"] == seconds
    assert isinstance(found.arguments["max_duration"], int) == (seconds >= 1)
