"""Services: the offers with their filters, their picture and their comparison."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from bs4 import Tag

from octaspace.sandbox import SandboxServer
from playground.domain.offers import SERVICES
from playground.pages.services.filters import read_filters

from ...browsing import Visitor, text_of

SERVICES_PAGE = "/playground/services"


def rows(page: Tag) -> list[Tag]:
    return list(page.select("#panel-offers tbody tr"))


def column(page: Tag, label: str) -> list[float | None]:
    cells = page.select(f'#panel-offers td[data-label="{label}"]')
    return [float(str(cell["data-value"])) if cell["data-value"] else None for cell in cells]


@pytest.mark.parametrize(("tab", "count"), [("mr", 28), ("vpn", 12), ("render", 14)])
def test_offers_come_cheapest_first(visitor: Visitor, tab: str, count: int) -> None:
    page = visitor.page(f"{SERVICES_PAGE}?tab={tab}")
    assert len(rows(page)) == count
    prices = column(page, "Per GB" if tab == "vpn" else "Per hour")
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert page.select("#panel-offers .sdk-call-line")[0].string == f"client.services.{tab}.search()"
    current = page.select('.page-tabs [aria-current="true"]')
    assert [text_of(link) for link in current] == [SERVICES[tab]]  # type: ignore[index]  # one of them


def test_filters_in_the_address_are_applied_by_the_server(visitor: Visitor, sandbox: SandboxServer) -> None:
    query = "gpu=rtx&min_vram_gb=24&max_price_usd=1&min_reliability=92,5&sort=vram"
    page = visitor.page(f"{SERVICES_PAGE}?{query}")
    found = rows(page)
    assert 0 < len(found) < 28
    assert all((value or 0) >= 24 for value in column(page, "VRAM"))
    assert all((value or 9) <= 1 for value in column(page, "Per hour"))
    assert all((value or 0) >= 92.5 for value in column(page, "Reliability"))
    assert all("RTX" in text_of(row) for row in found)
    memory = [value or 0 for value in column(page, "VRAM")]
    assert memory == sorted(memory, reverse=True)
    filters = "gpu='rtx', min_vram_gb=24, max_price_usd=1, min_reliability=92.5, sort='vram'"
    line = page.select("#panel-offers .sdk-call-line")[0].string
    assert line == f"client.services.mr.search({filters})"
    assert page.select("#f-gpu")[0]["value"] == "rtx"
    assert f"{len(found)} of 28" in text_of(page.select("#panel-offers .panel-head")[0])
    asked = sorted(entry.path for entry in sandbox.journal.entries())
    assert asked == ["/accounts/balance", "/services/mr"]


def test_relays_are_filtered_by_country_kind_and_price(visitor: Visitor) -> None:
    page = visitor.page(f"{SERVICES_PAGE}?tab=vpn&country=germany&residential=true&max_price_usd=0.05")
    assert [text_of(row.select('[data-label="Location"]')[0]) for row in rows(page)] == ["Frankfurt, DE"]
    options = [str(option["value"]) for option in page.select("#countries option")]
    assert {"Germany", "Japan"} <= set(options)


@pytest.mark.parametrize(
    "query",
    ["min_vram_gb=much", "max_price_usd=-1", "min_reliability=1e400", "sort=alphabet", "max_price_usd=NaN"],
)
def test_a_filter_that_is_none_is_said_at_its_field(visitor: Visitor, query: str) -> None:
    name, _, typed = query.partition("=")
    page = visitor.page(f"{SERVICES_PAGE}?{query}&country=DE")
    if name != "sort":
        assert page.select(f"#{name}-error")
        assert page.select(f"#f-{name}")[0]["value"] == typed
    assert {text_of(row.select('[data-label="Location"]')[0]) for row in rows(page)} == {"Frankfurt, DE"}


def test_filters_that_leave_nothing_say_what_to_do(visitor: Visitor) -> None:
    page = visitor.page(f"{SERVICES_PAGE}?gpu=abacus")
    assert page.select("#panel-offers .empty")
    assert page.select('form.filters a[href="/playground/services?tab=mr"]')
    assert not read_filters("mr", {"sort": "price"}).narrow


def test_an_empty_market_and_a_failing_one(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    assert visitor.page(SERVICES_PAGE).select("#panel-offers .empty")
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=503, path="/services/mr")
    assert "ServiceUnavailableError" in text_of(
        visitor.page(SERVICES_PAGE).select("#panel-offers .problem")[0]
    )
    form = visitor.page(f"{SERVICES_PAGE}/mr/rent?node_id=9101")
    assert form.select("#panel-offer .problem")
    assert form.select("#image")


def test_the_picture_says_in_words_what_it_draws(visitor: Visitor) -> None:
    page = visitor.page(SERVICES_PAGE)
    dots = page.select("svg.scatter a")
    assert len(dots) == 26  # two have no card, and with it no VRAM
    assert "2 without price or value" in text_of(page.select(".chart")[0])
    ids = {f"#{row['id']}" for row in rows(page)}
    for dot in dots:
        assert dot["href"] in ids
        assert re.match(r"Node \d+: \$\d+\.\d{3} per hour, [\d.]+ GB", str(dot["aria-label"]))
    scores = visitor.page(f"{SERVICES_PAGE}?tab=render&against=score")
    assert "price vs. Blender score" in text_of(scores.select(".chart")[0])
    assert "Mbit/s" in text_of(visitor.page(f"{SERVICES_PAGE}?tab=vpn").select(".chart")[0])


def test_up_to_four_are_compared(visitor: Visitor) -> None:
    page = visitor.page(f"{SERVICES_PAGE}?gpu=rtx&compare=9101&compare=9102&compare=9103&compare=x&compare=1")
    table = page.select("table.compare")[0]
    heads = [text_of(head) for head in table.select("thead th")]
    assert [head[:9] for head in heads] == ["Node 9101", "Node 9102", "Node 9103"]
    price = next(row for row in table.select("tbody tr") if "Price per hour" in text_of(row))
    assert len(price.select(".best")) == 1
    assert "lowest" in text_of(price)
    without = str(table.select("thead th a")[1]["href"])
    assert "compare=9102" in without
    assert "compare=9101" not in without
    assert "gpu=rtx" in without
    checked = {str(box["value"]) for box in page.select('input[name="compare"][checked]')}
    assert checked <= {"9101", "9102", "9103"}
    query = "&".join(f"compare={9101 + number}" for number in range(6))
    many = visitor.page(f"{SERVICES_PAGE}?{query}")
    assert len(many.select("table.compare thead th")) == 4
    assert "2 more" in text_of(many.select("#compare")[0])
    assert visitor.page(f"{SERVICES_PAGE}?tab=vpn&compare=9301").select("table.compare")


def test_loose_offers_are_offers_too(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="loose")
    for tab in SERVICES:
        page = visitor.page(f"{SERVICES_PAGE}?tab={tab}&compare=9101&compare=9201")
        assert len(rows(page)) > 10
        assert not page.select("#main .problem")


def test_four_hundred_offers_are_a_page_of_bearable_weight(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="large")
    answer = visitor.get(SERVICES_PAGE)
    assert answer.get_data(as_text=True).count('<tr id="offer-') == 400
    assert len(answer.data) < 700_000


@pytest.mark.parametrize("tab", list(SERVICES))
def test_hostile_offers_carry_no_markup(visitor: Visitor, sandbox: SandboxServer, tab: str) -> None:
    sandbox.reset(dataset="hostile")
    node = {"mr": 9101, "vpn": 9301, "render": 9201}[tab]
    app_id = sandbox.world.initial_state.apps[2]["uuid"]
    paths = [f"{SERVICES_PAGE}?tab={tab}&compare={node}&gpu=&country=%3Cb%3E&app={quote(app_id, safe='')}"]
    paths += [
        f"{SERVICES_PAGE}?tab={tab}",
        f"{SERVICES_PAGE}/{tab}/rent?node_id={node}&app={quote(app_id, safe='')}",
    ]
    for path in paths:
        page = visitor.page(path)
        for tag in page.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")]
            assert not str(tag.get("href", "")).startswith(("javascript:", "data:"))
        assert all(script.get("src") for script in page.find_all("script"))
        assert not re.search("[\u202e\u2066\x1b\x00]", str(page))
