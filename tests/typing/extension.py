"""What a user's editor and type checker see of the extension. Never run: mypy and pyright read it."""

from __future__ import annotations

from blinker import NamedSignal
from flask import Flask
from typing_extensions import assert_type

import octaspace
from flask_octaspace import OctaSpace, current_octaspace, octaspace_error
from octaspace import Client, Response
from octaspace.types import payloads


def the_proxy_is_a_client() -> Client:
    assert_type(current_octaspace.nodes.list(), Response[list[payloads.Node]])
    assert_type(current_octaspace.with_options(max_retries=0).config.max_retries, int)
    assert_type(current_octaspace._get_current_object(), Client)
    current_octaspace.nonsense  # type: ignore[attr-defined]  # noqa: B018
    return current_octaspace


def options_are_known(app: Flask) -> None:
    octa = OctaSpace(keep_alive=True, client_scope="context", pool_size=10)
    octa.init_app(app, api_key=None, base_urls=["https://api.octa.space"], rental_ledger="sqlite:///r.db")
    OctaSpace(app, pool_sise=10)  # type: ignore[call-arg]
    OctaSpace(client_scope="request")  # type: ignore[arg-type]
    octa.init_app(app, read_timeout="5")  # type: ignore[arg-type]


def clients(octa: OctaSpace, app: Flask) -> None:
    assert_type(octa.client, Client)
    assert_type(octa.client_for("key", read_timeout=5.0), Client)
    octa.client_for("key", client_scope="app")  # type: ignore[call-arg]
    octa.close(app)


def signals(app: Flask) -> None:
    assert_type(octaspace_error, NamedSignal)

    @octaspace_error.connect_via(app)
    def note(sender: Flask, error: octaspace.Error, **extra: object) -> None:
        assert_type(error.status, int | None)
