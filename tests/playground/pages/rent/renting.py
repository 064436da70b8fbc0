"""Renting as a person does it: the form, the page that asks, the button."""

from __future__ import annotations

from typing import Any, Final

from bs4 import BeautifulSoup
from werkzeug.test import TestResponse

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.journal import Entry

from ...browsing import Visitor

__all__ = ["DIFFUSION", "MACHINE", "SERVICES_PAGE", "offers_of", "order", "rent", "rentals"]

SERVICES_PAGE: Final = "/playground/services"
DIFFUSION: Final = "249b4cb3-3db1-4c06-98a4-772ba88cd801"

#: Arguments for a machine that can be rented.
MACHINE: Final = {"node_id": "9101", "disk_size": "20", "image": "ubuntu:24.04"}


def rentals(sandbox: SandboxServer) -> list[Entry]:
    """The changes that arrived."""
    return [entry for entry in sandbox.journal.entries() if entry.method == "POST"]


def offers_of(page: BeautifulSoup) -> list[str]:
    """Where the offers of a page lead to."""
    return [str(link["href"]) for link in page.select("#panel-offers tbody th a")]


def order(visitor: Visitor, service: str, **fields: Any) -> str:
    """Fill the form in, the values of its application included; the address it leads to."""
    fields = {"filled": fields.get("app", ""), **fields}
    answer = visitor.post(f"{SERVICES_PAGE}/{service}/rent", step="review", **fields)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def rent(visitor: Visitor, service: str, **fields: Any) -> TestResponse:
    """The whole way: form, question, request."""
    question = order(visitor, service, **fields)
    page = visitor.page(question)
    form = page.select(f'form[action="{question}"]')[0]
    return visitor.post(str(form["action"]))
