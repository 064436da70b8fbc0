"""Filters over raw lists, without a request more; typed offers, cheapest first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client, types
from octaspace.sandbox import SandboxServer

from .conftest import API


def offer(node_id: int, **fields: Any) -> dict[str, Any]:
    return {"node_id": node_id, **fields}


def cards(*models_and_mb: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"model": model, "mem_total_mb": size} for model, size in models_and_mb]


OFFERS = [
    offer(1, total_price_usd=0.43, country="Germany", country_iso="DE", reliability={"uptime": 99.5},
          gpus=cards(("NVIDIA GeForce RTX 5090", 32607)), net_down_mbits=100),
    offer(2, total_price_usd=0.2, country="France", country_iso="FR", reliability=90,
          gpus=cards(("NVIDIA GeForce RTX 3090", 24576), ("NVIDIA GeForce RTX 3060", 12288)),
          net_down_mbits=872229553),
    offer(3, total_price_usd=0.43, country="Germany", country_iso="DE", reliability=None, gpus=[]),
    offer(4, total_price_usd=None, gpus=cards(("AMD Radeon", 16368))),
    offer(5, base_usd=1000, gpus="odd", country_iso="DE"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [5, 2, 1, 3, 4]),
        ({"gpu": "rtx"}, [2, 1]),
        ({"gpu": " RTX 5090 "}, [1]),
        ({"min_vram_gb": 24}, [2, 1]),
        ({"min_vram_gb": 32}, [1]),
        ({"gpu": "3060", "min_vram_gb": 24}, []),
        ({"country": "de"}, [5, 1, 3]),
        ({"country": "GERMANY"}, [1, 3]),
        ({"max_price_usd": 0.43}, [5, 2, 1, 3]),
        ({"max_price_usd": Decimal("0.429")}, [5, 2]),
        ({"min_reliability": 90}, [2, 1]),
        ({"min_reliability": 99.5}, [1]),
        ({"sort": "reliability"}, [1, 2, 3, 4, 5]),
        ({"sort": "vram"}, [1, 2, 4, 3, 5]),
        ({"sort": "download"}, [2, 1, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("service", ["mr", "render"])
def test_machines(
    service: str,
    filters: dict[str, Any],
    found: list[int],
    client: Client,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.get(f"{API}/services/{service}", json=OFFERS)
    offers = getattr(client.services, service).search(**filters)
    assert [item.node_id for item in offers] == found
    assert {type(item) for item in offers} <= {types.MachineOffer if service == "mr" else types.RenderOffer}
    assert requests_mock.call_count == 1
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.query == ""


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [2, 1, 3]),
        ({"country": "de"}, [1]),
        ({"residential": True}, [1]),
        ({"residential": False}, [2]),
        ({"max_price_usd": 0.03}, [2]),
        ({"sort": "download"}, [1, 2, 3]),
    ],
)
def test_relays(
    filters: dict[str, Any], found: list[int], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    relays = [
        offer(
            1,
            country="Germany",
            country_iso="DE",
            residential=True,
            traffic_price_usd=0.04,
            net_down_mbits=570,
        ),
        offer(
            2,
            country="France",
            country_iso="FR",
            residential=False,
            traffic_price_usd=0.03,
            net_down_mbits="30",
        ),
        offer(3),
    ]
    requests_mock.get(f"{API}/services/vpn", json=relays)
    assert [relay.node_id for relay in client.services.vpn.search(**filters)] == found


def test_against_the_sandbox(sandbox: SandboxServer, sandbox_client: Client) -> None:
    offers = sandbox_client.services.mr.search(min_vram_gb=16, max_price_usd=5, min_reliability=50)
    assert offers
    prices = [item.price_usd for item in offers]
    assert None not in prices
    assert prices == sorted(price for price in prices if price is not None)


@pytest.mark.parametrize("odd", [None, 7, "text", [], {}, {"node_id": "x"}])
@pytest.mark.parametrize("service", ["mr", "vpn", "render"])
def test_an_entry_that_nobody_could_rent_is_left_out(
    service: str, odd: Any, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(f"{API}/services/{service}", json=[odd, offer(7), odd])
    assert [item.node_id for item in getattr(client.services, service).search()] == [7]


@pytest.mark.parametrize("data", [{"offers": []}, None, "text"])
@pytest.mark.parametrize("service", ["mr", "vpn", "render"])
def test_an_answer_that_is_no_list(
    service: str, data: Any, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(f"{API}/services/{service}", json=data, headers={"X-Request-Id": "sk-secret r-1"})
    words = rf"^GET /services/{service}: 200, but .* \[request id \*\*\* r-1\]$"
    kind = octaspace.UnexpectedShapeError if isinstance(data, dict) else octaspace.InvalidResponseError
    with pytest.raises(kind, match=words) as caught:
        getattr(client.services, service).search()
    assert caught.value.status == 200
    if isinstance(caught.value, octaspace.UnexpectedShapeError):
        names = {"mr": "MachineOffer", "vpn": "VpnRelay", "render": "RenderOffer"}
        assert (caught.value.type_name, caught.value.field) == (names[service], None)
