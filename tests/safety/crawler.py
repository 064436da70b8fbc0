"""A crawler that follows every link and submits every form of every page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from ..playground.browsing import ORIGIN, Visitor
from ..support.waiting import until

__all__ = ["START", "Crawler"]

START = ("/playground/dashboard", "/playground/", "/", "/healthz", "/readyz")

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
        if address in self._seen or (
            not path.startswith(("/playground", "/healthz", "/readyz")) and path != "/"
        ):
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
        page = _Page(answer.get_data(as_text=True))
        self._wait_for_jobs(page, address)
        for link in page.links:
            target = urljoin(address, link)
            if not urlsplit(target).netloc:
                self._note(urlsplit(target)._replace(fragment="").geturl(), asked)
        for requested in page.requested:
            self._note(requested, asked)
        for form in page.forms:
            if form.method != "post":
                action = urlsplit(urljoin(address, form.action or address))
                self._note(f"{action.path}?{urlencode(form.fields())}", asked)
        for panel in page.panels:
            if "_raw" not in address:
                join = "&" if "?" in address else "?"
                self._note(f"{address}{join}_raw={panel}", asked)
        for form in page.forms:
            if form.method == "post":
                self._send(form, address)

    def _send(self, form: _Form, address: str) -> None:
        action = urljoin(address, form.action or address)
        fields = form.fields()
        app = self._visitor.client.application
        if urlsplit(action).path in _LEFT_ALONE:
            return
        if urlsplit(action).path.endswith("/select"):  # leads to a review for each of its buttons
            for button, value in form.buttons():
                chosen = {**fields, **form.first_choices(), button: value}
                answer = self._visitor.client.post(action, data=chosen, base_url=ORIGIN, buffered=True)
                self._read(f"POST {action} {value}", answer, action)
            return
        rule = app.url_map.bind("127.0.0.1").match(urlsplit(action).path, "POST", return_rule=True)[0].rule
        kind = f"POST {rule} {fields.get('method', '')} {'/'.join(sorted(fields))}"
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if self._kinds[kind] == 1:
            answer = self._visitor.client.post(action, data=fields, base_url=ORIGIN, buffered=True)
            self._read(f"POST {action} {fields.get('method', '')}", answer, action)

    def _wait_for_jobs(self, page: _Page, address: str) -> None:
        """Wait for a job, then read its page again."""
        if not page.watches:
            return

        def is_over() -> bool:
            again = self._visitor.get(address)
            self.answers[f"GET {address} again"] = again
            return not _Page(again.get_data(as_text=True)).watches

        until(is_over, within=60)


@dataclass
class _Control:
    """A field or a button of a form."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    options: list[_Control] = field(default_factory=list)

    def chosen(self) -> str:
        """The value of the selected option, else of the first one."""
        selected = [option for option in self.options if "selected" in option.attributes] or self.options
        return selected[0].attributes.get("value", selected[0].text) if selected else ""


@dataclass
class _Form:
    method: str
    action: str
    controls: list[_Control] = field(default_factory=list)

    def fields(self) -> dict[str, str]:
        """The fields a browser would send for the first button."""
        fields: dict[str, str] = {}
        for control in self.controls:
            name, kind = control.attributes["name"], control.attributes.get("type", "")
            value = control.attributes.get("value", "")
            if control.tag == "select":
                fields[name] = control.chosen()
            elif control.tag == "textarea":
                fields[name] = control.text
            elif kind in ("checkbox", "radio") and "checked" not in control.attributes:
                continue
            elif control.tag == "button" or kind == "submit":
                fields.setdefault(name, value)
            else:
                fields[name] = value
        return {name: value or _FILLED.get(name, "") for name, value in fields.items()}

    def buttons(self) -> list[tuple[str, str]]:
        """Name and value of each button; without one, of a button without a name."""
        found = [
            (control.attributes["name"], control.attributes.get("value", ""))
            for control in self.controls
            if control.tag == "button"
        ]
        return found or [("button", "")]

    def first_choices(self) -> dict[str, str]:
        """The first checkbox of each name."""
        boxes = [control for control in self.controls if control.attributes.get("type") == "checkbox"]
        return {box.attributes["name"]: box.attributes.get("value", "") for box in reversed(boxes)}


class _Page(HTMLParser):
    """What the crawler needs of a page, in one pass: a tree of each page would take most of its time.

    Attributes:
        links: Targets of links to other pages, in their order.
        requested: Addresses that scripts request.
        panels: Names of the panels.
        forms: The forms.
        watches: Whether a job is running.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.requested: list[str] = []
        self.panels: list[str] = []
        self.forms: list[_Form] = []
        self.watches = False
        self._form: _Form | None = None
        self._select: _Control | None = None
        self._text_of: _Control | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a" and not attributes.get("href", "#").startswith("#"):
            self.links.append(attributes["href"])
        elif tag == "form":
            self._form = _Form(attributes.get("method", ""), attributes.get("action", ""))
            self.forms.append(self._form)
        elif self._form is not None:
            self._note_control(self._form, _Control(tag, attributes))
        for name, value in attributes.items():
            if name.startswith("data-"):
                self.watches |= name == "data-watch"
                if name == "data-panel":
                    self.panels.append(value)
                if value.startswith("/playground"):
                    self.requested.append(value)

    def _note_control(self, form: _Form, control: _Control) -> None:
        if control.tag == "select":
            self._select = control
        elif control.tag == "option" and self._select is not None:
            self._select.options.append(control)
        if control.tag in ("input", "select", "textarea", "button") and "name" in control.attributes:
            form.controls.append(control)
        self._text_of = control if control.tag in ("option", "textarea") else None

    def handle_endtag(self, tag: str) -> None:
        self._text_of = None
        if tag == "select":
            self._select = None
        elif tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._text_of is not None:
            self._text_of.text += data
