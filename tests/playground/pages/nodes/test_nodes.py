"""The list of nodes: rows, filter, map; and the page of one: both envelopes, and what it shows of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from octaspace import UnexpectedShapeError
from octaspace.sandbox import SandboxServer
from playground.pages.nodes import land
from playground.pages.nodes.listing import NodeFilter, read_nodes
from playground.pages.nodes.map import dots, read_places

from ...browsing import Visitor, looks, text_of

NODES = "/playground/nodes"
NODE = f"{NODES}/9001"


def ids(visitor: Visitor, query: str = "") -> list[str]:
    return [link.get_text() for link in visitor.page(f"{NODES}?{query}").select("#panel-nodes tbody th a")]


def facts(panel: Tag) -> dict[str, str]:
    pairs = panel.select(".pairs > div")
    return {pair.dt.get_text(): pair.dd.get_text(" ", strip=True) for pair in pairs}  # type: ignore[union-attr]


def circle(page: BeautifulSoup, name: str) -> Tag:
    found = page.select(f'.map a[aria-label^="{name}"] circle')
    assert len(found) == 1
    return found[0]


def test_a_row_says_how_a_node_is(visitor: Visitor) -> None:
    row = visitor.page(NODES).select("#panel-nodes tbody tr")[1]
    cells = {str(cell["data-label"]): cell for cell in row.find_all(["th", "td"])}
    assert cells["Node"].select("a")[0]["href"] == f"{NODES}/9002"
    assert cells["State"].get_text(strip=True) == "online"
    assert cells["Location"].get_text() == "Paris, France"
    assert cells["GPUs"].get_text() == "2"
    assert cells["Model"].get_text() == "NVIDIA GeForce RTX 4090"
    assert cells["Load"].get_text().endswith("%")
    assert cells["Uptime"].get_text() == "2 d 0 h"
    assert cells["OCTA per hour"]["title"] == "1500000000000000000 Wei"
    assert cells["OCTA per hour"]["data-value"] == "1.5"


def test_a_state_has_one_badge_on_the_whole_page_and_on_that_of_the_node(visitor: Visitor) -> None:
    page = visitor.page(NODES)
    shown = {badge.get_text(strip=True): badge for badge in page.select(".pairs .badge-state")}
    rows = page.select("#panel-nodes tbody tr")
    in_rows = {looks(row.select(".badge-state")[0]) for row in rows}
    assert in_rows == {looks(badge) for badge in shown.values()}
    assert looks(shown["online"]) == ("badge-state good", "bi bi-check-circle", "online")
    assert looks(shown["offline"]) == ("badge-state bad", "bi bi-x-circle", "offline")
    row = next(row for row in rows if "offline" in row.get_text())
    own = visitor.page(str(row.select("th a")[0]["href"])).select("#node-state .badge-state")
    assert [looks(badge) for badge in own] == [looks(shown["offline"])]


def test_every_column_can_be_sorted_by_its_numbers(visitor: Visitor) -> None:
    table = visitor.page(NODES).select("#panel-nodes [data-table]")[0]
    assert text_of(table.select("thead th")[0]) == "Select"
    assert len(table.select("thead button[data-sort]")) == len(table.select("thead th")[1:]) == 9
    for cell in table.select("tbody td.num"):
        float(str(cell.get("data-value", cell.get_text())))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=offline", ["9005", "9011"]),
        ("state=busy&place=35.68,139.69", ["9009"]),
        ("gpu=NVIDIA+A100-SXM4-40GB", []),
        ("gpu=NVIDIA+RTX+A6000", ["9004", "9012"]),
        ("place=none", ["9014"]),
        ("state=molten", []),
        ("country=Japan", ["9009"]),
        ("country=Japan&state=offline", []),
    ],
)
def test_the_filter_is_in_the_address(visitor: Visitor, query: str, found: list[str]) -> None:
    assert ids(visitor, query) == found


def test_what_was_chosen_is_still_chosen(visitor: Visitor) -> None:
    page = visitor.page(f"{NODES}?state=molten&nodes.sort=-Load")
    assert not page.select("#panel-nodes tbody tr")
    assert page.select('#f-state option[selected][value="molten"]')
    assert page.select('form input[type=hidden][name="nodes.sort"][value="-Load"]')


def test_kyiv_is_above_the_equator_and_east_of_greenwich(visitor: Visitor) -> None:
    page = visitor.page(NODES)
    kyiv, sydney, dallas = (circle(page, name) for name in ("Kyiv", "Sydney", "Dallas"))
    assert float(str(kyiv["cy"])) == -50.45  # SVG counts downwards
    assert float(str(kyiv["cx"])) == 30.52
    assert float(str(sydney["cy"])) > 0
    assert float(str(dallas["cx"])) < 0


def test_a_dot_leads_to_the_nodes_it_stands_for(visitor: Visitor) -> None:
    link = visitor.page(NODES).select('.map a[aria-label^="Tokyo"]')[0]
    assert link["aria-label"] == "Tokyo, Japan: 1 node busy"
    page = visitor.page(str(link["href"]).partition("#")[0])
    assert [row.get_text() for row in page.select("#panel-nodes tbody th a")] == ["9009"]


def test_nodes_without_a_place_are_counted_in_words(visitor: Visitor) -> None:
    page = visitor.page(NODES)
    assert len(page.select(".map a")) == 13
    assert "1 node is not on the map" in page.select("#panel-map")[0].get_text(" ", strip=True)


def test_there_is_land_under_the_dots(visitor: Visitor) -> None:
    page = visitor.page(NODES)
    (land,) = page.select(".map > path")
    assert land["aria-hidden"] == "true"
    assert land.find_next("a") is not None
    assert not land.find_previous("circle")
    assert page.select(".map")[0]["viewbox"] == "-180 -84 360 144"


def rings(path: str) -> list[list[tuple[int, int]]]:
    """The rings of a path in tenths of a degree east and north."""
    found = []
    for ring in path.rstrip("z").split("z"):
        number = r"-?(?:\d+\.?\d*|\.\d+)"
        start, _, steps = ring.removeprefix("M").partition("l")
        x, y = (round(float(text) * 10) for text in re.findall(number, start))
        points = [(x, -y)]
        values = [round(float(text) * 10) for text in re.findall(number, steps)]
        for right, down in zip(values[::2], values[1::2], strict=True):
            x, y = x + right, y + down
            points.append((x, -y))
        found.append(points)
    return found


def test_the_land_is_drawn_where_it_is() -> None:
    source = json.loads(Path(land.__file__).with_name("land.json").read_text())
    assert "public domain" in source["source"]
    assert rings(land.land_path()) == [
        [(round(east * 10), round(north * 10)) for east, north in ring[:-1]] for ring in source["rings"]
    ]


def test_a_node_beyond_the_border_of_the_map_is_at_the_border() -> None:
    poles = [(89.0, 0.0), (-77.8, 179.9), (12.0, -180.0)]
    rows = read_nodes(
        [
            {"id": at, "state": "online", "location": {"latitude": north, "longitude": east}}
            for at, (north, east) in enumerate(poles)
        ]
    )
    found = [(dot["lat"], dot["lon"]) for dot in dots(read_places(rows), lambda key, state: key)]
    assert sorted(found) == [(-57.0, 177.0), (12.0, -177.0), (81.0, 0.0)]


def facets(page: BeautifulSoup) -> dict[str, str]:
    """The links by country with their counts."""
    return {text_of(link): str(link["href"]).partition("#")[0] for link in page.select(".facets a")}


def test_countries_filter_the_table_and_keep_the_other_filters(visitor: Visitor) -> None:
    found = facets(visitor.page(f"{NODES}?state=any-online&nodes.sort=-Load"))
    assert "Japan 1" in found
    assert sum(int(text.split()[-1]) for text in found if text != "All countries") == 11
    page = visitor.page(found["Japan 1"])
    assert [row.get_text() for row in page.select("#panel-nodes tbody th a")] == ["9009"]
    assert page.select("#f-state option[selected]")[0]["value"] == "any-online"
    assert page.select('form.filters input[name=country][value="Japan"]')
    assert page.select('form.filters input[name="nodes.sort"][value="-Load"]')
    (chosen,) = page.select(".facets [aria-current]")
    assert text_of(chosen) == "Japan 1"
    assert facets(page).keys() == found.keys()
    everywhere = visitor.page(facets(page)["All countries"])
    assert len(everywhere.select("#panel-nodes tbody tr")) == 11


def test_a_country_replaces_the_place_that_was_chosen(visitor: Visitor) -> None:
    found = facets(visitor.page(f"{NODES}?place=35.68,139.69"))
    assert "place" not in found["Japan 1"]
    assert "France 1" in found


def test_nodes_without_a_country_have_a_facet() -> None:
    rows = read_nodes([{"id": 1}, {"id": 2, "location": {"country": "Ukraine"}}, {"id": 3}])
    facets = NodeFilter(country="Peru").countries(rows)
    assert [(it.label, it.count, it.is_chosen) for it in facets] == [
        ("Ukraine", 1, False), ("Peru", 0, True), ("Unknown country", 2, False),
    ]  # fmt: skip
    assert [row.id for row in NodeFilter(country=facets[2].value).apply(rows)] == ["1", "3"]


def test_an_empty_result_names_the_filters_and_clears_them(visitor: Visitor) -> None:
    empty = visitor.page(f"{NODES}?state=offline&country=Japan&gpu=Voodoo&place=35.68,139.69").select(
        "#panel-nodes .empty"
    )[0]
    text = text_of(empty)
    for word in ("No nodes match", "state offline", "country Japan", "GPU Voodoo", "location Tokyo, Japan"):
        assert word in text
    page = visitor.page(str(empty.select("a")[0]["href"]).partition("#")[0])
    assert len(page.select("#panel-nodes tbody tr")) == 14


@pytest.mark.parametrize(
    "query", ["state=any-online&place=none", "country=none&state=molten", "place=none&gpu=x"]
)
def test_special_values_are_described_in_words(query: str) -> None:
    wanted = NodeFilter.read(dict(part.split("=") for part in query.split("&")))
    assert "none" not in wanted.described([])
    assert "any-online" not in wanted.described([])


def test_dots_of_one_place_do_not_hide_each_other() -> None:
    place = {"city": "Kyiv", "country": "Ukraine", "latitude": 50.45, "longitude": 30.52}
    states = ["online", "online", "busy", "offline", "blocked"]
    rows = read_nodes(
        [{"id": number, "state": state, "location": place} for number, state in enumerate(states)]
    )
    found = dots(read_places(rows), lambda key, state: f"{key} {state}")
    assert [dot["count"] for dot in found] == [2, 1, 1, 1]
    assert len({(dot["lat"], dot["lon"]) for dot in found}) == 4
    assert [dot["state"] for dot in found] == ["good", "good", "bad", "warn"]
    assert found[0]["href"] == "50.45,30.52 online"


def test_nodes_that_are_filtered_out_are_not_counted_as_missing_on_the_map(visitor: Visitor) -> None:
    for query in ("state=offline", "country=Japan", "place=none"):
        words = visitor.page(f"{NODES}?{query}").select("#panel-map")[0].get_text(" ", strip=True)
        assert "1 node is not on the map" in words


@pytest.mark.parametrize(
    "place", [None, {}, {"latitude": 91, "longitude": 0}, {"latitude": "x", "longitude": 1}, 3]
)
def test_a_place_that_cannot_be_is_none(place: object) -> None:
    (row,) = read_nodes([{"id": 1, "location": place}])
    assert read_places([row]) == []
    assert NodeFilter(place="none").apply([row]) == [row]


def test_what_cannot_be_read_is_left_out_and_the_rest_is_shown() -> None:
    rows = read_nodes([None, 3, {}, {"id": 1, "system": {"gpus": [None, {"model": 3}]}, "prices": []}])
    assert [(row.id, row.state, row.gpus) for row in rows] == [("", "offline", 0), ("1", "offline", 2)]
    assert rows[1].base_wei is None
    with pytest.raises(UnexpectedShapeError):
        read_nodes({"id": 1})


def test_seven_hundred_nodes_fit_into_a_page(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="large")
    answer = visitor.get(NODES)
    assert len(answer.data) < 700_000
    page = BeautifulSoup(answer.data, "html.parser")
    assert len(page.select("#panel-nodes tbody tr")) == 700
    assert "50 nodes are not on the map" in page.select("#panel-map")[0].get_text(" ", strip=True)
    raw = page.select("#raw-nodes")[0]
    assert "first 64.0 kB of" in raw.get_text()
    whole = visitor.get(str(raw.select("a")[0]["href"]))
    assert len(json.loads(whole.data)) == 700
    assert "attachment" in whole.headers["Content-Disposition"]


def test_the_whole_answer_is_not_saved_when_it_could_not_be_had(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("status", status=404, path="/nodes")
    assert visitor.get(f"{NODES}?_raw=nodes").status_code == 502


def test_no_nodes_say_what_a_node_is(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    page = visitor.page(NODES)
    assert "OctaSpace agent" in page.select("#panel-nodes .empty")[0].get_text()
    assert not page.select(".map")


def test_an_error_is_one_card(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/nodes")
    page = visitor.page(NODES)
    assert len(page.select("#main .problem")) == 1


def test_a_node_is_shown_out_of_both_envelopes(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(NODE)
    machine = facts(page.select("#panel-node")[0])
    truth = sandbox.world.node(9001)
    assert machine["CPU"] == "AMD EPYC 7543 32-Core Processor"
    assert machine["Kernel"] == truth["data"]["kernel_version"]
    assert machine["Features"] == "gpu nvme vpn"
    assert machine["Host name"] == "host-10.example.net"
    assert machine["Failed sessions"] == str(truth["reliability"]["s_failed"])
    assert "of 68.7 GB" in page.select("#panel-node")[0].get_text()
    prices = [cell.get_text(" ", strip=True) for cell in page.select(".prices tbody tr")]
    assert prices == [
        "Base per hour 1000000000000000000 1 OCTA about $0.1040",
        "Storage per GB 1000000000000000 0.001 OCTA about $0.0001",
        "Traffic per GB 500000000000000 0.0005 OCTA about $0.0001",
    ]
    lines = {line.get_text() for line in page.select("#main .sdk-call-line")}
    assert lines == {"client.nodes.find(9001)", "client.nodes.list()"}
    paths = sorted(entry.path for entry in sandbox.journal.entries() if entry.path != "/accounts/balance")
    assert paths == ["/network", "/nodes", "/nodes/9001"]


def test_each_card_has_its_temperature(visitor: Visitor, sandbox: SandboxServer) -> None:
    rows = visitor.page(f"{NODES}/9004").select("#panel-gpus tbody tr")
    cards = sandbox.world.node(9004)["data"]["gpus"]
    assert len(rows) == len(cards) == 8
    for row, card in zip(rows, cards, strict=True):
        shown = row.select('[data-label="Temperature"]')[0]
        assert shown["data-value"] == str(card["gpu_temperature"])
        assert re.match(rf"{card['gpu_temperature']} °C", shown.get_text())


def test_a_node_without_cards_says_so(visitor: Visitor) -> None:
    assert "no GPU" in visitor.page(f"{NODES}/9008").select("#panel-gpus")[0].get_text()


def test_a_node_that_is_not_there(visitor: Visitor) -> None:
    page = visitor.page(f"{NODES}/4711")
    assert "NotFoundError" in page.select("#panel-node")[0].get_text()
    assert page.select("#panel-listed .empty")


def test_an_id_that_is_no_number_is_sent_as_it_is(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(f"{NODES}/a%252Fb")
    assert "client.nodes.find('a/b')" in page.get_text()
    assert "/nodes/a%2Fb" in [entry.path for entry in sandbox.journal.entries()]


@pytest.mark.parametrize("broken", ["/nodes", "/nodes/9001", "/network"])
def test_one_broken_part_leaves_the_others(visitor: Visitor, sandbox: SandboxServer, broken: str) -> None:
    sandbox.faults.add("status", status=404, path=broken)
    page = visitor.page(NODE)
    failed = [panel["data-panel"] for panel in page.select("#main [data-panel]") if panel.select(".problem")]
    assert failed == {"/nodes": ["listed"], "/nodes/9001": ["node"], "/network": []}[broken]
    assert bool(page.select(".prices tbody tr")) == (broken != "/nodes")
    assert page.select("#reboot form")


def test_hostile_words_are_words(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for url in (NODES, NODE, f"{NODES}/9003", f"{NODE}?base=%3Cscript%3E&confirm=prices"):
        page = visitor.page(url)
        assert not page.select("main script, main img")
        assert not [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
        assert "\u202e" not in str(page)
        assert "\x1b" not in str(page)


def test_a_hostile_filter_finds_what_it_was_made_of(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    page = visitor.page(NODES)
    for field in ("state", "gpu", "place"):
        for option in page.select(f"#f-{field} option")[1::4]:
            number = int(option.get_text().rpartition("(")[2].rstrip(")"))
            answer = visitor.get(NODES, query_string={field: str(option["value"])})
            rows = BeautifulSoup(answer.data, "html.parser").select("#panel-nodes tbody tr")
            assert len(rows) == number
