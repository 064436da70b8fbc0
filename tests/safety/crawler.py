"""A crawler that follows every link and submits every form of every page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from ..playground.browsing import ORIGIN, Visitor
from ..support.waiting import until

__all__ = ["START", "Crawler"]

START = ("/playground/dashboard", "/playground/", "/", "/healthz")

#: Forms that are not submitted: they would end the session or delete what is to be checked.
_LEFT_ALONE = ("/playground/logout", "/playground/requests/clear", "/playground/settings/reset")

#: Lists what the forms of other pages have made: visited once more, when they have been sent.
_AT_LAST = "/playground/rentals?again=yes"

#: Values for empty fields.
_FILLED = {
    "node_id": "9114",
    "image": "ubuntu:24.04",
    "disk_size": "10",
    "node": "69",
    "job": "42",
    "hours": "4",
}


class Crawler:
    """Follows links, submits forms and keeps the responses.

    Args:
        visitor: The browser.
        most: So many links of a kind (pages of a node, or of a request) are followed.

    Attributes:
        answers: Every answer, by what was asked: ``"GET /playground/nodes"``.
        dead: Links that lead to no page, and where they stand.
    """

    def __init__(self, visitor: Visitor, *, most: int = 1) -> None:
        self._visitor, self._most = visitor, most
        self._kinds: dict[str, int] = {}
        self._waiting: list[str] = []
        self._seen: set[str] = set()
        self.answers: dict[str, TestResponse] = {}
        self.dead: list[tuple[str, str]] = []

    def go(self, *addresses: str) -> dict[str, TestResponse]:
        """Visit these pages and all that they link to."""
        for address in addresses:
            self._note(address, "")
        self._visit_all()
        self._note(_AT_LAST, "")
        self._visit_all()
        return self.answers

    def _visit_all(self) -> None:
        while self._waiting:
            address = self._waiting.pop(0)
            self._read(f"GET {address}", self._visitor.get(address), address)

    def endpoints(self) -> set[str]:
        """The rules that were reached by GET."""
        app = self._visitor.client.application
        found = set()
        for asked in self.answers:
            method, _, address = asked.partition(" ")
            if method == "GET":
                rules = app.url_map.bind("127.0.0.1")
                found.add(str(rules.match(urlsplit(address).path, return_rule=True)[0].rule))
        return found

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each request, and the visible text of its response."""
        for asked, answer in self.answers.items():
            head = "\n".join(f"{name}: {value}" for name, value in answer.headers if name != "Set-Cookie")
            yield asked, f"{answer.status}\n{head}\n\n{answer.get_data().decode('latin-1')}"

    def _note(self, address: str, page: str) -> None:
        path, query = urlsplit(address).path, urlsplit(address).query
        if address in self._seen or (not path.startswith(("/playground", "/healthz")) and path != "/"):
            return
        self._seen.add(address)
        app = self._visitor.client.application
        try:
            rule = app.url_map.bind("127.0.0.1").match(path, return_rule=True)[0].rule
        except HTTPException:
            self.dead.append((page, address))
            return
        names = [name for name, _ in parse_qsl(query)]
        kind = f"{rule}?{'_fresh' if '_fresh' in names else '&'.join(names)}"  # past the cache once a page
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if self._kinds[kind] <= self._most:
            self._waiting.append(address)

    def _read(self, asked: str, answer: TestResponse, address: str) -> None:
        self.answers[asked] = answer
        if answer.location is not None:
            target = urljoin(address, answer.location)
            self._note(target, asked)
            run = dict(parse_qsl(urlsplit(target).query)).get("run")
            if run is not None:  # what the page's script requests while the job runs
                self._note(f"{urlsplit(target).path}/runs/{run}", asked)
        if answer.mimetype != "text/html":
            return
        page = BeautifulSoup(answer.get_data(), "html.parser")
        self._wait_for_jobs(page, address)
        for link in page.select('a[href]:not([href^="#"])'):
            target = urljoin(address, str(link["href"]))
            if not urlsplit(target).netloc:
                self._note(urlsplit(target)._replace(fragment="").geturl(), asked)
        for tag in page.find_all(True):  # requests of scripts
            for name, value in tag.attrs.items():
                if name.startswith("data-") and str(value).startswith("/playground"):
                    self._note(str(value), asked)
        for form in page.select('form:not([method="post"])'):
            action = urlsplit(urljoin(address, str(form.get("action") or address)))
            self._note(f"{action.path}?{urlencode(_fields_of(form))}", asked)
        for panel in page.select("[data-panel]"):
            if "_raw" not in address:
                join = "&" if "?" in address else "?"
                self._note(f"{address}{join}_raw={panel['data-panel']}", asked)
        for form in page.select('form[method="post"]'):
            self._send(form, address)

    def _send(self, form: Tag, address: str) -> None:
        action = urljoin(address, str(form.get("action") or address))
        fields = _fields_of(form)
        app = self._visitor.client.application
        if urlsplit(action).path in _LEFT_ALONE:
            return
        rule = app.url_map.bind("127.0.0.1").match(urlsplit(action).path, "POST", return_rule=True)[0].rule
        kind = f"POST {rule} {fields.get('method', '')} {'/'.join(sorted(fields))}"
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if self._kinds[kind] == 1:
            answer = self._visitor.client.post(action, data=fields, base_url=ORIGIN, buffered=True)
            self._read(f"POST {action} {fields.get('method', '')}", answer, action)

    def _wait_for_jobs(self, page: BeautifulSoup, address: str) -> None:
        """Wait for a job, then read its page again."""
        if not page.select("[data-watch]"):
            return

        def is_over() -> bool:
            again = self._visitor.get(address)
            self.answers[f"GET {address} again"] = again
            return not BeautifulSoup(again.get_data(), "html.parser").select("[data-watch]")

        until(is_over, within=60)


def _fields_of(form: Tag) -> dict[str, Any]:
    """The fields a browser would send for the first button."""
    fields: dict[str, Any] = {}
    for control in form.select("input[name], select[name], textarea[name], button[name]"):
        name, kind = str(control["name"]), str(control.get("type") or "")
        if control.name == "select":
            chosen = control.select_one("option[selected]") or control.select_one("option")
            fields[name] = "" if chosen is None else str(chosen.get("value", chosen.get_text()))
        elif control.name == "textarea":
            fields[name] = control.get_text()
        elif kind in ("checkbox", "radio") and not control.has_attr("checked"):
            continue
        elif control.name == "button" or kind == "submit":
            fields.setdefault(name, str(control.get("value", "")))
        else:
            fields[name] = str(control.get("value", ""))
    return {name: value or _FILLED.get(name, "") for name, value in fields.items()}
