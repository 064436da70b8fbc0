"""The network in both shapes in which it comes (Q21): each figure that one of them has is shown."""

from __future__ import annotations

import pytest
from bs4 import Tag

from ...browsing import Visitor, text_of
from ...small_api import SmallApi

#: As the website has it.
WEBSITE = {
    "nodes": {"count": 731, "locations": 52, "vpn_locations": 38},
    "power": {"gpus": 1204, "tflops": 40123.5},
    "platform": {"users": 8123, "users_24h": 17},
    "marketplace": {
        "gpus": {"NVIDIA GeForce RTX 4090": {"avg_price": 0.41, "count": 31}, "AMD Radeon RX 7900": {}},
        "total_sessions": 90210, "sessions_24h": 104, "nodes_rented": 60, "nodes_idle": 20,
    },
    "render": {
        "frames_24h": 811, "frames_total": 190001,
        "frames_by_week": [{"2026-8-3": 4100}, {"2026-8-10": 5200}],
    },
}  # fmt: skip

#: As the documentation has it.
DOCUMENTED = {
    "market_price": 0.0213, "mmROI": 1.5, "staked": 1000,
    "blockchain": {"height": 7, "blocktime": 13, "total_supply": 42, "circulating_supply": 41},
    "nodes": {"count": 700, "online": 650, "total": 700, "vpn": 12},
    "power": {"cpus": 9000, "gpus": 1100, "disk": 10**15, "mem": 10**14, "total_tflops": 500,
              "utilized_tflops": 100},
    "platform": {"total_jobs": 12345},
    "marketplace": {"gpus": {}},
}  # fmt: skip


def stats(panel: Tag) -> dict[str, str]:
    """Each figure with what stands below it."""
    return {
        text_of(stat.select("dt")[0]): " ".join(text_of(part) for part in stat.select("dd"))
        for stat in panel.select(".stat")
    }


def test_the_website_s_shape_has_no_unknown_figure(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /network": WEBSITE}
    panel = guest.panel("/playground/network", "network")
    assert stats(panel) == {
        "Nodes": "731",
        "Node locations": "52",
        "GPUs": "1\u202f204",
        "VPN relay locations": "38",
        "Total sessions": "90\u202f210 104 in 24 hours",
        "Users": "8\u202f123 17 new in 24 hours",
        "Frames rendered": "190\u202f001 811 in 24 hours",
    }
    words = [text_of(tag) for tag in panel.select(".meter-words")]
    assert words == ["40\u202f124 TFLOPS in total", "60 rented, 20 free"]
    weeks = {
        text_of(row.select("th")[0]): str(row.select("td[data-label=Frames]")[0]["data-value"])
        for row in panel.select('[data-table="weeks"] tbody tr')
    }
    assert list(weeks.items()) == [("2026-08-10", "5200"), ("2026-08-03", "4100")]
    cells = panel.select('[data-table="gpus"] td[data-label="Price per hour"]')
    assert [text_of(cell) for cell in cells] == ["$0.41", "—"]


def test_the_documented_shape(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /network": DOCUMENTED}
    panel = guest.panel("/playground/network", "network")
    assert stats(panel) == {
        "Nodes online": "650 of 700",
        "GPUs": "1\u202f100",
        "CPU cores": "9\u202f000",
        "Memory": "100 TB",
        "Disk": "1.0 PB",
        "VPN relays": "12",
        "Market price": "$0.0213 per OCTA",
        "Total jobs": "12\u202f345",
    }
    assert "100 of 500 TFLOPS in use · 20.0 %" in text_of(panel)
    assert "—" not in text_of(panel)


@pytest.mark.parametrize(
    ("answer", "figures", "power"),
    [
        (
            WEBSITE,
            {"Nodes": "731", "GPUs": "1\u202f204", "Sessions in 24 hours": "104"},
            "40\u202f124 TFLOPS in total",
        ),
        (
            DOCUMENTED,
            {"Nodes online": "650 of 700", "GPUs": "1\u202f100", "Market price": "$0.0213 per OCTA"},
            "100 of 500 TFLOPS in use",
        ),
        # Both in one answer: the figure of either.
        (
            {**DOCUMENTED, "nodes": {"total": 3}, "power": {"tflops": 7, "utilized_tflops": 2}},
            {"Nodes": "3", "Market price": "$0.0213 per OCTA"},
            "2 of 7 TFLOPS in use",
        ),
    ],
    ids=["website", "documented", "both"],
)
def test_the_dashboard_shows_either(
    guest: Visitor, small_api: SmallApi, answer: dict[str, object], figures: dict[str, str], power: str
) -> None:
    small_api.answers = {"GET /network": answer}
    panel = guest.panel("/playground/dashboard", "network")
    assert stats(panel) == figures
    assert text_of(panel.select(".meter-words")[0]) == power
    assert "—" not in text_of(panel)


def test_figures_that_make_no_sense_are_left_out(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {
        "GET /network": {"nodes": {"count": "many", "online": True}, "power": [], "render": 4}
    }
    panel = guest.panel("/playground/network", "network")
    assert not panel.select(".problem")
    assert stats(panel) == {}
    assert panel.select(".empty")
