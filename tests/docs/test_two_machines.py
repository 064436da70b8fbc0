"""Two instances behind nginx with one Redis, as docs/deployment.md describes them, with its files."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup

from octaspace.sandbox import SandboxServer
from playground import create_app
from playground.settings import ProcessSettings

from ..support.certificates import Authority
from ..support.nginx_example import NAME, NginxExample
from ..support.redis_server import RedisServer
from ..support.running_playground import RunningPlayground
from ..support.waiting import until
from .deployment import (
    FOLDER,
    PAGE,
    REDIS_PASSWORD,
    blocks,
    environment_of,
    redis_options,
    uncommented,
)  # fmt: skip

pytestmark = [pytest.mark.gunicorn, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"

#: Settings that look plausible, by the first column of the table on the page: what is replaced in the
#: example, the method of the request that fails, its status, and a text of the answer.
WRONG: dict[str, tuple[dict[str, str], str, int, str]] = {
    "no `X-Forwarded-Proto`": (
        {"        proxy_set_header X-Forwarded-Proto $scheme;\n": ""},
        "POST", 403, "proxy_set_header X-Forwarded-Proto $scheme",
    ),
    "no `proxy_set_header Host`": (
        {"        proxy_set_header Host $http_host;\n": ""},
        "GET", 400, "proxy_set_header Host $http_host",
    ),
    "`Host $host`, and a port other than 443": (
        {"Host $http_host;": "Host $host;"},
        "POST", 403, "proxy_set_header Host $http_host",
    ),
    "`X-Forwarded-Host $host`, and a port other than 443": (
        {'X-Forwarded-Host "";': "X-Forwarded-Host $host;"},
        "POST", 403, "X-Forwarded-Host",
    ),
}  # fmt: skip

#: The same for the environment of the playground.
WRONG_ENVIRONMENT: dict[str, tuple[dict[str, str], str, int, str]] = {
    "`PLAYGROUND_PROXY_HOPS` not set": (
        {"PLAYGROUND_PROXY_HOPS": ""}, "POST", 403, "PLAYGROUND_PROXY_HOPS must be the number of proxies",
    ),
    "`PLAYGROUND_PROXY_HOPS` greater than the number of proxies": (
        {"PLAYGROUND_PROXY_HOPS": "2"}, "POST", 403, "PLAYGROUND_PROXY_HOPS is greater than",
    ),
    "the name missing in `PLAYGROUND_HOSTS`": (
        {"PLAYGROUND_HOSTS": "other.example"}, "GET", 400, "PLAYGROUND_HOSTS",
    ),
}  # fmt: skip


@dataclass
class Team:
    """nginx, two instances, Redis and the sandbox."""

    nginx: NginxExample
    instances: tuple[RunningPlayground, RunningPlayground]
    sandbox: SandboxServer
    redis: RedisServer
    bundle: Path
    environment: dict[str, str]

    def browser(self, port: int | None = None) -> Browser:
        return Browser(f"https://{NAME}:{port or self.nginx.port}", self.bundle)


class Browser:
    """Forms as a browser sends them; a new connection for each request."""

    def __init__(self, url: str, bundle: Path) -> None:
        self._url, self._session = url, requests.Session()
        self._session.trust_env, self._session.verify = False, str(bundle)
        self._session.headers["Connection"] = "close"

    def get(self, path: str) -> requests.Response:
        return self._session.get(self._url + path, timeout=60)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text[:500]
        return BeautifulSoup(answer.text, "html.parser")

    def post(self, path: str, **fields: str) -> requests.Response:
        headers = {
            "Origin": self._url, "Referer": self._url + "/playground/", "Sec-Fetch-Site": "same-origin",
        }  # fmt: skip
        return self._session.post(
            self._url + path, data=fields, headers=headers, timeout=60, allow_redirects=False
        )

    def fill(self, page: str, action: str, **typed: str) -> dict[str, str]:
        """The fields of a form of a page, with what is typed into them."""
        (form, *_) = self.page(page).select(f'form[action="{action}"]')
        fields = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[name]")}
        return {**fields, **typed}

    def submit(self, page: str, action: str, **typed: str) -> str:
        """Send a form of a page; where it redirects to."""
        answer = self.post(action, **self.fill(page, action, **typed))
        assert answer.status_code == 303, answer.text[:500]
        return str(answer.headers["Location"])

    def log_in(self) -> Browser:
        self.submit("/playground/login", "/playground/login", password=PASSWORD)
        return self

    def rent(self) -> str:
        """The whole way: form, review, request; the page of the result."""
        form = "/playground/services/mr/rent"
        review = self.submit(
            form, form, step="review", node_id="9101", disk_size="20", image="ubuntu:24.04", filled=""
        )
        return self.submit(review, review)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    resolve = socket.getaddrinfo

    def with_name(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == NAME else host, *arguments, **options)

    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", with_name)
        for name in "12":
            (folder / name).mkdir()
        redis = RedisServer(folder, *redis_options(), password=REDIS_PASSWORD)
        stack.callback(redis.stop)
        environment = {
            "PLAYGROUND_NAME": "team", "PLAYGROUND_PASSWORD": PASSWORD, "PLAYGROUND_HOSTS": NAME,
            "PLAYGROUND_PROXY_HOPS": "1", "SECRET_KEY": "0123456789abcdef" * 2,
            "PLAYGROUND_REDIS_URL": redis.url,
        }  # fmt: skip
        first = stack.enter_context(RunningPlayground(folder / "1", workers=1, environment=environment))
        shared = {
            "PLAYGROUND_SANDBOX_URLS": ",".join(first.sandbox.urls),
            "PLAYGROUND_SANDBOX_CONTROL": first.sandbox.control_url.rpartition("/")[0],
        }
        second = stack.enter_context(
            RunningPlayground(folder / "2", workers=1, environment={**environment, **shared})
        )
        authority = Authority(folder)
        nginx = NginxExample(
            folder / "nginx",
            authority.certificate(NAME),
            _upstreams(first, second),
            {name: changes for name, (changes, *_) in WRONG.items()},
        )
        stack.enter_context(nginx)
        yield Team(nginx, (first, second), first.sandbox, redis, authority.bundle, {**environment, **shared})


def _upstreams(*instances: RunningPlayground) -> list[str]:
    """The lines of the page for the upstream, with other addresses."""
    (block,) = [block for block in blocks("nginx") if "10.0.0.11" in block]
    lines = [line.strip() for line in block.splitlines() if line.strip().startswith("server ")]
    assert len(lines) == len(instances) == 2
    return [
        re.sub(r"10\.0\.0\.\d+:\d+", instance.url.removeprefix("http://"), line)
        for line, instance in zip(lines, instances, strict=True)
    ]


def test_pages_and_forms_alternate(team: Team) -> None:
    browser = team.browser().log_in()
    for path in ("dashboard", "services", "sessions", "rentals", "settings", "diagnostics", "dashboard"):
        browser.page(f"/playground/{path}")
    addresses = {one.url.removeprefix("http://") for one in team.instances}
    assert set(team.nginx.upstreams_of("GET /playground/")) == addresses
    team.sandbox.journal.clear()
    made = 0
    while set(team.nginx.upstreams_of("POST /playground/services/mr/rent/")) != addresses:
        assert made < 4
        browser.rent()
        made += 1
        browser.page("/playground/settings")  # one request more, so that the next rental is sent to the other
    rented = [
        one for one in team.sandbox.journal.entries() if (one.method, one.path) == ("POST", "/services/mr")
    ]
    assert len(rented) == made >= 2
    for _ in team.instances:  # the ledger is shared as well
        assert len(browser.page("/playground/rentals").select("#panel-rentals tbody tr, .rental")) != 0


def test_a_form_acts_once_at_both(team: Team) -> None:
    browser = team.browser().log_in()
    team.sandbox.journal.clear()
    fields = browser.fill("/playground/account", "/playground/account/wallet")
    for _ in range(4):
        assert browser.post("/playground/account/wallet", **fields).status_code == 303
    assert len([one for one in team.sandbox.journal.entries() if one.change]) == 1


def test_the_store_is_durable(team: Team) -> None:
    """Gunicorn logs a warning about a Redis that may lose writes."""
    with team.redis.client() as redis:
        assert redis.config_get("append*")["appendfsync"] == "always"
    for instance in team.instances:
        assert "appendfsync" not in instance.log()


def test_both_are_ready(team: Team) -> None:
    for instance in team.instances:
        answer = requests.get(f"{instance.url}/readyz", timeout=60)
        assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize(
    "text", [uncommented((FOLDER / "playground.env").read_text()), blocks("sh")[0]], ids=["file", "page"]
)
def test_the_samples_of_the_environment_fit_redis_conf(team: Team, text: str, tmp_path: Path) -> None:
    """With each line in effect; the secrets that are empty or `…` are filled in."""
    sample = environment_of(text)
    assert "PLAYGROUND_REDIS_URL" in sample
    secrets = {name: team.environment.get(name, "key-of-the-team") for name in sample}
    given = {name: value if value not in ("", "…") else secrets[name] for name, value in sample.items()}
    address = f"127.0.0.1:{team.redis.port}"
    given["PLAYGROUND_REDIS_URL"] = given["PLAYGROUND_REDIS_URL"].replace("10.0.0.10:6379", address)
    settings = ProcessSettings.read(given, tmp_path)
    app = create_app({"TESTING": True, "PROCESS": settings})
    try:
        answer = app.test_client().get("/readyz", headers={"Host": NAME})
        assert (answer.status_code, answer.get_data(as_text=True)) == (200, "ok\n")
    finally:
        app.extensions["playground"].close()


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_setting_of_nginx(team: Team, name: str) -> None:
    _, method, status, text = WRONG[name]
    browser = team.browser(team.nginx.ports[name])
    path = "/playground/login"
    answer = browser.get(path) if method == "GET" else browser.post(path, password=PASSWORD)
    assert answer.status_code == status
    assert text in answer.text
    if method == "POST":
        assert browser.get(path).status_code == 200, "pages are shown, and forms are refused"
    _has_row(name, status)


@pytest.mark.parametrize("name", list(WRONG_ENVIRONMENT))
def test_a_wrong_setting_of_the_playground(team: Team, name: str, tmp_path: Path) -> None:
    """With the headers that nginx sends."""
    changes, method, status, text = WRONG_ENVIRONMENT[name]
    settings = ProcessSettings.read({**team.environment, **changes}, tmp_path)
    app = create_app({"TESTING": True, "PROCESS": settings})
    try:
        headers = {
            "Host": NAME, "Origin": f"https://{NAME}", "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.1",
        }  # fmt: skip
        answer = app.test_client().open("/playground/login", method=method, headers=headers)
        assert answer.status_code == status
        assert text in answer.get_data(as_text=True)
    finally:
        app.extensions["playground"].close()
    _has_row(name, status)


def _has_row(name: str, status: int) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    assert str(status) in row


def test_each_row_is_tested() -> None:
    table = PAGE.partition("| wrong setting |")[2].partition("\n\n")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
    assert rows == [*WRONG, *WRONG_ENVIRONMENT]


def test_an_upgrade_of_one_instance_after_the_other(team: Team) -> None:
    """As the page describes it: restart one, wait until it is ready, restart the other."""
    browser = team.browser()
    answers: list[int] = []

    def ask() -> None:
        answers.append(browser.get("/playground/login").status_code)

    def is_ready(instance: RunningPlayground) -> bool:
        ask()
        ask()  # nginx alternates
        try:
            return requests.get(f"{instance.url}/readyz", timeout=60).status_code == 200
        except requests.ConnectionError:
            return False

    for instance in team.instances:
        instance.stop_gunicorn()
        ask()
        ask()
        instance.start_gunicorn()
        until(lambda instance=instance: is_ready(instance), within=60)  # type: ignore[misc]
    ask()
    assert set(answers) == {200}
    refused = [one for one in team.nginx.upstreams_of("GET /playground/login") if ", " in one]
    assert refused, "the other instance got what one refused"


def test_one_instance_after_the_other(team: Team) -> None:
    """The last test, because it stops one: while it is away, forms are carried out, and logins stay."""
    browser = team.browser().log_in()
    first, second = team.instances
    second.__exit__(None, None, None)
    team.sandbox.journal.clear()
    for _ in range(2):
        browser.rent()
    changes = [one for one in team.sandbox.journal.entries() if one.change]
    assert len(changes) == 2
    addresses = [first.url.removeprefix("http://"), second.url.removeprefix("http://")]
    tried = team.nginx.upstreams_of("POST /playground/services/mr/rent")
    assert addresses[0] in tried[-1].split(", ")[-1]
    assert any(addresses[1] in one for one in team.nginx.upstreams_of("") if ", " in one)
