"""The page that asks for confirmation shows the request exactly as the API receives it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer

from ...browsing import Visitor, text_of
from .renting import DIFFUSION, MACHINE, order, rentals

VARIABLE = "OCTASPACE_RENTAL_ID"

PEM = "-----BEGIN-----\nabc==\n-----END-----"

FIELDS: dict[str, dict[str, str]] = {
    "mr": {
        **MACHINE, "app": DIFFUSION, "ports": "22 5000", "http_ports": "8080", "start_command": "run --all",
        "envs": f"TOKEN= very secret \nRTL=\u200fx\u2028y\nCERT<<END\n{PEM}\nEND\nEMPTY=", "name": "nightly",
        "max_duration": "2", "entrypoint": "/sh", "organization_id": "7", "project_id": "8",
    },
    "vpn": {"node_id": "9301", "subkind": "v2ray", "protocol": "vless"},
    "render": {"node_id": "9201", "disk_size": "5", "envs": "A=1", "multi_gpu_worker": "false"},
}  # fmt: skip


def shown(page: BeautifulSoup) -> dict[str, Any]:
    """Each value that the page shows, by the name of its argument."""
    found: dict[str, Any] = {}
    for part in page.select("[data-sent]"):
        if part.select(".absent") and not part.select(".sent-variables"):
            continue
        if part.select(".sent-variables"):
            found[str(part["data-sent"])] = {
                row.select("code")[0].get_text(): value[0].get_text()
                if (value := row.select(".sent-text"))
                else ""
                for row in part.select("li")
            }
        else:
            found[str(part["data-sent"])] = part.select(".sent-text")[0].get_text()
    return found


@pytest.mark.parametrize("service", list(FIELDS))
def test_what_the_review_shows_is_what_arrives(
    visitor: Visitor, sandbox: SandboxServer, service: str
) -> None:
    question = order(visitor, service, **FIELDS[service])
    page = visitor.page(question)
    body = json.loads(page.select("#body")[0].get_text())
    assert rentals(sandbox) == []
    visitor.post(question)
    (entry,) = rentals(sandbox)
    assert body == json.loads(entry.body)
    assert f"POST {entry.path}" in text_of(page.select("#main")[0])
    # Each value of the body is in the list above it too.
    item = body[0] if isinstance(body, list) else body
    values = shown(page)
    for name, value in item.items():
        if name == "id" or value in ("", [], {}):
            continue
        text = values[name.replace("-", "_")]
        if isinstance(value, dict):
            assert list(text) == list(value)
            for variable, expected in value.items():
                assert text[variable] in (expected, "\ufffdx\ufffdy")
        elif isinstance(value, list):
            assert text == ", ".join(map(str, value))
        else:
            assert text == (str(value).lower() if isinstance(value, bool) else str(value))


def test_name_and_stop_are_recorded_and_not_sent(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(order(visitor, "mr", **FIELDS["mr"]))
    text = text_of(page.select("#main")[0])
    assert "nightly" in text
    assert "2 h 00 min" in text
    body = page.select("#body")[0].get_text()
    assert "nightly" not in body
    assert "\\u200f" in body
    assert "\\u2028" in body


def test_values_apart_from_the_application_are_noted(visitor: Visitor) -> None:
    page = visitor.page(order(visitor, "mr", **FIELDS["mr"]))
    assert "example/stable-diffusion:2.1" in text_of(page.select('[data-sent="image"] .sent-note')[0])
    assert "minimum 60" in text_of(page.select('[data-sent="disk_size"] .sent-note')[0])
    assert "CLI_ARGS=--listen" in text_of(page.select('[data-sent="envs"] .sent-note')[0])
    assert not page.select('[data-sent="http_ports"] .sent-note')


def test_the_id_that_is_shown_is_that_of_the_entry_in_the_ledger(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    ids = []
    for _ in range(2):
        question = order(visitor, "mr", **MACHINE)
        ids.append(json.loads(visitor.page(question).select("#body")[0].get_text())[0]["envs"][VARIABLE])
        visitor.post(question)
    assert len(set(ids)) == 2
    assert [json.loads(entry.body)[0]["envs"][VARIABLE] for entry in rentals(sandbox)] == ids
    ledger = app.extensions["playground"].rental_ledger
    entries = {entry.id: entry for entry in ledger.backend.open_rentals()}
    assert set(ids) <= set(entries)
    assert all(entries[id].uuid for id in ids)
    assert entries[ids[0]].owner.label.startswith("browser-")
