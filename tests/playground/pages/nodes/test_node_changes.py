"""What can be done to a node: prices old → new, a reboot, two downloads. Each is sent once."""

from __future__ import annotations

import json
import logging

import pytest

from octaspace.sandbox import ManualClock, SandboxServer
from playground.domain.node_state import has_rebooted, reboot_obstacle
from playground.pages.nodes import reboot
from playground.pages.nodes.prices import PriceError, as_sent, changes, current, read_typed
from playground.web import downloads

from ...browsing import ORIGIN, Visitor

NODE = "/playground/nodes/9001"
LOG = "/playground/requests/log"


def arrived(sandbox: SandboxServer) -> list[tuple[str, str, str]]:
    return [(entry.method, entry.path, entry.body) for entry in sandbox.journal.entries() if entry.change]


def test_the_confirmation_shows_old_and_new_in_the_apis_figures(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    """Q26: nothing is converted; the amount in OCTA is shown next to it as an estimate."""
    page = visitor.page(f"{NODE}?base=2000000000000000001&storage=&gpu_hour=0.5&confirm=prices")
    dialog = page.select("dialog#prices[open]")[0]
    rows = [row.get_text(" ", strip=True) for row in dialog.select("tbody tr")]
    assert rows == [
        "Base per hour 1000000000000000000 1 OCTA if in Wei "
        "2000000000000000001 2.000000000000000001 OCTA if in Wei",
        "GPU per hour — 0.5",
    ]
    fields = {field["name"]: field["value"] for field in dialog.select("input[type=hidden]")}
    assert (fields["base"], fields["gpu_hour"]) == ("2000000000000000001", "0.5")
    line = "client.nodes.update_prices(9001, base=2000000000000000001, gpu_hour=0.5)"
    assert page.select("#prices-form .sdk-call-line")[0].get_text() == line
    assert arrived(sandbox) == []


def test_a_figure_in_cents_goes_as_it_is_typed(visitor: Visitor, sandbox: SandboxServer) -> None:
    """Q26: the Go client sends cents of USD."""
    dialog = visitor.page(f"{NODE}?base=25&confirm=prices").select("dialog#prices[open]")[0]
    fields = {str(field["name"]): str(field["value"]) for field in dialog.select("input[type=hidden]")}
    visitor.post(f"{NODE}/prices", base=fields["base"])
    ((_, _, body),) = arrived(sandbox)
    assert json.loads(body) == {"base": 25}


def test_new_prices_are_sent_once_and_shown(visitor: Visitor, sandbox: SandboxServer) -> None:
    fields = {"base": "2000000000000000001", "gpu_hour": "0.5"}
    answers = [visitor.post(f"{NODE}/prices", once="once", **fields) for _ in range(2)]
    ((method, path, body),) = arrived(sandbox)
    assert (method, path) == ("PATCH", "/nodes/9001/prices")
    assert json.loads(body) == {"base": 2_000_000_000_000_000_001, "gpu_hour": 0.5}
    pages = [visitor.follow(answer) for answer in answers]
    assert "Prices of node 9001 updated" in str(pages[0].select(".notice"))
    assert str(pages[0].select(".notice")) == str(pages[1].select(".notice"))
    assert "2000000000000000001" in pages[0].select(".prices")[0].get_text()


@pytest.mark.parametrize(
    "fields", [{}, {"base": "1.5.5"}, {"base": "-1"}, {"gpu_hour": "nan"}, {"base": "1", "cpu_hour": "x"}]
)
def test_a_form_that_is_not_ours_changes_nothing(
    visitor: Visitor, sandbox: SandboxServer, fields: dict[str, str]
) -> None:
    page = visitor.follow(visitor.post(f"{NODE}/prices", **fields))
    assert arrived(sandbox) == []
    assert page.select(".outcome .problem")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("1,5", "point"),
        ("-1", "Not a number"),
        ("1e3", "Not a number"),
        ("<script>", "Not a number"),
        (".5", "point"),
        ("0.12345678901234567890", "decimals"),
        ("1" * 41, "Too many digits"),
    ],
)
def test_a_wrong_price_is_said_at_its_field(
    visitor: Visitor, sandbox: SandboxServer, typed: str, says: str
) -> None:
    page = visitor.page(f"{NODE}?base={typed.replace('<', '%3C')}&storage=1&confirm=prices")
    assert says in page.select("#base-error")[0].get_text()
    assert page.select("#p-base")[0]["value"] == typed
    assert not page.select("#storage-error, dialog#prices")
    assert arrived(sandbox) == []


