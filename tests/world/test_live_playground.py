"""The playground in live mode, as `OCTA_API_KEY=… bin/playground` starts it, from the operator's view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from octaspace.sandbox.journal import Entry
from tests.playground.browsing import text_of
from tests.playground.remote import Remote
from tests.support.certificates import Authority
from tests.support.launched_playground import Launched
from tests.support.waiting import until

from .commands import KEY
from .conftest import Api

pytestmark = pytest.mark.gunicorn

LIVE = "https://api.octa.space"
SETTINGS = "/playground/settings"
DIAGNOSTICS = "/playground/diagnostics"
RUNNER = "/playground/diagnostics/runner"
SMOKE = "/playground/diagnostics/smoke"

#: Pages that are not in the sidebar, or show more with a query.
FURTHER = (
    "/playground/services?tab=vpn",
    "/playground/services?tab=render",
    "/playground/services/mr/rent?node_id=9101",
    "/playground/services/vpn/rent?node_id=9301",
    "/playground/services/render/rent?node_id=9201",
    "/playground/sessions?tab=recent",
    "/playground/nodes/9001",
    "/playground/nodes/9001?confirm=reboot",
    "/playground/idle-jobs?node=69&job=42",
    f"{RUNNER}?method=services.mr.create",
)


@pytest.fixture(scope="module")
def launched(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One for all tests here; it gets only a key and the CA."""
    folder = tmp_path_factory.mktemp("playground")
    started = Launched(
        folder,
        OCTA_API_KEY=KEY,
        REQUESTS_CA_BUNDLE=str(authority.bundle),
        # Without this, the reaper asks for the sessions of rented machines in the middle of a test.
        PLAYGROUND_REAPER_SECONDS="3600",
    )
    try:
        started.address()
        yield started
        started.process.terminate()
        assert started.wait() == 0
    finally:
        started.end()


@pytest.fixture
def operator(api: Api, launched: Launched) -> Iterator[Remote]:
    """A new browser, and an API without calls so far."""
    remote = Remote(launched.address())
    yield remote
    remote.close()


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    (found,) = page.select(selector)
    return found


def changes(api: Api) -> list[Entry]:
    return [entry for entry in api.sandbox.journal.entries() if entry.change]


def addresses(operator: Remote) -> list[str]:
    """Every page: those of the sidebar, and those they link to."""
    listed = [str(link["href"]) for link in operator.page(SETTINGS).select("nav a[data-go]")]
    sessions = operator.page("/playground/sessions")
    session = str(sessions.select("#panel-sessions tbody th a")[0]["href"])
    stop = str(sessions.select('td[data-label="Stop"] a')[0]["href"])
    question = operator.post(
        "/playground/services/mr/rent", step="review", node_id="9101", disk_size="20", image="ubuntu:24.04"
    )
    call = str(operator.page("/playground/requests").select("#main .calls th a")[0]["href"])
    return [*listed, *FURTHER, session, stop, question, call]


def test_launcher_prints_its_url_and_the_api(launched: Launched) -> None:
    assert (
        f"The playground is at http://127.0.0.1:3000, and speaks with OCTA_API_KEY to {LIVE}"
        in launched.text()
    )
    assert KEY not in launched.text()


def test_every_page_shows_the_live_badge(operator: Remote, api: Api, launched: Launched) -> None:
    paths = addresses(operator)
    assert len(paths) > 25
    for path in paths:
        page = operator.page(path)
        badge = one(page, ".topbar .source")
        assert text_of(badge) == "API target: Live", path
        assert badge["class"] == ["source", "source-live"], path
        assert badge["title"] == LIVE, path
        assert text_of(one(page, ".fact-key dd")) == "••••7Hq2", path
        assert [text_of(card) for card in page.select(".problem")] == [], path
        assert KEY not in str(page), path
        assert "simulated money" not in str(page), path
        endpoints = {text_of(each) for each in page.select(".sdk-call-endpoint")}
        assert endpoints <= {"api.octa.space"}, path
    assert changes(api) == []
    assert {entry.endpoint for entry in api.sandbox.journal.entries()} == {api.sandbox.ports[0]}
    assert len({entry.key for entry in api.sandbox.journal.entries()} - {None}) == 1
    for name in ("requests/log.json?source=all", "requests/log.har?source=all", "diagnostics/report.md"):
        answer = operator.get(f"/playground/{name}")
        assert answer.status_code == 200
        assert KEY not in answer.text + str(answer.headers)
    assert KEY not in launched.text()


