"""The form of a rental: every option, filled from offers and apps, and what is wrong said at its field."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
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
    names = {str(field["name"]) for field in page.select("#main form [name]")} - {"csrf_token", "step"}
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


def test_an_app_is_filled_in_without_losing_the_rest(visitor: Visitor) -> None:
    answer = visitor.post(
        f"{SERVICES_PAGE}/mr/rent", step="fill", node_id="9103", disk_size="500", image="mine", app=DIFFUSION,
        entrypoint="/bin/sh",
    )  # fmt: skip
    page = visitor.follow(answer)
    assert page.select("#node_id")[0]["value"] == "9103"
    assert page.select("#image")[0]["value"] == "example/stable-diffusion:2.1"
    assert page.select("#entrypoint")[0]["value"] == "/bin/sh"
    assert page.select("details.more[open]")


@pytest.mark.parametrize(
    ("service", "fields", "wrong"),
    [
        ("mr", {"disk_size": "ten"}, {"disk_size": "whole number"}),
        ("mr", {"disk_size": "0"}, {"disk_size": "above 0"}),
        ("mr", {"image": " "}, {"image": "Required"}),
        ("mr", {"node_id": "", "ports": "22, 70000"}, {"node_id": "Required", "ports": "70000"}),
        ("mr", {"http_ports": "http"}, {"http_ports": "whole number"}),
        ("mr", {"envs": "A=1\nnothing"}, {"envs": "Line 2"}),
        ("mr", {"envs": "A=1\nA=2"}, {"envs": "second time"}),
        ("mr", {"organization_id": "-4"}, {"organization_id": "above 0"}),
        ("mr", {"max_duration": "soon"}, {"max_duration": "number of hours"}),
        ("mr", {"max_duration": "0"}, {"max_duration": "More than 0"}),
        ("vpn", {"max_duration": "-1"}, {"max_duration": "number of hours"}),
        ("render", {"max_duration": "90000"}, {"max_duration": "at most 87600"}),
        ("vpn", {"name": "x" * 201}, {"name": "at most 200"}),
        ("vpn", {"subkind": "pptp"}, {"subkind": "one of these"}),
        ("vpn", {"subkind": "wg", "protocol": "vless"}, {"protocol": "v2ray"}),
        ("render", {"multi_gpu_worker": "perhaps"}, {"multi_gpu_worker": "one of these"}),
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
    assert "Never by itself" in text_of(visitor.page(order(visitor, "vpn", node_id="9301", subkind="wg")))


@pytest.mark.parametrize(("text", "seconds"), [("4", 14400), ("0.5", 1800), (" .25 ", 900), ("0.0001", 0.36)])
def test_hours_become_seconds(text: str, seconds: float) -> None:
    found = read_order("vpn", {"node_id": "1", "subkind": "wg", "max_duration": text})
    assert found.errors == {}
    assert found.arguments["max_duration"] == seconds
    assert isinstance(found.arguments["max_duration"], int) == (seconds >= 1)