def test_the_same_prices_are_not_offered_to_be_sent(visitor: Visitor) -> None:
    page = visitor.page(f"{NODE}?base=1000000000000000000&storage=01000000000000000&confirm=prices")
    assert page.select("#prices-form [role=status]")
    assert not page.select("dialog#prices")


def test_prices_are_shown_as_they_came() -> None:
    """Q26: numbers, digits as text, and fractions of an account that has its prices in another currency."""
    now = current(
        {"prices": {"base": "2500000000000000000", "storage": 10**15, "traffic": "0.5", "gpu_hour": 0.25}}
    )
    assert {name: asked.text for name, asked in now.items()} == {
        "base": "2500000000000000000", "storage": "1000000000000000", "traffic": "0.5", "gpu_hour": "0.25",
        "cpu_hour": "—",
    }  # fmt: skip
    assert {name: asked.as_octa for name, asked in now.items() if asked.as_octa} == {
        "base": "2.5 OCTA", "storage": "0.001 OCTA",
    }  # fmt: skip
    odd = current({"prices": {"base": 1e21, "storage": True, "traffic": "<b>", "gpu_hour": 10**41}})
    assert odd["gpu_hour"].figure is None
    assert odd["base"].text == "1" + "0" * 21
    assert (odd["storage"].figure, odd["traffic"].figure) == (None, None)
    assert current(None)["base"].figure is None


def test_what_is_typed_is_what_is_sent() -> None:
    typed, errors = read_typed({"base": " 1 000 ", "cpu_hour": "0", "gpu_hour": "0.10"})
    assert not errors
    sent = as_sent({each.new.price.name: each.new.figure for each in changes(current(None), typed)})
    assert sent == {"base": 1000, "cpu_hour": 0, "gpu_hour": 0.1}
    with pytest.raises(PriceError, match="Base"):
        as_sent({"base": "1.0.0"})


