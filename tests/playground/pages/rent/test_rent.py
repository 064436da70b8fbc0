"""A rental: the page that asks with the cost, and one request for one order."""

from __future__ import annotations

import json
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from octaspace.sandbox import SandboxServer
from octaspace.types import MachineOffer, VpnRelay
from playground.pages.rent.estimate import estimate

from ...browsing import ORIGIN, Visitor, text_of
from .renting import DIFFUSION, MACHINE, SERVICES_PAGE, offers_of, order, rent, rentals


def test_the_question_says_what_where_and_what_it_costs(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(order(visitor, "mr", **MACHINE, envs="TOKEN=very-secret"))
    text = text_of(page.select("#main")[0])
    offer = next(offer for offer in sandbox.world.initial_state.mr if offer["node_id"] == 9101)
    usd, octa = Decimal(str(offer["total_price_usd"])), Decimal(str(offer["total_price_ether"]))
    costs = (f"${usd:.3f}", f"${usd * 24:.2f}", f"{octa:.4f} OCTA", f"{octa * 24:.3f} OCTA")
    for words in (*costs, "Sandbox", "9101"):
        assert words in text, words
    line = text_of(page.select("#sent")[0])
    assert line.startswith("client.services.mr.create(node_id=9101, disk_size=20, image='ubuntu:24.04'")
    assert "'TOKEN': 'very-secret'" in line
    copied = [str(button["data-copy"]) for button in page.select(".needs-script [data-copy]")]
    assert any(
        text.startswith("curl --fail-with-body --request POST --header 'Authorization: playground-sandbox'")
        for text in copied
    )
    assert rentals(sandbox) == []


def test_a_relay_is_estimated_by_its_traffic(visitor: Visitor) -> None:
    page = visitor.page(order(visitor, "vpn", node_id="9301", subkind="v2ray", protocol="vless"))
    text = text_of(page.select(".costs")[0])
    assert "Per GB of traffic" in text
    assert "Per day, at 1 GB an hour" in text
    assert (
        "client.services.vpn.create(node_id=9301, subkind='v2ray', protocol='vless', name='playground')"
        in text_of(page)
    )


def test_an_unknown_node_is_not_priced_but_may_be_tried(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(order(visitor, "mr", **{**MACHINE, "node_id": "4"}))
    assert not page.select(".costs")
    assert "not among the offers" in text_of(page.select(".notice-warn")[0])
    failed = visitor.follow(rent(visitor, "mr", **{**MACHINE, "node_id": "4"}))
    assert "node not found" in text_of(failed.select(".problem")[0])


def test_the_question_is_asked_though_the_price_cannot_be_had(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=500, path="/services/mr", methods=["GET"])
    page = visitor.page(order(visitor, "mr", **MACHINE))
    assert "The offers could not be loaded" in text_of(page)
    assert page.select("#panel-offer .problem")
    assert "$" not in text_of(page.select("#main button.btn-primary")[0])


def test_what_speaks_against_it_is_said(visitor: Visitor, sandbox: SandboxServer) -> None:
    small = next(offer for offer in sandbox.world.initial_state.mr if not offer["gpus"])
    fields = {**MACHINE, "node_id": str(small["node_id"]), "disk_size": "9000", "app": DIFFUSION}
    warnings = [
        text_of(notice) for notice in visitor.page(order(visitor, "mr", **fields)).select(".notice-warn")
    ]
    assert any("9000 GB are more than" in warning for warning in warnings)
    assert any("8 GB of VRAM" in warning for warning in warnings)


def test_estimates_use_the_units_there_are() -> None:
    both = MachineOffer.from_api({"node_id": 1, "total_price_usd": 0.5, "total_price_wei": 5 * 10**18})
    assert (str(estimate(both, 0.104).usd), str(estimate(both, 0.104).octa)) == ("0.5", "5")
    assert not estimate(both, 0.104).converted
    only_usd = MachineOffer.from_api({"node_id": 1, "base_usd": 2080})
    assert (estimate(only_usd, 0.104).octa, estimate(only_usd, 0.104).converted) == (2, True)
    assert estimate(only_usd, None).octa is None
    assert not estimate(MachineOffer.from_api({"node_id": 1}), 0.104).known
    relay = VpnRelay.from_api({"node_id": 1, "traffic_price_usd": 0.02, "traffic_price_ether": 0.2})
    assert estimate(relay, None).hours_left(10**18) == 5


@pytest.mark.parametrize(
    ("service", "fields", "body"),
    [
        (
            "mr",
            {**MACHINE, "ports": "22 5000", "http_ports": "8080", "envs": "A=b=c\n\nEMPTY=",
             "start_command": "run", "entrypoint": "/sh", "organization_id": "7", "project_id": "8",
             "app": DIFFUSION},
            [{"id": 0, "node_id": 9101, "disk_size": 20, "image": "ubuntu:24.04", "app": DIFFUSION,
              "envs": {"A": "b=c", "EMPTY": ""}, "ports": [22, 5000], "http_ports": [8080],
              "start_command": "run", "entrypoint": "/sh", "organization_id": 7, "project_id": 8}],
        ),
        ("vpn", {"node_id": "9301", "subkind": "v2ray", "protocol": "vmess"},
         {"node_id": 9301, "subkind": "v2ray", "protocol": "vmess"}),
        ("render", {"node_id": "9201", "disk_size": "5", "envs": "", "multi_gpu_worker": "false"},
         {"node_id": 9201, "disk_size": 5, "multi-gpu-worker": False}),
    ],
)  # fmt: skip
def test_every_option_is_sent_and_the_session_is_shown(
    visitor: Visitor, sandbox: SandboxServer, service: str, fields: dict[str, str], body: Any
) -> None:
    answer = rent(visitor, service, **fields)
    (sent,) = [json.loads(entry.body) for entry in rentals(sandbox)]
    if service == "mr":
        assert len(sent[0]["envs"].pop("OCTASPACE_RENTAL_ID")) == 32
    assert sent == body
    assert str(answer.headers["Location"]).startswith("/playground/sessions/")
    page = visitor.follow(answer)
    assert "Rented" in text_of(page.select(".notice-ok")[0])
    assert "ended" not in text_of(page.select("#panel-info .state-line")[0])


def test_a_rental_with_a_deadline_says_when_it_is_stopped(visitor: Visitor) -> None:
    """After the form, and on the page of its session, with a link to its entry in the ledger."""
    page = visitor.follow(rent(visitor, "mr", **MACHINE, name="first try", max_duration="0.5"))
    (notice,) = page.select("main > .notice-ok")
    assert "It is charged until it is stopped, at the latest 30 min 00 s after its start." in text_of(notice)
    details = text_of(page.select("#panel-info dl.pairs")[0])
    assert "first try" in details
    assert re.search("Stopped automatically in (29|30) min", details)
    assert page.select('#panel-info a[href="/playground/rentals"]')
    page = visitor.follow(rent(visitor, "mr", **MACHINE))
    assert "It is charged until it is stopped. " in text_of(page.select("main > .notice-ok")[0])
    assert "Stopped automatically no" in text_of(page.select("#panel-info dl.pairs")[0])


def test_one_order_is_one_rental_however_it_is_sent(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("slow", path="/services/mr", seconds=0.3)
    answers: list[TestResponse] = []
    token = visitor.token()
    cookie = visitor.client.get_cookie("playground_3000", domain="127.0.0.1")
    assert cookie is not None

    def press() -> None:
        same_browser = app.test_client()
        same_browser.set_cookie(cookie.key, cookie.value, domain="127.0.0.1")
        answers.append(
            same_browser.post(question, data={"csrf_token": token}, base_url=ORIGIN, buffered=True)
        )

    presses = [threading.Thread(target=press) for _ in range(4)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join()
    answers.append(visitor.post(question))  # Back, and pressed again
    assert len(rentals(sandbox)) == 1
    places = {urlsplit(str(answer.headers["Location"])).path for answer in answers}
    assert len(places) == 1
    assert places.pop().startswith("/playground/sessions/")
    again = visitor.page(question)  # Back shows the result, and no button
    assert not again.select("#main form")
    assert str(again.select("#main a.btn-primary")[0]["href"]).startswith("/playground/sessions/")


def test_a_rejection_inside_http_200_is_shown_with_its_reason(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    answer = rent(visitor, "mr", **{**MACHINE, "node_id": "9127"}, envs="TOKEN=very-secret", ports="22")
    page = visitor.follow(answer)
    card = text_of(page.select(".outcome .problem")[0])
    for words in ("ProvisionRejectedError", "HTTP 200", "node is busy"):
        assert words in card, words
    assert "Nothing was rented" in card
    assert len(rentals(sandbox)) == 1
    assert page.select("#ports")[0]["value"] == "22"
    assert "TOKEN=very-secret" in page.select("#envs")[0].get_text()
    # Another offer keeps what was typed.
    offers = visitor.page(str(page.select('.notice-warn a[href*="order="]')[0]["href"]))
    other = visitor.page(offers_of(offers)[3])
    assert other.select("#node_id")[0]["value"] != "9127"
    assert other.select("#ports")[0]["value"] == "22"


@pytest.mark.parametrize(("service", "node"), [("vpn", "9999"), ("render", "9999")])
def test_a_refusal_is_shown_with_its_reason(
    visitor: Visitor, sandbox: SandboxServer, service: str, node: str
) -> None:
    fields = {"node_id": node, "subkind": "wg"} if service == "vpn" else {"node_id": node, "disk_size": "1"}
    page = visitor.follow(rent(visitor, service, **fields))
    assert "node not found" in text_of(page.select(".problem")[0])
    assert "ValidationError" in text_of(page.select(".problem")[0])


def test_an_answer_that_is_lost_warns_before_a_second_rental(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    question = order(visitor, "mr", **MACHINE)
    sandbox.faults.add("drop_after_read", path="/services/mr", count=1)
    page = visitor.page(str(visitor.post(question).headers["Location"]))
    assert "may have been carried out" in text_of(page.select(".outcome .problem[data-outcome-unknown]")[0])
    assert page.select('.notice-warn a[href="/playground/sessions"]')
    assert len(rentals(sandbox)) == 1
    again = visitor.page(question)
    assert not again.select("#main form")
    assert "outcome is unknown" in text_of(again.select(".empty")[0])


def test_secrets_of_a_rental_are_in_no_log_and_go_when_it_is_made(
    app: Flask, visitor: Visitor, sandbox: SandboxServer, tmp_path: Path
) -> None:
    answer = rent(visitor, "mr", **MACHINE, envs="TOKEN=very-secret")
    page = visitor.follow(answer)
    assert "very-secret" not in str(page)
    for kind in ("json", "har"):
        log = visitor.get(f"/playground/requests/log.{kind}?source=all").get_data(as_text=True)
        assert "/services/mr" in log
        assert "very-secret" not in log
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"very-secret" in path.read_bytes()]
    assert kept == []


def test_orders_belong_to_their_browser(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    question = order(visitor, "mr", **MACHINE, envs="TOKEN=very-secret")
    other = Visitor(app)
    assert other.get(question).status_code == 302
    assert other.post(question).status_code == 303
    assert "very-secret" not in str(
        other.page(f"{SERVICES_PAGE}/mr/rent?order={question.rpartition('/')[2]}")
    )
    assert rentals(sandbox) == []


def test_forgetting_a_browser_forgets_its_orders(visitor: Visitor, tmp_path: Path) -> None:
    for number in range(25):
        order(visitor, "mr", **MACHINE, envs=f"TOKEN=very-secret-{number}.")

    def kept() -> list[int]:
        files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        return [number for number in range(25) if b"very-secret-%d." % number in files]

    assert kept() == list(range(5, 25))
    visitor.post("/playground/logout")
    assert kept() == []


def test_an_order_of_another_service_is_none(visitor: Visitor) -> None:
    question = order(visitor, "vpn", node_id="9301", subkind="wg")
    assert visitor.get(question.replace("/vpn/", "/mr/")).status_code == 302


def test_in_live_mode_the_number_of_the_node_is_typed(live_visitor: Visitor, sandbox: SandboxServer) -> None:
    question = order(live_visitor, "mr", **MACHINE, ports="22")
    page = live_visitor.page(question)
    assert "costs real money" in text_of(page)
    assert page.select('input[name="typed_name"][required]')
    refused = live_visitor.follow(live_visitor.post(question, typed_name="9102"))
    assert "does not match" in text_of(refused.select(".notice-warn")[0])
    assert refused.select("#ports")[0]["value"] == "22"
    assert rentals(sandbox) == []
    again = order(live_visitor, "mr", **MACHINE)
    assert "/playground/sessions/" in str(live_visitor.post(again, typed_name=" 9101 ").headers["Location"])
    assert len(rentals(sandbox)) == 1