def test_copied_commands_use_the_variable(operator: Remote) -> None:
    page = operator.page("/playground/nodes")
    (curl,) = {str(button["data-copy"]) for button in page.select("[data-copy^=curl]")}
    assert "$OCTA_API_KEY" in text_of(page.select("[data-panel=nodes] .copy-note")[0]), "the page says so"
    assert curl == f'curl --fail-with-body --header "Authorization: $OCTA_API_KEY" {LIVE}/nodes'
    assert 'client = octaspace.Client(os.environ["OCTA_API_KEY"]' in text_of(operator.page(SETTINGS))


def rent(operator: Remote) -> tuple[Tag, str]:
    order = {"step": "review", "node_id": "9101", "disk_size": "20", "image": "ubuntu:24.04"}
    question = operator.post("/playground/services/mr/rent", **order)
    return one(operator.page(question), f'form[action="{question}"]'), "9101"


def stop(operator: Remote) -> tuple[Tag, str]:
    link = operator.page("/playground/sessions").select('td[data-label="Stop"] a')[0]
    form = one(operator.page(str(link["href"])), 'form[action="/playground/sessions/stop"]')
    return form, str(one(form, "input[name=uuid]")["value"])[:8]


def stop_two(operator: Remote) -> tuple[Tag, str]:
    boxes = operator.page("/playground/sessions").select("input[name=uuid]")[:2]
    chosen = "&".join(f"uuid={box['value']}" for box in boxes)
    page = operator.page(f"/playground/sessions/stop?{chosen}")
    return one(page, 'form[action="/playground/sessions/stop"]'), "stop 2"


def reboot(operator: Remote) -> tuple[Tag, str]:
    return one(operator.page("/playground/nodes/9001"), "#reboot form"), "9001"


def prices(operator: Remote) -> tuple[Tag, str]:
    return one(operator.page("/playground/nodes/9001?confirm=prices&base=2.5"), "#prices form"), "9001"


def wallet(operator: Remote) -> tuple[Tag, str]:
    return one(
        operator.page("/playground/account"), 'form[action="/playground/account/wallet"]'
    ), "new wallet"


def run(operator: Remote) -> tuple[Tag, str]:
    form = one(operator.page(f"{RUNNER}?method=nodes.reboot&id=9001"), f'form[action="{RUNNER}/run"]')
    asked = operator.submit(form, **{"arg-id": "9001"})
    return one(asked, f'.confirm-change form[action="{RUNNER}/run"]'), "nodes.reboot"