def test_a_reboot_is_a_form_and_never_a_link(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(NODE)
    form = page.select(f'form[action="{NODE}/reboot"]')[0]
    assert form["method"] == "post"
    assert not page.select('a[href*="/reboot"]')
    assert visitor.get(f"{NODE}/reboot").status_code == 405
    assert arrived(sandbox) == []


def test_the_confirmation_is_there_without_a_script(visitor: Visitor) -> None:
    opener = visitor.page(NODE).select('[data-open-dialog="reboot"]')[0]
    page = visitor.page(str(opener["href"]).partition("#")[0])
    dialog = page.select("dialog#reboot[open]")[0]
    assert "interrupted" in dialog.get_text()
    assert "1 OCTA per hour" in dialog.get_text()
    assert dialog.select('form[method="post"] button[type="submit"]')


def test_a_node_reboots_once(visitor: Visitor, sandbox: SandboxServer) -> None:
    answers = [visitor.post(f"{NODE}/reboot", once="one") for _ in range(3)]
    assert arrived(sandbox) == [("GET", "/nodes/9001/reboot", "")]
    page = visitor.follow(answers[2])
    assert "Reboot of node 9001 requested" in page.select(".notice")[0].get_text()
    assert "offline" in page.select("h1")[0].get_text()


def advance(sandbox: SandboxServer, seconds: float) -> None:
    clock = sandbox.world.clock
    assert isinstance(clock, ManualClock)
    clock.advance(seconds)


def test_an_offline_node_is_not_rebooted(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page("/playground/nodes/9005")
    (button,) = page.select(".page-actions button[disabled]")
    assert "Reboot" in button.get_text()
    reason = page.select(f"#{button['aria-describedby']}")[0].get_text()
    assert reason == reboot_obstacle("offline")
    assert not page.select("dialog#reboot")
    refused = visitor.follow(visitor.post("/playground/nodes/9005/reboot"))
    assert reason in refused.select("main > .notice")[0].get_text()
    assert arrived(sandbox) == []


@pytest.mark.parametrize("state", ["online", "idle", "active", "busy", "blocked", "rebooting", "molten"])
def test_only_an_offline_node_cannot_be_rebooted(state: str) -> None:
    """Q25: states are an open set."""
    assert reboot_obstacle(state) == ""
    assert reboot_obstacle("Offline")


def test_a_node_whose_state_cannot_be_read_is_left_to_the_api(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=500, path="/nodes/9001")
    assert visitor.page(NODE).select("#reboot form")
    visitor.follow(visitor.post(f"{NODE}/reboot"))
    assert len(arrived(sandbox)) == 1


def test_a_page_waits_until_its_node_is_back(visitor: Visitor, sandbox: SandboxServer) -> None:
    answer = visitor.post(f"{NODE}/reboot")
    address = str(answer.headers["Location"])
    page = visitor.page(address)
    (banner,) = page.select("#reboot-watch[data-watch-reboot]")
    assert banner.select("[data-ticking]")
    (again,) = banner.select("a.no-script")
    assert str(again["href"]) == address
    watched = visitor.page(str(banner["data-watch-reboot"]))
    assert "offline" in watched.select("#node-state")[0].get_text()
    assert watched.select("[data-watch-reboot]")
    advance(sandbox, 60)
    for url in (str(banner["data-watch-reboot"]), address):
        back = visitor.page(url)
        assert not back.select("#reboot-watch")
        assert "is back" in back.select("main > .notice-ok")[0].get_text()
        assert "online" in back.select("#node-state")[0].get_text()
    assert not visitor.page(NODE).select("main > .notice")
    assert len(arrived(sandbox)) == 1


def test_a_page_does_not_ask_for_ever(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = visitor.post(f"{NODE}/reboot")
    monkeypatch.setattr(reboot, "_WATCH_SECONDS", 0)
    (banner,) = visitor.follow(answer).select("#reboot-watch")
    assert not banner.has_attr("data-watch-reboot")
    assert banner.select("a")[0]["href"] == answer.headers["Location"]


def test_a_reboot_that_was_refused_is_not_waited_for(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=422, path="/nodes/9001/reboot")
    page = visitor.follow(visitor.post(f"{NODE}/reboot"))
    assert page.select(".outcome .problem")
    assert not page.select("#reboot-watch")


@pytest.mark.parametrize(
    ("state", "uptime", "before", "seconds", "back"),
    [
        ("online", 87_000, 86_990, 10, False),  # it has not gone down yet
        ("offline", 0, 86_990, 30, False),
        ("rebooting", 3, 86_990, 30, False),
        ("online", 5, 86_990, 30, True),
        ("busy", 5, 86_990, 30, True),
        ("blocked", 5, 86_990, 30, True),
        ("online", 25, 10, 60, True),
        ("online", None, 86_990, 3, False),
        ("online", None, 86_990, 60, True),
        ("online", 5, None, 60, True),
    ],
)
def test_when_a_node_is_back(
    state: str, uptime: float | None, before: float | None, seconds: float, back: bool
) -> None:
    """Q25: any state in which it is not down."""
    assert has_rebooted(state, uptime, before, seconds) is back


def test_an_unknown_node_has_no_actions(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page("/playground/nodes/999999")
    assert not page.select("#main form, #main dialog, .page-actions a, .page-actions button")
    assert "NotFoundError" in page.select("#panel-node")[0].get_text()
    refused = visitor.follow(visitor.post("/playground/nodes/999999/reboot"))
    assert "no node 999999" in refused.select("main > .notice")[0].get_text()
    assert arrived(sandbox) == []


def test_a_reboot_whose_answer_is_lost_is_not_repeated(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("drop_after_read", path="/nodes/9001/reboot")
    page = visitor.follow(visitor.post(f"{NODE}/reboot"))
    assert page.select(".outcome .problem[data-outcome-unknown]")
    assert page.select("#reboot-watch[data-watch-reboot]")
    assert len(arrived(sandbox)) == 1


@pytest.mark.parametrize(("what", "fields"), [("reboot", {}), ("prices", {"base": "5"})])
def test_in_live_mode_the_id_is_typed(
    live_visitor: Visitor, sandbox: SandboxServer, what: str, fields: dict[str, str]
) -> None:
    for typed in ("", "9002"):
        page = live_visitor.follow(live_visitor.post(f"{NODE}/{what}", typed_name=typed, **fields))
        assert "does not match" in page.select(".notice")[0].get_text()
    assert arrived(sandbox) == []
    live_visitor.follow(live_visitor.post(f"{NODE}/{what}", typed_name="9001", **fields))
    assert len(arrived(sandbox)) == 1


@pytest.mark.parametrize("what", ["prices", "reboot", "ident", "logs"])
def test_nothing_happens_without_this_browsers_token(
    visitor: Visitor, sandbox: SandboxServer, what: str
) -> None:
    visitor.token()
    sandbox.journal.clear()
    answer = visitor.client.post(f"{NODE}/{what}", data={"base": "1", "once": "x"}, base_url=ORIGIN)
    assert answer.status_code == 400
    assert visitor.get(f"{NODE}/{what}").status_code == 405
    assert sandbox.journal.entries() == []


@pytest.mark.parametrize("kind", ["logs", "ident"])
def test_a_file_comes_through_whole(visitor: Visitor, sandbox: SandboxServer, kind: str) -> None:
    answer = visitor.post(f"{NODE}/{kind}")
    node = sandbox.world.own_node(9001)
    assert answer.data == (node.log() if kind == "logs" else node.ident())
    mimetype, name = {
        "logs": ("text/plain", "node-9001.log"),
        "ident": ("application/octet-stream", "node-9001-ident.bin"),
    }[kind]
    assert answer.mimetype == mimetype
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Cache-Control"] == "no-store"
    answer.close()


def test_with_a_script_the_file_comes_after_its_progress(visitor: Visitor, sandbox: SandboxServer) -> None:
    answer = visitor.post(f"{NODE}/logs", steps="yes")
    content = sandbox.world.own_node(9001).log()
    head, _, _ = answer.data.partition(content)
    assert answer.data == head + content
    lines = [json.loads(line) for line in head.splitlines()]
    assert lines[-1] == {"name": "node-9001.log", "size": len(content)}
    steps = [line["done"] for line in lines[:-1] if line]
    assert steps
    assert steps == sorted(steps)
    assert {line["total"] for line in lines[:-1] if line} == {len(content)}
    answer.close()


@pytest.mark.parametrize("steps", [{}, {"steps": "yes"}])
def test_an_error_of_a_download_is_a_card(
    visitor: Visitor, sandbox: SandboxServer, steps: dict[str, str]
) -> None:
    sandbox.faults.add("status", status=404, path="/nodes/9001/logs")
    answer = visitor.post(f"{NODE}/logs", **steps)
    see = json.loads(answer.data.splitlines()[-1])["see"] if steps else str(answer.headers["Location"])
    card = visitor.page(see).select(".outcome .problem")[0]
    assert "NotFoundError" in card.get_text()
    assert card.select('a[href^="/playground/requests/"]')


def test_a_file_that_is_cut_short_is_not_passed_on(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.follow(visitor.post("/playground/settings/options", max_retries="0"))
    sandbox.faults.add("truncate", path="/nodes/9001/ident")
    page = visitor.follow(visitor.post(f"{NODE}/ident"))
    assert page.select(".outcome .problem")


def test_a_file_that_is_too_large_is_not_passed_on(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_MAX_BYTES", 1000)
    page = visitor.follow(visitor.post(f"{NODE}/logs"))
    assert "larger than" in page.select(".outcome .problem")[0].get_text()
    (row,) = json.loads(visitor.get(f"{LOG}.json?text=download_logs").data)
    assert row["error"] == "TooLarge"


def test_what_a_download_holds_is_in_no_log_and_on_no_disk(
    visitor: Visitor, sandbox: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor.post(f"{NODE}/ident").close()
        visitor.post(f"{NODE}/logs").close()
    secret = sandbox.world.own_node(9001).ident()[100:140]
    log = sandbox.world.own_node(9001).log()[:60].decode()
    state = visitor.client.application.extensions["playground"].process.state_dir
    kept = [path for path in state.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret in path.read_bytes() or log.encode() in path.read_bytes()]
    exported = visitor.get(f"{LOG}.json").get_data(as_text=True) + visitor.get(f"{LOG}.har").get_data(
        as_text=True
    )
    assert "download_ident(9001, to='node-9001-ident.bin')" in exported
    for text in (exported, caplog.text, visitor.page(NODE).get_text()):
        assert log not in text
        assert "OCTA\\r" not in text


def test_the_name_of_a_file_is_ours(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    answer = visitor.post(f"{NODE}/ident")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="node-9001-ident.bin"'
    answer.close()


def test_the_identity_is_masked_until_it_is_asked_for(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(NODE)
    assert "••••" in page.select("dialog#ident")[0].get_text()
    assert not page.select('a[href*="/ident"]')
    assert "/nodes/9001/ident" not in [entry.path for entry in sandbox.journal.entries()]
