"""The account: exact money, a person without a picture, and a wallet that is made once."""

from __future__ import annotations

import json

import pytest
from bs4 import Tag

from octaspace.sandbox import SandboxServer
from playground.domain.account import initials

from ...browsing import Visitor

ACCOUNT = "/playground/account"
WALLET = f"{ACCOUNT}/wallet"

#: The balance the sandbox opens with; it is beyond 2**64.
WEI = 1_234_567_890_123_456_789_012


def changes(sandbox: SandboxServer) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in sandbox.journal.entries() if entry.change]


def wallet(visitor: Visitor) -> str:
    button = visitor.panel(ACCOUNT, "profile").select_one('[aria-label="Copy wallet address"]')
    assert isinstance(button, Tag)
    return str(button["data-copy"])


def test_money_is_exact_in_every_unit(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel(ACCOUNT, "balance")
    wei = int(panel.select(".exact dd")[1].get_text())
    assert 0 <= WEI - wei < 10**18
    assert panel.select(".stat dd")[0]["title"] == f"{wei} Wei"
    octa = panel.select(".exact dd")[0].get_text()
    whole, _, part = octa.removesuffix(" OCTA").partition(".")
    assert int(whole) * 10**18 + int(part.ljust(18, "0")) == wei
    assert "$128" in panel.get_text()  # at 0.104 USD
    assert {entry.path for entry in sandbox.journal.entries()} == {
        "/accounts",
        "/accounts/balance",
        "/network",
    }


def test_an_older_balance_in_octa_is_read_too(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="loose")
    panel = visitor.panel(ACCOUNT, "balance")
    assert panel.select(".exact dd")[1].get_text().startswith("12345")
    assert "1234.5" in panel.select(".exact dd")[0].get_text()


def test_without_a_market_price_the_rest_is_there(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/network")
    page = visitor.page(ACCOUNT)
    balance = page.select_one('[data-panel="balance"]')
    assert balance is not None
    assert "market price unknown" in balance.get_text()
    assert "NotFoundError" in str(page.select_one('[data-panel="network"]'))


def test_the_picture_is_never_loaded(visitor: Visitor) -> None:
    page = visitor.page(ACCOUNT)
    assert not [tag for tag in page.find_all("img") if "icon.svg" not in tag["src"]]
    assert not page.select('a[href*="avatar"]')
    person = page.select_one("main .initials")
    assert person is not None
    assert person.get_text() == "UE"
    assert [tag.get_text() for tag in visitor.page("/playground/dashboard").select("main .initials")] == [
        "UE"
    ]


@pytest.mark.parametrize(
    ("email", "letters"), [("user@example.com", "UE"), ("", "?"), (None, "?"), ("<b>@x", "X"), ("ann", "A")]
)
def test_initials(email: str | None, letters: str) -> None:
    assert initials(email) == letters


def test_a_wallet_is_made_once_however_often_the_form_is_sent(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    before = wallet(visitor)
    answers = [visitor.post(WALLET, once="one") for _ in range(2)]
    assert changes(sandbox) == ["POST /accounts"]
    notices = [visitor.follow(answer).select_one(".notice") for answer in answers]
    after = wallet(visitor)
    assert after != before
    assert after in str(notices[0])
    assert str(notices[0]) == str(notices[1])


def test_what_the_wallet_call_answers_is_not_in_the_log(visitor: Visitor) -> None:
    visitor.follow(visitor.post(WALLET))
    exported = json.loads(visitor.get("/playground/requests/log.json?method=POST").data)
    assert [row["path"] for row in exported] == ["/accounts"]
    assert "0x" not in json.dumps(exported[0]["detail"]["answer"])


def test_a_refusal_is_shown_and_not_repeated(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("drop_after_read", path="/accounts", methods=["POST"])
    page = visitor.follow(visitor.post(WALLET))
    card = page.select_one(".outcome .problem")
    assert card is not None
    assert card.has_attr("data-outcome-unknown")
    assert "may have been carried out" in card.get_text()
    assert changes(sandbox) == ["POST /accounts"]


def test_without_this_browsers_token_nothing_is_made(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.token()
    answer = visitor.client.post(WALLET, data={"once": "x"}, base_url="http://127.0.0.1:3000")
    assert answer.status_code == 400
    assert visitor.get(WALLET).status_code == 405
    assert changes(sandbox) == []


def test_in_live_mode_the_name_is_typed(live_visitor: Visitor, sandbox: SandboxServer) -> None:
    page = live_visitor.page(ACCOUNT)
    assert page.select('#wallet input[name="typed_name"]')
    refused = live_visitor.follow(live_visitor.post(WALLET, typed_name="new"))
    assert "does not match" in refused.get_text()
    assert changes(sandbox) == []
    live_visitor.follow(live_visitor.post(WALLET, typed_name="new wallet"))
    assert changes(sandbox) == ["POST /accounts"]


def test_hostile_words_are_words(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    page = visitor.page(ACCOUNT)
    assert not page.select("main script, main img")
    assert "\u202e" not in str(page)


def test_a_key_that_is_refused_points_to_settings(visitor: Visitor) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key="invalid")
    page = visitor.page(ACCOUNT)
    assert not page.select(".problem")
    assert page.select('[data-panel="profile"] .needs-key a[href^="/playground/requests/"]')
    (banner,) = page.select("#key-banner")
    assert "401" in banner.get_text()
    assert banner.select('a[href^="/playground/settings"]')
    network = visitor.page("/playground/network")
    assert network.select("#key-banner")
    assert not network.select(".needs-key, .problem"), "a panel that needs no key has its data"
    visitor.post("/playground/settings/source", kind="sandbox", api_key="another-key")
    page = visitor.page(ACCOUNT)
    assert not page.select("#key-banner, .needs-key")


def test_a_panel_loaded_again_brings_what_it_is_shown_with(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel(f"{ACCOUNT}?_panel=balance", "balance")
    assert "$128" in panel.get_text()
    assert sorted(entry.path for entry in sandbox.journal.entries()) == ["/accounts/balance", "/network"]
