"""Both shapes of ``GET /network`` (Q21): the documented one, and the one that the website reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from octaspace import types

from .walking import left_over

DOCUMENTED: dict[str, Any] = {
    "blockchain": {"height": 9299385, "era": "Vega", "blocktime": 12.77, "total_supply": 42115431},
    "market_price": 0.104,
    "mmROI": 8.5,
    "staked": 5000000,
    "nodes": {"count": 690, "vpn": 147, "online": 598, "total": 690},
    "power": {"cpus": 21840, "gpus": 2310, "disk": 10**15, "mem": 10**14, "total_tflops": 51000.5,
              "utilized_tflops": 32000.0},
    "marketplace": {"gpus": {"NVIDIA H100": {"avg_price": 0.12, "count": 8}}},
    "platform": {"total_jobs": 412},
}  # fmt: skip

WEBSITE: dict[str, Any] = {
    "blockchain": {"height": 9299385, "era": 4, "blocktime": 12.77, "total_supply": 42115431},
    "market_price": 0.104,
    "nodes": {"count": 690, "vpn": 147, "locations": 41, "vpn_locations": 33},
    "power": {"cpus": 21840, "gpus": 2310, "disk": 10**15, "mem": 10**14, "tflops": 51000.5},
    "marketplace": {
        "gpus": {"NVIDIA H100": {"avg_price": 0.12, "count": 8}},
        "total_sessions": 90210,
        "sessions_24h": 77,
        "nodes_rented": 120,
        "nodes_idle": 300,
    },
    "platform": {"users": 15000, "users_24h": 12},
    "render": {
        "frames_24h": 1200,
        "frames_total": 9000000,
        "frames_by_week": [{"2026-8-10": 5400}, {"2026-8-3": 4100}, {"2026-11-23": 7}],
    },
}


def texts(value: Any) -> Any:
    """The same payload with every number as text."""
    if isinstance(value, dict):
        return {name: texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [texts(each) for each in value]
    return str(value) if isinstance(value, (int, float)) else value


@pytest.mark.parametrize("spelled", [dict, texts])
@pytest.mark.parametrize("payload", [DOCUMENTED, WEBSITE])
def test_q21_what_both_shapes_have_is_under_one_attribute(payload: dict[str, Any], spelled: Any) -> None:
    network = types.Network.from_api(spelled(payload))
    assert network.market_price == Decimal("0.104")
    assert network.blockchain is not None
    assert network.blockchain.height == 9299385
    assert network.nodes is not None
    assert (network.nodes.count, network.nodes.total, network.nodes.vpn) == (690, 690, 147)
    assert network.power is not None
    assert (network.power.total_tflops, network.power.gpus, network.power.mem) == (51000.5, 2310, 10**14)
    assert network.marketplace is not None
    assert network.marketplace.gpus == {"NVIDIA H100": types.GpuMarket(Decimal("0.12"), 8)}
    assert left_over(network) == {}


def test_q21_what_only_the_website_reads() -> None:
    network = types.Network.from_api(WEBSITE)
    assert network.nodes == types.NodeCounts(count=690, total=690, vpn=147, locations=41, vpn_locations=33)
    assert network.platform == types.Platform(users=15000, users_24h=12)
    market = network.marketplace
    assert market is not None
    assert (market.total_sessions, market.sessions_24h) == (90210, 77)
    assert (market.nodes_rented, market.nodes_idle) == (120, 300)
    assert network.render is not None
    assert (network.render.frames_24h, network.render.frames_total) == (1200, 9000000)


def test_q21_what_only_the_documented_shape_has() -> None:
    network = types.Network.from_api(DOCUMENTED)
    assert network.nodes == types.NodeCounts(count=690, total=690, vpn=147, online=598)
    assert network.power is not None
    assert network.power.utilized_tflops == 32000.0
    assert network.platform == types.Platform(total_jobs=412)
    assert network.render is None


def test_q21_one_figure_of_two_names() -> None:
    only_total = types.NodeCounts.from_api({"online": 98, "total": 120})
    assert (only_total.count, only_total.total, only_total.online) == (120, 120, 98)
    both = types.NodeCounts.from_api({"count": 100, "total": 120})
    assert (both.count, both.total) == (100, 120)
    same = types.Power.from_api({"total_tflops": 5, "tflops": 5.0})
    assert (same.total_tflops, same.extra) == (5, {})
    differ = types.Power.from_api({"total_tflops": 5, "tflops": 6})
    assert (differ.total_tflops, differ.extra) == (5, {"tflops": 6})
    null = types.Power.from_api({"total_tflops": None, "tflops": "6.5"})
    assert (null.total_tflops, null.extra) == (6.5, {})


WEEKS = {date(2026, 8, 3): 4100, date(2026, 8, 10): 5400, date(2026, 11, 23): 7}


@pytest.mark.parametrize(
    "sent",
    [
        [{"2026-8-10": 5400}, {"2026-8-3": 4100}, {"2026-11-23": 7}],
        [{"2026-08-10": "5400", "2026-08-03": 4100.0}, {"2026-11-23": 7}],
        {"2026-8-10": 5400, "2026-11-23": "7", "2026-8-3": 4100},
    ],
)
def test_q21_frames_by_week_are_in_order_and_their_dates_need_no_zeros(sent: Any) -> None:
    render = types.RenderCounts.from_api({"frames_by_week": sent})
    assert list(render.frames_by_week.items()) == list(WEEKS.items())
    assert render.extra == {}


@pytest.mark.parametrize(
    "entry",
    [{"2026-13-1": 5}, {"2026-2-30": 5}, {"last week": 5}, {"2026-8-17": "many"}, {"2026-8-17": None},
     {"2026-8-10": 1}, None, 5, "2026-8-17"],
)  # fmt: skip
def test_q21_a_week_that_cannot_be_read_is_no_figure_and_is_kept(entry: Any) -> None:
    sent = [{"2026-8-10": 5400}, entry]
    render = types.RenderCounts.from_api({"frames_by_week": sent})
    assert render.frames_by_week == {date(2026, 8, 10): 5400}
    assert render.extra == {"frames_by_week": sent}


def test_q21_no_weeks() -> None:
    for sent in ([], None):
        render = types.RenderCounts.from_api({"frames_by_week": sent})
        assert (render.frames_by_week, render.extra) == ({}, {})
    odd = types.RenderCounts.from_api({"frames_by_week": 5})
    assert (odd.frames_by_week, odd.extra) == ({}, {"frames_by_week": 5})


def test_a_part_that_is_no_object_is_kept_and_takes_no_other_with_it() -> None:
    network = types.Network.from_api({**WEBSITE, "nodes": 690, "render": "soon", "market_price": "0.2"})
    assert (network.nodes, network.render) == (None, None)
    assert network.market_price == Decimal("0.2")
    assert network.platform == types.Platform(users=15000, users_24h=12)
    assert network.extra == {"nodes": 690, "render": "soon"}
