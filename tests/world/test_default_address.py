"""The default configuration, where the live API would be: its names, its ports, its certificates."""

from __future__ import annotations

import pytest

import octaspace

from .conftest import Api


@pytest.mark.parametrize("keep_alive", [False, True])
def test_the_default_configuration(api: Api, keep_alive: bool) -> None:
    with octaspace.Client("key", keep_alive=keep_alive) as client:
        assert client.config.endpoints == ("https://api.octa.space",)
        assert client.network.info().data
        assert client.nodes.list().data