@pytest.mark.parametrize(
    ("ask", "method", "path", "count"),
    [
        (rent, "POST", r"/services/mr", 1),
        (stop, "POST", r"/services/[0-9a-f-]{36}/stop", 1),
        (stop_two, "POST", r"/services/[0-9a-f-]{36}/stop", 2),
        (reboot, "GET", r"/nodes/9001/reboot", 1),
        (prices, "PATCH", r"/nodes/9001/prices", 1),
        (wallet, "POST", r"/accounts", 1),
        (run, "GET", r"/nodes/9001/reboot", 1),
    ],
)
def test_change_is_sent_once_and_only_with_its_name_typed(
    operator: Remote,
    api: Api,
    ask: Callable[[Remote], tuple[Tag, str]],
    method: str,
    path: str,
    count: int,
) -> None:
    for typed in ("", "9102", "yes"):
        form, name = ask(operator)
        words = text_of(form)
        assert f"Type {name}" in words
        assert "live API" in words
        page = operator.submit(form, typed_name=typed)
        assert "Nothing was sent" in text_of(page)
        assert changes(api) == []
    form, name = ask(operator)
    for _ in range(2):  # a double click
        page = operator.submit(form, typed_name=name)
        assert not page.select(".problem")
    until(lambda: len(changes(api)) >= count)
    sent = changes(api)
    assert len({entry.path for entry in sent}) == len(sent) == count
    for entry in sent:
        assert entry.method == method
        assert re.fullmatch(path, entry.path)
        assert entry.carried_out
        assert entry.endpoint == api.sandbox.ports[0]
    assert text_of(one(page, ".topbar .source")) == "API target: Live"


def test_the_tools_make_no_change(operator: Remote, api: Api) -> None:
    lab = operator.page(f"{DIAGNOSTICS}/lab")
    assert lab.select('main a[href="/playground/settings"]')
    assert not lab.select(f'form[action^="{DIAGNOSTICS}/lab"]')
    token = operator.token()
    for action, fields in (
        ("fire", {"kind": "creates", "count": "5", "threads": "2"}),
        ("switch", {"toggle": "remove"}),
    ):
        operator.refused(f"{DIAGNOSTICS}/lab/{action}", csrf_token=token, once=action, **fields)
    assert api.sandbox.journal.entries() == []

    page = operator.page(SMOKE)
    assert not page.select("#changes")
    operator.submit(one(page, f'form[action="{SMOKE}"]'), changes="yes")
    until(lambda: not operator.page(SMOKE).select("[data-watch]"), within=60)
    assert re.search(r"\d+ passed 0 failed", text_of(operator.page(SMOKE)))
    assert len(api.sandbox.journal.entries()) > 15
    assert changes(api) == []


def findings(page: BeautifulSoup) -> dict[str, list[str]]:
    """The connection check's result for each endpoint: reachable, latency, key."""
    rows = page.select('[aria-labelledby="findings-title"] tbody tr')
    return {
        text_of(one(row, "th")): [text_of(cell) for cell in row.select("td")[:3]] for row in rows
    }  # fmt: skip


def test_connection_check_in_settings(operator: Remote, api: Api) -> None:
    def tried() -> tuple[str, dict[str, list[str]]]:
        form = one(operator.page(SETTINGS), f'form[action="{SETTINGS}/test"]')
        page = operator.submit(form)
        return text_of(page.select("main .notice")[0]), findings(page)

    words, found = tried()
    assert words == "Every endpoint answers. The key is accepted."
    assert list(found) == [LIVE]
    reachable, latency, key = found[LIVE]
    assert (reachable, key) == ("yes", "accepted")
    assert re.fullmatch(r"[\d.]+ m?s", latency)
    assert [entry.path for entry in api.sandbox.journal.entries()] == ["/network", "/accounts/balance"]

    both = f"{LIVE}\nhttps://api.octa.computer"
    operator.post(f"{SETTINGS}/source", kind="custom", base_urls=both, api_key=KEY)
    words, found = tried()
    assert {url: (each[0], each[2]) for url, each in found.items()} == {
        LIVE: ("yes", "accepted"), "https://api.octa.computer": ("yes", "accepted"),
    }  # fmt: skip
    api.computer.stop()
    words, found = tried()
    assert words.startswith("No answer from https://api.octa.computer.")
    assert found["https://api.octa.computer"] == ["no", "—", "unknown"]
    assert text_of(one(operator.page(SETTINGS), ".topbar .source")) == "API target: Live · 2 endpoints"


