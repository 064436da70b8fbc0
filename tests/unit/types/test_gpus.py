"""The ways in which graphics cards are listed (Q22); a card that is listed twice is one card."""

from __future__ import annotations

from typing import Any

import pytest

from octaspace import types
from octaspace.types import Gpu

NVIDIA: dict[str, Any] = {
    "model": "NVIDIA GeForce RTX 4090", "mem_total_mb": 24564, "mem_free_mb": 24000, "idx": 0,
    "bus_id": "0000:01:00.0", "pcie_link_gen": 4, "pcie_link_width": 16, "gpu_utilization": 6,
    "gpu_temperature": 36, "fan_speed": 72, "power_limit_watt": 350, "power_limit_default_watt": 450,
    "pstate": "P2", "driver_version": "570.86", "mem_utilization": 3, "display_active": "Disabled",
    "display_mode": "Enabled",
}  # fmt: skip
AMD = {"idx": 0, "mem_total_mb": 24560, "model": "Radeon RX 7900 XTX"}
INTEL = {"idx": 0, "mem_total_mb": 16288, "model": "Intel Arc A770"}
SHORT = {"model": "NVIDIA GeForce RTX 4090", "mem_total_mb": 24564}


def offer(**fields: Any) -> types.MachineOffer:
    return types.MachineOffer.from_api({"node_id": 1, **fields})


def test_q22_cards_by_vendor_with_all_their_fields() -> None:
    machine = offer(gpu={"nvidia": [NVIDIA], "amd": [AMD], "intel": [INTEL]})
    assert machine.gpu_models == ("NVIDIA GeForce RTX 4090", "Radeon RX 7900 XTX", "Intel Arc A770")
    first, second, third = machine.gpus
    assert first == Gpu(**NVIDIA, vendor="nvidia")
    assert (first.driver_version, first.mem_utilization) == ("570.86", 3)
    assert (first.display_active, first.display_mode) == ("Disabled", "Enabled")
    assert second == Gpu(model="Radeon RX 7900 XTX", mem_total_mb=24560, idx=0, vendor="amd")
    assert third.vendor == "intel"
    assert machine.total_vram_gb == pytest.approx(65.412)
    assert machine.extra == first.extra == {}


@pytest.mark.parametrize("empty", [[], None])
def test_q22_a_vendor_without_cards(empty: Any) -> None:
    machine = offer(gpu={"nvidia": empty, "AMD": [AMD], "intel": empty})
    assert machine.gpus == (Gpu(**AMD, vendor="amd"),)
    assert machine.extra == {}
    assert offer(gpu={"nvidia": empty, "amd": empty}, gpus=[]).gpus == ()


@pytest.mark.parametrize("cards", [[SHORT], [SHORT] * 4, [NVIDIA], [SHORT, AMD], [AMD, INTEL, SHORT]])
def test_q22_a_card_in_both_lists_is_one_card_with_what_both_tell(cards: list[dict[str, Any]]) -> None:
    grouped = {
        "nvidia": [{**NVIDIA, **card} for card in cards if card not in (AMD, INTEL)],
        "amd": [card for card in cards if card == AMD],
        "intel": [card for card in cards if card == INTEL],
    }
    machine = offer(gpus=cards, gpu=grouped)
    assert [card.model for card in machine.gpus] == [card["model"] for card in cards]
    assert {card.vendor for card in machine.gpus} == {vendor for vendor, listed in grouped.items() if listed}
    assert {card.driver_version for card in machine.gpus if card.vendor == "nvidia"} <= {"570.86"}
    assert machine.extra == {}


def test_q22_cards_that_only_one_list_has_are_counted() -> None:
    added = offer(gpus=[SHORT], gpu={"nvidia": [NVIDIA], "amd": [AMD]})
    assert [card.vendor for card in added.gpus] == ["nvidia", "amd"]
    disjoint = offer(gpus=[SHORT], gpu={"amd": [AMD]})
    assert [card.model for card in disjoint.gpus] == [SHORT["model"], AMD["model"]]
    more = offer(gpus=[SHORT], gpu={"nvidia": [SHORT, SHORT]})
    assert len(more.gpus) == 2
    fewer = offer(gpus=[SHORT, SHORT, AMD], gpu={"nvidia": [SHORT]})
    assert [card.vendor for card in fewer.gpus] == ["nvidia", None, None]
    for each in (added, disjoint, more, fewer):
        assert each.extra == {}


def test_q22_an_empty_list_leaves_what_the_other_tells() -> None:
    assert offer(gpus=[], gpu={"amd": [AMD]}).gpus == (Gpu(**AMD, vendor="amd"),)
    assert offer(gpus=[SHORT], gpu={}).gpus == (Gpu(**SHORT),)
    assert offer(gpus=[], gpu="RTX 4090").gpus == (Gpu("RTX 4090"),)


