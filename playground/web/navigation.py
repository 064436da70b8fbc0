"""The pages of the sidebar, and their keyboard shortcuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

__all__ = ["GROUPS", "Page", "init_app", "known_page", "title_of"]


@dataclass(frozen=True)
class Page:
    """An entry of the sidebar.

    Attributes:
        endpoint: Endpoint of the page; its blueprint's name marks the current one.
        title: Its title.
        icon: Its icon in Bootstrap's icon font.
        key: Shortcut: the letter to type after `g`.
        covers: Other blueprints whose pages belong to this entry.
    """

    endpoint: str
    title: str
    icon: str
    key: str
    covers: tuple[str, ...] = ()

    @property
    def area(self) -> str:
        return self.endpoint.partition(".")[0]


GROUPS: Final = (
    (
        "Overview",
        (
            Page("dashboard.index", "Dashboard", "speedometer2", "d"),
            Page("network.index", "Network", "globe-americas", "w"),
        ),
    ),
    (
        "Resources",
        (
            Page("account.index", "Account", "wallet2", "a"),
            Page("services.index", "Services", "shop", "v", covers=("rent",)),
            Page("apps.index", "Apps", "grid-3x3-gap", "p"),
            Page("sessions.index", "Sessions", "play-circle", "s"),
            Page("rentals.index", "Rentals", "alarm", "t"),
            Page("nodes.index", "Nodes", "hdd-stack", "n"),
            Page("idle_jobs.index", "Idle jobs", "moon-stars", "i"),
        ),
    ),
    (
        "Tools",
        (
            Page("diagnostics.index", "Diagnostics", "activity", "x"),
            Page("runner.index", "Method runner", "play-btn", "m"),
            Page("smoke.index", "Smoke suite", "clipboard2-check", "k"),
            Page("lab.index", "Failover lab", "signpost-split", "f"),
            Page("requests.index", "Requests", "list-columns-reverse", "r"),
            Page("settings.index", "Settings", "sliders", "e"),
        ),
    ),
)


def init_app(app: Flask) -> None:
    """Register the start page, and the sidebar for templates."""

    @app.get("/")
    def root() -> Response:
        return redirect(url_for("dashboard.index"))

    @app.get("/playground/")
    def start() -> Response:
        return redirect(url_for("dashboard.index"))

    @app.context_processor
    def sidebar() -> dict[str, object]:
        views = current_app.view_functions
        groups = [(name, [page for page in pages if page.endpoint in views]) for name, pages in GROUPS]
        endpoints = {page.endpoint for _, pages in groups for page in pages}
        endpoints |= {name for name in ("sessions.show", "nodes.show") if name in views}
        return {
            "navigation": groups,
            "page_endpoints": endpoints,
            "area": _area((request.endpoint or "").partition(".")[0]),
        }


def _area(blueprint: str) -> str:
    """The blueprint of the sidebar entry for a page of `blueprint`."""
    pages = (page for _, pages in GROUPS for page in pages)
    return next((page.area for page in pages if blueprint in page.covers), blueprint)


def title_of(endpoint: str) -> str:
    """The title in the sidebar of the area that a page belongs to."""
    area = _area(endpoint.partition(".")[0])
    return next((page.title for _, pages in GROUPS for page in pages if page.area == area), "the page")


def known_page(endpoint: str, given: str | None) -> str:
    """The endpoint given by a form if it is in the sidebar; else `endpoint`."""
    known = {page.endpoint for _, pages in GROUPS for page in pages}
    return given if given in known and given in current_app.view_functions else endpoint
