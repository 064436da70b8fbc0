"""URLs and ids from payloads: links, SSH commands, and ids in URLs."""

from __future__ import annotations

import re

import pytest
from flask import Flask, url_for

from octaspace.types import Session, SshAccess
from playground.domain.safe_links import host_and_port, ssh_command, web_address
from playground.domain.sessions import ShownSession, short_id
from playground.web.url_ids import decoded, encoded, links


@pytest.mark.parametrize(
    "id", ["5dd2d308-db91", "a/b", "..", ".", "100%", "a%2Fb", "'\"<>", "\u202eid", "nul\x00", "x y?#&="]
)
def test_id_survives_the_round_trip_through_a_url(app: Flask, id: str) -> None:
    with app.test_request_context():
        address = url_for("sessions.show", uuid=id)
    assert re.fullmatch(r"/playground/sessions/[A-Za-z0-9%_~-]+", address)
    with app.test_request_context(address) as context:
        assert context.request.view_args == {"uuid": id}
    assert decoded(encoded(id)) == id


@pytest.mark.parametrize(
    "id", ["5dd2d308-db91", 9001, "a/b", "..", "100%", "'\"<>", "\u202eid", "x?#&=+;:@,! "]
)
def test_links_match_url_for(app: Flask, id: str | int) -> None:
    with app.test_request_context():
        for endpoint, name, values in (
            ("sessions.show", "uuid", {"recent": "true"}),
            ("nodes.show", "node_id", {}),
            ("rent.form", "node_id", {"service": "mr", "app": "an app", "order": None}),
        ):
            address = links(endpoint, name, **values)(id)
            assert address == url_for(endpoint, **{name: id}, **values)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://s-0.example.net/x?y=1", True),
        ("http://[2001:db8::1]:8080/", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT://x.example/%0aalert(1)", False),
        ("https://good.example@evil.example/", False),
        ("https://", False),
        ("//evil.example", False),
        ("https://x.example/\u202e", False),
        ("https://x.example:99999/", False),
        ("https:\\\\evil.example", False),
        ("ftp://x.example", False),
        (None, False),
        (7, False),
    ],
)
def test_only_http_urls_become_links(address: object, safe: bool) -> None:
    assert web_address(address) == (address if safe else None)


def test_ssh_command_requires_a_valid_host() -> None:
    assert ssh_command(SshAccess(host="198.51.100.20", port=42000)) == "ssh -p 42000 root@198.51.100.20"
    for host in ("-oProxyCommand=evil", "x;reboot", "a b", "$(id)", "", None):
        assert ssh_command(SshAccess(host=host, port=22)) is None
    assert ssh_command(SshAccess(host="x.example", port=70000)) is None
    assert ssh_command(None) is None
    assert host_and_port("2001:db8::1", 80) == "[2001:db8::1]:80"


def test_a_short_id_can_be_typed() -> None:
    assert short_id("5dd2d308-db91-4bda") == "5dd2d308"
    assert short_id("\x00\x01") == "session"


def test_q31_label_of_a_session_page_is_its_port_or_name() -> None:
    for urls, labels in (
        ({"8080": "https://a.example"}, ["Port 8080"]),
        ({"jupyter": "https://a.example"}, ["jupyter"]),
        (["https://a.example", "https://b.example"], ["Page", "Page"]),
    ):
        pages = ShownSession(Session.from_api({"uuid": "s-1", "urls": urls})).web
        assert [page.label for page in pages] == labels
        assert pages[0].href == "https://a.example"