def test_q22_one_card_under_two_names_is_not_counted_twice_and_both_names_are_kept() -> None:
    grouped = {"nvidia": [{"model": "GeForce RTX 4090", "mem_total_mb": 24564}]}
    machine = offer(gpus=[SHORT], gpu=grouped)
    assert machine.gpus == (Gpu(**SHORT),)
    assert machine.extra == {"gpu": grouped}


def test_q22_the_place_on_the_bus_tells_cards_apart() -> None:
    other = {**NVIDIA, "bus_id": "0000:02:00.0", "idx": 1}
    machine = offer(gpus=[NVIDIA, other], gpu={"nvidia": [other, NVIDIA]})
    assert [card.bus_id for card in machine.gpus] == ["0000:01:00.0", "0000:02:00.0"]
    assert [card.idx for card in machine.gpus] == [0, 1]
    apart = offer(gpus=[NVIDIA], gpu={"nvidia": [other]})
    assert [card.bus_id for card in apart.gpus] == ["0000:01:00.0", "0000:02:00.0"]


def test_q22_figures_that_contradict_are_kept() -> None:
    grouped = {"nvidia": [{**SHORT, "mem_free_mb": 5}]}
    machine = offer(gpus=[{**SHORT, "mem_free_mb": 6}], gpu=grouped)
    assert [card.mem_free_mb for card in machine.gpus] == [6]
    assert machine.extra == {"gpu": grouped}


@pytest.mark.parametrize(
    ("sent", "models"),
    [
        ({"nvidia": [SHORT, None]}, [SHORT["model"]]),
        ({"nvidia": [SHORT], "amd": "none"}, [SHORT["model"]]),
        ({"nvidia": [SHORT], "count": 1}, [SHORT["model"]]),
        ({"nvidia": 2}, []),
        (7, []),
        (True, []),
    ],
)
def test_q22_what_cannot_be_read_is_kept(sent: Any, models: list[str]) -> None:
    machine = offer(gpu=sent)
    assert [card.model for card in machine.gpus] == models
    assert machine.extra == {"gpu": sent}


def test_q22_text_under_gpus_is_no_card() -> None:
    for sent in ("odd", 2, {"nvidia": 2}):
        machine = offer(gpus=sent)
        assert (machine.gpus, machine.extra) == ((), {"gpus": sent})


def test_q22_every_holder_of_cards_reads_every_shape() -> None:
    card = Gpu(**SHORT, vendor="nvidia")
    for sent in ({"gpus": {"nvidia": [SHORT]}}, {"gpu": {"nvidia": [SHORT]}}):
        assert offer(**sent).gpus == types.System.from_api(sent).gpus == (card,)
        assert types.SessionHardware.from_api(sent).gpu == (card,)
    for one in ([SHORT], SHORT, {SHORT["model"]: [{"mem_total_mb": "24564"}]}):
        assert offer(gpu=one).gpus == types.SessionHardware.from_api({"gpu": one}).gpu == (Gpu(**SHORT),)
    assert types.System.from_api({"gpu": "RTX 4090", "ram": 128}).gpus == (Gpu("RTX 4090"),)


def test_q22_numbers_of_a_card_as_text() -> None:
    texts = {name: str(value) for name, value in NVIDIA.items()}
    assert Gpu.from_api(texts) == Gpu(**NVIDIA)
    assert Gpu.from_api(dict.fromkeys(NVIDIA)) == Gpu()


def test_q22_new_fields_of_offers() -> None:
    sent = {
        "blender_cpu_score": 120.5, "blender_cuda_score": "880", "blender_optix_score": 950,
        "disk_speed_mbs": "3500", "memory_type": "DDR5", "memory_speed": 4800, "currency_usd": True,
        "market_price": 0.104, "virt": "kvm", "available_ports": "16",
    }  # fmt: skip
    machine = offer(**sent)
    assert (machine.blender_cpu_score, machine.blender_cuda_score) == (120.5, 880)
    assert machine.blender_optix_score == 950
    assert (machine.disk_speed_mbs, machine.memory_type, machine.memory_speed) == (3500, "DDR5", 4800)
    assert (machine.currency_usd, str(machine.market_price)) == (True, "0.104")
    assert (machine.virt, machine.available_ports) == ("kvm", 16)
    assert machine.extra == {}
    assert offer(**dict.fromkeys(sent)) == offer()


@pytest.mark.parametrize("sent", [99.5, "99.5"])
def test_q22_reliability_may_be_a_plain_number(sent: Any) -> None:
    assert offer(reliability=sent).reliability == types.Reliability(uptime=99.5)
    for odd in ("high", True, [], "99.5 %"):
        machine = offer(reliability=odd)
        assert (machine.reliability, machine.reliability_percent) == (None, None)
        assert machine.extra == {"reliability": odd}
