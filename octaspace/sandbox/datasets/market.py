"""The market (Q12): machines, render nodes and VPN relays; and the state of the network."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from ..world.nodes import GIB, make_reliability
from .catalogue import CPUS, GPUS, MARKET_PRICE, PLACES

#: Wei per GB that every offer costs for storage and traffic.
STORAGE_WEI, TRAFFIC_WEI = 10**15, 5 * 10**14


def make_offers(source: random.Random, count: int, first_id: int) -> list[dict[str, Any]]:
    """`count` machines with ids from `first_id`, in the shape of GET /services/mr and /services/render."""
    return [_make_offer(source, number, first_id + number) for number in range(count)]


def _make_offer(source: random.Random, number: int, node_id: int) -> dict[str, Any]:
    place, cpu, gpu = PLACES[number % len(PLACES)], CPUS[number % len(CPUS)], GPUS[number * 5 % len(GPUS)]
    gpus = 0 if number % 14 == 13 else (1, 1, 2, 4, 8)[number % 5]
    usd = round((gpu.usd_per_hour * max(gpus, 0.2)) * source.uniform(0.8, 1.25), 4)
    # Whole thousandths of an OCTA, so that Wei and OCTA are exactly equal.
    milli_octa = round(usd / MARKET_PRICE * 1000)
    offer: dict[str, Any] = {
        "node_id": node_id,
        "country": place.country,
        "country_iso": place.iso,
        "city": place.city,
        "cpu_model_name": cpu.model,
        "cpu_cores": cpu.cores,
        "cpu_speed": source.choice((2900, 3400, 3700)),
        "cpu_vendor_id": cpu.vendor,
        "total_memory": (64 + 32 * (number % 6)) * GIB,
        "memory_type": "DDR5",
        "memory_speed": 4800,
        "disk_speed_mbs": 1800 + 400 * (number % 5),
        "free_disk": 300_000_000_000 + 90_000_000_000 * (number % 25),
        "arch": "x86_64",
        "os_version": "Ubuntu 22.04",
        "is_hive_os": number % 11 == 10,
        "is_wsl": False,
        "virt": "none",
        "cuda_version": "12.8",
        "gpus": [{"model": gpu.model, "mem_total_mb": gpu.memory_mb} for _ in range(gpus)],
        "is_has_gpu": gpus > 0,
        "ai_score": gpu.ai_score * gpus,
        "blender_score": 900 * gpus,
        "blender_cpu_score": 9 * cpu.cores,
        "blender_cuda_score": 880 * gpus,
        "blender_optix_score": 1500 * gpus,
        "net_down_mbits": _bandwidth(source, number),
        "net_up_mbits": _bandwidth(source, number),
        "currency_usd": True,
        "market_price": MARKET_PRICE,
        "total_price_usd": usd,
        "total_price_wei": milli_octa * 10**15,
        "total_price_ether": milli_octa / 1000,
        "base": milli_octa * 10**15,
        "base_ether": milli_octa / 1000,
        "base_usd": round(usd * 10_000),
        "storage": STORAGE_WEI,
        "storage_ether": 0.001,
        "storage_usd": 1,
        "traffic": TRAFFIC_WEI,
        "traffic_ether": 0.0005,
        "traffic_usd": 1,
        "reliability": make_reliability(source),
        "features": ["gpu", "nvme"] if gpus else ["nvme"],
        "available_ports": 16 + number,
    }
    if gpus:
        # The deprecated field, by vendor; the loose data set has the other shapes (Q22).
        offer["gpu"] = {"nvidia": [dict(card) for card in offer["gpus"]], "amd": [], "intel": []}
    if number % 8 == 7:  # Not every offer has every unit (Q5).
        for name in ("total_price_ether", "base_ether", "storage_ether", "traffic_ether", "storage_usd"):
            del offer[name]
    return offer


def _bandwidth(source: random.Random, number: int) -> int:
    """Megabit per second, or bytes per second under the same name, or 0 for unknown (Q4)."""
    if number % 13 == 12:
        return 0
    if number % 2:
        return source.randint(500, 9_000)
    return source.randint(50_000_000, 900_000_000)


def make_relays(source: random.Random, count: int, first_id: int) -> list[dict[str, Any]]:
    """`count` VPN relays with ids from `first_id`, in the shape of GET /services/vpn."""
    relays = []
    for number in range(count):
        place = PLACES[number % len(PLACES)]
        milli_usd = source.randint(10, 45)
        down, up = 0 if number % 12 == 3 else source.randint(150, 900), source.randint(50, 500)
        relays.append(
            {
                "node_id": first_id + number,
                "country": place.country,
                "country_iso": place.iso,
                "city": place.city,
                "latitude": place.latitude,
                "longitude": place.longitude,
                "residential": number % 3 == 0,
                "net_down_mbits": down,
                "net_up_mbits": up,
                # The same in bytes per second, and more that older clients read (Q23).
                "net_down_mbs": down * 125_000,
                "net_up_mbs": up * 125_000,
                "reliability": 90 + number * 7 % 100 / 10,
                "traffic_price_usd": milli_usd / 1000,
                "traffic_price_ether": round(milli_usd / 1000 / MARKET_PRICE, 4),
                "traffic_price": milli_usd / 10,
                "total_price_usd": milli_usd / 1000,
            }
        )
    return relays


#: First days of weeks as /network writes them (Q21).
_WEEKS = ("2026-10-26", "2026-11-2", "2026-11-9", "2026-11-16")


def make_network(offers: list[dict[str, Any]], relays: int, nodes: int) -> dict[str, Any]:
    """The answer of GET /network, with the figures of both shapes (Q21); the market is that of the offers."""
    prices: dict[str, list[float]] = defaultdict(list)
    for offer in offers:
        for gpu in offer["gpus"]:
            prices[gpu["model"]].append(offer["total_price_usd"] / len(offer["gpus"]))
    online = nodes * 13 // 15
    return {
        "blockchain": {
            "height": 9_299_385 if nodes else 0,
            "difficulty": 1_234_567_890,
            "hashrate": 987_654_321,
            "total_supply": 42_115_431,
            "circulating_supply": 42_115_431,
            "era": "Vega",
            "blocktime": 12.77,
        },
        "market_price": MARKET_PRICE,
        "mmROI": 8.5,
        "staked": 5_000_000,
        "nodes": {
            "count": nodes,
            "vpn": relays,
            "online": online,
            "total": nodes,
            "locations": nodes * 4 // 45,
            "vpn_locations": relays * 4 // 15,
        },
        "power": {
            "cpus": nodes * 32,
            "gpus": nodes * 3,
            "disk": nodes * 2_681_159_420_289,
            "mem": nodes * 231_884_057_971,
            "total_tflops": nodes * 73.9,
            "utilized_tflops": nodes * 46.4,
            "tflops": nodes * 73.9,
        },
        "marketplace": {
            "gpus": {
                model: {"avg_price": round(sum(each) / len(each), 4), "count": len(each)}
                for model, each in sorted(prices.items())
            },
            "total_sessions": nodes * 583,
            "sessions_24h": nodes * 4 // 3,
            "nodes_rented": nodes * 2 // 5,
            "nodes_idle": nodes - nodes * 2 // 5,
        },
        "platform": {"total_jobs": nodes * 3 // 5, "users": nodes * 27, "users_24h": nodes // 18},
        "render": {
            "frames_24h": nodes * 7,
            "frames_total": nodes * 14_000,
            "frames_by_week": [{week: nodes * (43 + 2 * place)} for place, week in enumerate(_WEEKS)],
        },
    }


#: Wei per hour of a VPN session: 0.02 OCTA.
VPN_RATE = 2 * 10**16


def offer_terms(service: str, offer: dict[str, Any]) -> dict[str, Any]:
    """What a session copies from the offer it rents: place, price, hardware."""
    place = {name: offer[name] for name in ("country", "country_iso", "city") if name in offer}
    if service == "vpn":
        return {"place": place, "rate": VPN_RATE, "base_usd": 21}
    hardware = {
        "cpu": offer["cpu_model_name"],
        "cpu_cores": offer["cpu_cores"],
        "gpu": cards(offer),
        "total_memory": offer["total_memory"],
        "disk": 100_000_000_000,
    }
    return {
        "place": place,
        "rate": _hourly_wei(offer),
        "base_usd": offer["base_usd"],
        "node_hw": hardware,
    }


def cards(offer: dict[str, Any]) -> list[dict[str, Any]]:
    """The GPUs of an offer, from `gpus` or else from the mapping `gpu` (Q22)."""
    if "gpus" in offer:
        found: list[dict[str, Any]] = offer["gpus"]
        return found
    by_vendor = offer.get("gpu")
    return [card for each in by_vendor.values() for card in each] if isinstance(by_vendor, dict) else []


def _hourly_wei(offer: dict[str, Any]) -> int:
    """The price in Wei, from whichever unit the offer has (Q5)."""
    if "total_price_wei" in offer:
        return int(offer["total_price_wei"])
    usd: float = offer["base_usd"] / 10_000
    return round(usd / MARKET_PRICE * 1000) * 10**15
