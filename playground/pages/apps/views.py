"""The catalogue of ready-made images, by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import Blueprint, render_template, request

from octaspace import UnexpectedShapeError
from octaspace.types import App

from ...sdk.call import SdkCall
from ...sdk.json_access import listed, single_line
from ...web.panels import PanelRequest, load

bp = Blueprint("apps", __name__, url_prefix="/playground/apps")


@dataclass(frozen=True)
class AppFilter:
    """A filter of apps; an empty field does not filter.

    Attributes:
        text: A part of name, image, description or the name of an environment variable.
        category: The category.
        vram: VRAM of the GPU in GB that is enough for the app.
    """

    text: str = ""
    category: str = ""
    vram: float | None = None

    @classmethod
    def read(cls, args: Mapping[str, str]) -> AppFilter:
        """Read the filter from a query; invalid values do not filter."""
        try:
            vram = float(args.get("vram", ""))
        except ValueError:
            vram = None
        return cls(single_line(args.get("text")), single_line(args.get("category"), 40), vram)

    def __bool__(self) -> bool:
        return self != AppFilter()

    def apply(self, apps: Iterable[App]) -> list[App]:
        """The apps that pass the filter."""
        return [app for app in apps if self._wants(app)]

    def _wants(self, app: App) -> bool:
        texts = (app.name, app.image, app.description, *app.envs)
        return (
            self.category in ("", category_of(app))
            and (self.vram is None or (app.min_vram_gb or 0) <= self.vram)
            and any(self.text.lower() in single_line(text, 500).lower() for text in texts)
        )


@bp.get("")
def index() -> str:
    wanted = AppFilter.read(request.args)
    panels = load(PanelRequest("apps", "Apps", SdkCall("apps.list"), shape=read_apps, cached=True))
    apps: list[App] = panels["apps"].data or []
    shown = sorted(wanted.apply(apps), key=lambda app: (category_of(app), single_line(app.name).lower()))
    return render_template(
        "apps/index.html",
        **panels,
        wanted=wanted,
        categories=sorted(Counter(category_of(app) for app in apps).items()),
        groups=[(category, list(group)) for category, group in groupby(shown, category_of)],
        count=len(shown),
    )


def read_apps(data: Any) -> list[App]:
    """The entries of ``GET /apps`` that can be read; one without a uuid cannot be rented, and is not shown.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    apps = []
    for item in listed(data, "App"):
        try:
            apps.append(App.from_api(item))
        except UnexpectedShapeError:
            continue
    return apps


def category_of(app: App) -> str:
    """Its category as one line."""
    return single_line(app.category, 40) or "Other"