def test_diagnostics_show_the_endpoint_and_its_pool(operator: Remote) -> None:
    operator.page("/playground/dashboard")
    page = operator.page(DIAGNOSTICS)
    assert text_of(one(page, ".endpoint-card h3")) == LIVE
    assert endpoint_state(page, "endpoints-title") == "healthy"
    pools = page.select('[aria-labelledby="pools-title"] tbody tr')
    own = [row for row in pools if text_of(one(row, "th")) == "api.octa.space"]
    assert own
    for row in own:
        cells = {str(cell["data-label"]): text_of(cell) for cell in row.select("td")}
        assert (cells["Size"], cells["In use"]) == ("5", "0")
        assert 0 < int(cells["Free"]) <= 5
    assert sum(int(text_of(one(row, '[data-label="Created"]'))) for row in own) > 0
    assert text_of(one(page, '[aria-labelledby="transport-title"] .chip')) == "persistent"
    report = operator.get(f"{DIAGNOSTICS}/report.md").text
    assert f"- API target: `Live`, `{LIVE}`" in report
    assert "- API key: set, from OCTA\\_API\\_KEY" in report


def endpoint_state(page: BeautifulSoup, title: str) -> str:
    """Text of the only endpoint's badge; further items of the panel are failed calls."""
    return text_of(page.select(f'[aria-labelledby="{title}"] .health .badge-state')[0])


def test_unreachable_api_is_shown_as_down(operator: Remote, api: Api) -> None:
    operator.post(f"{SETTINGS}/options", max_retries="0")
    api.space.stop()
    page = operator.page("/playground/dashboard")
    assert {text_of(one(card, "strong")) for card in page.select(".problem")} == {"ConnectionError"}
    for path, title in (("/playground/dashboard", "health-title"), (DIAGNOSTICS, "endpoints-title")):
        page = operator.page(path)
        assert endpoint_state(page, title) == "failing"
        assert "ConnectionError" in text_of(page.select(f'[aria-labelledby="{title}"] .health')[0])
    assert f"| `{LIVE}` | failing |" in operator.get(f"{DIAGNOSTICS}/report.md").text
    api.space.start()
    page = operator.page("/playground/dashboard")
    assert not page.select(".problem")
    assert endpoint_state(page, "health-title") == "unstable", "it has failed within the last minutes"


def test_without_a_key_a_browser_stays_in_the_sandbox_until_it_chooses(
    api: Api, authority: Authority, tmp_path: Path
) -> None:
    started = Launched(tmp_path, "--port", "0", "--workers", "1", REQUESTS_CA_BUNDLE=str(authority.bundle))
    try:
        remote = Remote(started.address())
        page = remote.page("/playground/dashboard")
        assert text_of(one(page, ".topbar .source")) == "API target: Sandbox · 2 endpoints"
        assert api.sandbox.journal.entries() == []

        remote.post(f"{SETTINGS}/source", kind="live")
        network, account = remote.page("/playground/network"), remote.page("/playground/account")
        assert text_of(one(network, ".topbar .source")) == "API target: Live"
        assert not network.select(".problem")
        assert "AuthenticationError" in text_of(account)
        assert {entry.key for entry in api.sandbox.journal.entries()} == {None}

        remote.post(f"{SETTINGS}/source", kind="live", api_key=KEY)
        page = remote.page("/playground/account")
        assert not page.select(".problem")
        assert KEY not in str(page) + started.text()
        remote.close()
    finally:
        started.end()


def test_untrusted_certificate_is_reported(api: Api, tmp_path: Path) -> None:
    started = Launched(tmp_path, "--port", "0", "--workers", "1", OCTA_API_KEY=KEY)
    try:
        remote = Remote(started.address())
        remote.post(f"{SETTINGS}/options", max_retries="0")
        card = one(remote.page("/playground/network"), ".problem")
        assert "certificate verify failed" in text_of(card)
        assert "REQUESTS_CA_BUNDLE" in text_of(one(card, ".problem-advice"))
        assert api.sandbox.journal.entries() == []
        remote.close()
    finally:
        started.end()
