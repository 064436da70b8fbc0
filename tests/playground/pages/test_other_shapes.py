"""Pages with shapes of answers that other clients have seen: Q22 to Q25, Q27, Q31."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup

from octaspace.types import App
from playground.domain.node_state import severity_of, state_of
from playground.pages.nodes.listing import read_nodes
from playground.pages.rent.app_fill import app_values
from playground.pages.rent.parsing import read_order, typed_values
from playground.pages.rent.variables import variables_text

from ..browsing import Visitor, text_of
from ..small_api import SmallApi
from .network.test_network import stats
from .rent.renting import MACHINE, order

LOG: dict[str, Any] = {"system": [], "container": ""}


def pairs(page: BeautifulSoup) -> dict[str, str]:
    """Terms and what they are."""
    return {
        text_of(pair.select("dt")[0]): text_of(pair.select("dd")[0])
        for pair in page.select("#main dl.pairs > div")
    }


# Offers

BY_VENDOR = {
    "node_id": 11, "total_price_usd": 0.5, "reliability": 98.25, "net_down_mbs": 2_892_312,
    "gpu": {
        "nvidia": [{"model": "NVIDIA GeForce RTX 4090", "mem_total_mb": 24564, "driver_version": "570"}],
        "amd": [{"idx": 0, "model": "AMD Radeon RX 7900 XTX", "mem_total_mb": 24560}],
        "intel": [],
    },
    "memory_type": "DDR5", "disk_speed_mbs": 3500,
}  # fmt: skip
DOCUMENTED = {
    "node_id": 12, "total_price_usd": 0.4, "reliability": {"uptime": 91.5}, "net_down_mbits": 100,
    "gpus": [{"model": "NVIDIA GeForce RTX 3090", "mem_total_mb": 24576}],
}  # fmt: skip


@pytest.mark.parametrize("service", ["mr", "render"])
def test_offers_with_cards_by_vendor(guest: Visitor, small_api: SmallApi, service: str) -> None:
    """Q22, Q23: cards by vendor, reliability as a number, bandwidth in bytes under the other name."""
    small_api.answers = {f"GET /services/{service}": [BY_VENDOR, DOCUMENTED]}
    page = guest.page(f"/playground/services?tab={service}&compare=11&compare=12")
    rows = {
        text_of(row.select("th")[0]): {str(cell["data-label"]): text_of(cell) for cell in row.select("td")}
        for row in page.select("#panel-offers tbody tr")
    }
    assert rows["11"]["GPUs"] == "1 × RTX 4090, 1 × AMD Radeon RX 7900 XTX"
    assert rows["11"]["Reliability"] == "98.2 %"
    assert rows["11"]["Mbit/s"] == "23"
    assert rows["11"]["VRAM"] == "24.6 GB"
    assert rows["12"]["GPUs"] == "1 × RTX 3090"
    compared = {
        text_of(row.select("th")[0]): [text_of(cell) for cell in row.select("td")]
        for row in page.select("table.compare tbody tr")
    }
    assert compared["GPUs"][1] == "1 × NVIDIA GeForce RTX 4090, 1 × AMD Radeon RX 7900 XTX"
    assert compared["Memory type"] == ["—", "DDR5"]
    assert compared["Disk speed"][1] == "3\u202f500 MB/s"


def test_relays_in_both_units(guest: Visitor, small_api: SmallApi) -> None:
    """Q23."""
    small_api.answers = {
        "GET /services/vpn": [
            {"node_id": 1, "net_down_mbits": 2_892_312, "net_up_mbits": 40},
            {"node_id": 2, "net_down_mbs": "250", "net_up_mbs": 2_892_312},
        ]
    }
    page = guest.page("/playground/services?tab=vpn")
    found = {
        text_of(row.select("th")[0]): [
            text_of(row.select(f'td[data-label="Mbit/s {way}"]')[0]) for way in ("down", "up")
        ]
        for row in page.select("#panel-offers tbody tr")
    }
    assert found == {"1": ["23", "40"], "2": ["250", "23"]}


# Nodes

STATES = ["online", "idle", "active", "busy", "offline", "blocked", "", "Hibernating"]


def node(number: int, state: Any) -> dict[str, Any]:
    return {"id": number, "state": state, "location": {"city": "Kyiv", "latitude": 50.4, "longitude": 30.5}}


def test_states_of_nodes_are_counted_and_filtered(guest: Visitor, small_api: SmallApi) -> None:
    """Q25."""
    nodes = [node(number, state) for number, state in enumerate(STATES, 1)]
    small_api.answers = {"GET /nodes": [*nodes, {"id": 9}]}
    page = guest.page("/playground/nodes")
    assert "4 online of 9" in text_of(page.select("#panel-map .meter-words")[0])
    levels = ("good", "warn", "bad", "idle")
    tones = {
        text_of(badge): next(level for level in levels if level in badge["class"])
        for badge in page.select("#panel-nodes tbody .badge-state")
    }
    assert tones == {
        "online": "good", "idle": "good", "active": "good", "busy": "good", "offline": "bad",
        "blocked": "warn", "Hibernating": "idle",
    }  # fmt: skip

    def ids(state: str) -> list[str]:
        rows = guest.page(f"/playground/nodes?state={state}").select("#panel-nodes tbody tr")
        return [text_of(row.select("th")[0]) for row in rows]

    assert ids("any-online") == ["1", "2", "3", "4"]
    assert ids("busy") == ["4"]
    assert ids("offline") == ["5", "7", "9"]
    assert ids("Hibernating") == ["8"]
    names = [str(dot["aria-label"]) for dot in page.select("#panel-map svg a")]
    assert any("1 node Hibernating" in name for name in names)
    assert any("2 nodes offline" in name for name in names)
    dashboard = guest.panel("/playground/dashboard", "nodes")
    assert text_of(dashboard.select(".meter-words")[0]) == "4 online of 9"


@pytest.mark.parametrize(
    ("came", "word", "severity"),
    [
        (None, "offline", "bad"), ("  ", "offline", "bad"), ("BUSY", "BUSY", "good"), (7, "7", "idle"),
        ([], "unknown", "idle"), ("rebooting", "rebooting", "warn"),
    ],
)  # fmt: skip
def test_a_state_is_a_word_as_it_came(came: object, word: str, severity: str) -> None:
    assert (state_of(came), severity_of(state_of(came))) == (word, severity)


def test_a_node_with_cards_by_vendor_and_reliability_as_a_number(guest: Visitor, small_api: SmallApi) -> None:
    """Q22, Q25."""
    small_api.answers = {
        "GET /nodes/5": {
            "id": 5, "state": "", "reliability": 97.5,
            "data": {"gpus": {"nvidia": [], "amd": [{"idx": 0, "model": "AMD X", "mem_total_mb": 8192}]}},
        },
        "GET /nodes": [{"id": 5, "system": {"gpu": {"amd": [{"idx": 0, "model": "AMD X"}]}}}],
    }  # fmt: skip
    page = guest.page("/playground/nodes/5")
    assert "offline" in text_of(page.select("h1")[0])
    assert stats(page.select("#panel-node")[0])["GPUs"] == "1"
    assert text_of(page.select("#panel-gpus tbody th")[0]) == "AMD X"
    assert pairs(page)["Uptime percentage"] == "97.5\xa0%"
    (row,) = read_nodes(small_api.answers["GET /nodes"])
    assert (row.gpus, row.models) == (1, ("AMD X",))


# Sessions


@pytest.mark.parametrize(
    ("came", "said", "bad"),
    [
        (0, "ended normally", False), ("0", "ended normally", False), (1, "idle limit reached", False),
        ("1", "idle limit reached", False), (7, "error 7", True), ("7", "error 7", True),
        ("node was lost", "node was lost", True), (None, "—", False),
    ],
)  # fmt: skip
def test_why_a_session_ended(guest: Visitor, small_api: SmallApi, came: object, said: str, bad: bool) -> None:
    """Q24."""
    it = {"uuid": "it", "service": "mr", "finished_at": 1_770_000_000, "termination_reason": came}
    small_api.answers = {"GET /sessions": [it], "GET /services/it/logs": LOG}
    cell = guest.page("/playground/sessions?tab=recent").select('td[data-label="End reason"]')[0]
    assert text_of(cell) == said
    assert bool(cell.select(".warn")) is bad
    line = guest.page("/playground/sessions/it?recent=true").select("#panel-info .state-line")[0]
    assert text_of(line).endswith(said)
    assert bool(line.select(".warn")) is bad


def test_addresses_as_a_list_and_ports_as_text(guest: Visitor, small_api: SmallApi) -> None:
    """Q31."""
    small_api.answers = {
        "GET /services/it/info": {
            "uuid": "it", "service": "mr", "is_ready": True, "ports_matrix": "22 -> 40022, 80 -> 40080",
            "urls": ["https://a.example/", "javascript:alert(1)"],
        },
        "GET /services/it/logs": LOG,
    }  # fmt: skip
    panel = guest.panel("/playground/sessions/it", "info")
    links = [str(link["href"]) for link in panel.select(".access-list a")]
    assert links == ["https://a.example/"]
    labels = [text_of(label) for label in panel.select(".access-label")]
    assert len(labels) == 2
    assert not any("https" in label or "javascript" in label for label in labels)
    assert "22 -> 40022, 80 -> 40080" in text_of(panel)


@pytest.mark.parametrize("name", ["config", "vpn_config"])
def test_a_vpn_configuration_under_either_name(guest: Visitor, small_api: SmallApi, name: str) -> None:
    """Q31; it is a secret under both."""
    small_api.answers = {
        "GET /services/it/info": {
            "uuid": "it",
            "service": "vpn",
            "is_ready": True,
            name: "[Interface]\nKey=x1",
        },
        "GET /services/it/logs": LOG,
    }
    hidden = guest.page("/playground/sessions/it")
    assert "Key=x1" not in str(hidden)
    shown = guest.page("/playground/sessions/it?reveal=config")
    assert text_of(shown.select("#vpn-config")[0]) == "[Interface] Key=x1".replace(" Key", "\nKey")
    assert "Key=x1" not in guest.get("/playground/requests/log.json").get_data(as_text=True)


# Apps

ENVS = {"TEXT": "a=b ", "NUMBER": 3, "RATE": 0.5, "YES": True, "NO": False, "NOTHING": None}
APP = {
    "uuid": "an-app", "name": "Miner", "image": "miner:1", "envs": ENVS, "ports": "[5000]",
    "http_ports": [8080], "start_command": "run", "extra": {"guide": "https://guide.example/x"},
}  # fmt: skip
SHOWN = {"TEXT": "a=b ", "NUMBER": "3", "RATE": "0.5", "YES": "true", "NO": "false", "NOTHING": ""}


def form_of(page: BeautifulSoup) -> dict[str, str]:
    """What the form holds, as a browser would send it."""
    fields = {str(tag["name"]): str(tag.get("value", "")) for tag in page.select("#main form input[name]")}
    envs = page.select("#envs")[0].get_text().removeprefix("\n")
    return {**fields, "envs": envs, "app": "an-app"}


def test_a_filled_form_keeps_every_variable_and_sends_what_it_shows(
    guest: Visitor, small_api: SmallApi
) -> None:
    """Q27."""
    small_api.answers = {
        "GET /apps": [APP], "GET /services/mr": [DOCUMENTED], "POST /services/mr": [{"uuid": "new"}],
        "GET /services/new/info": {"uuid": "new"}, "GET /services/new/logs": LOG,
    }  # fmt: skip
    page = guest.page("/playground/services/mr/rent?node_id=12&app=an-app")
    filled = form_of(page)
    assert filled["envs"].rstrip("\n").split("\n") == [f"{name}={text}" for name, text in SHOWN.items()]
    fields = typed_values("mr", filled)
    guest.post(order(guest, "mr", **{**fields, "disk_size": "10"}))
    ((item,),) = small_api.bodies("/services/mr")
    assert item["envs"].pop("OCTASPACE_RENTAL_ID")
    assert item["envs"] == SHOWN
    assert (item["ports"], item["http_ports"], item["app"]) == ([5000], [8080], "an-app")
    # What a person takes out of the form is not filled in again.
    guest.post(order(guest, "mr", **MACHINE, app="an-app", envs="", ports="", http_ports=""))
    item = small_api.bodies("/services/mr")[1][0]
    del item["envs"]["OCTASPACE_RENTAL_ID"]
    assert (item["envs"], item["ports"], item["http_ports"], item["start_command"]) == ({}, [], [], "")
    assert (item["image"], item["disk_size"]) == ("ubuntu:24.04", 20)


def test_spaces_at_the_end_of_the_last_variable_are_part_of_it() -> None:
    read = read_order("mr", {**MACHINE, "envs": "A= x \n"})
    assert read.arguments["envs"] == {"A": " x "}
    assert variables_text(app_values(App.from_api(APP)).envs).startswith("TEXT=a=b \n")


@pytest.mark.parametrize(
    ("guide", "href"),
    [
        ("https://guide.example/x", "https://guide.example/x"),
        ("javascript:alert(1)", None),
        ("https://user:word@guide.example/", None),
        ("//guide.example", None),
    ],
)
def test_a_guide_is_a_link_when_it_may_be_followed(
    guest: Visitor, small_api: SmallApi, guide: str, href: str | None
) -> None:
    """Q27."""
    small_api.answers = {"GET /apps": [{**APP, "extra": {"guide": guide}}], "GET /services/mr": []}
    for address in ("/playground/apps", "/playground/services/mr/rent?app=an-app"):
        part = guest.page(address).select(".app-guide")[0]
        assert [str(link["href"]) for link in part.select("a")] == ([href] if href else [])
        assert href is not None or guide in text_of(part)


def test_a_guide_that_is_no_text_is_none(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /apps": [{**APP, "extra": {"guide": 5}}]}
    assert not guest.page("/playground/apps").select(".app-guide")
